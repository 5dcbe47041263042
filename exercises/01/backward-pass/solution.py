import numpy as np


def backward_pass(result):
    """Add the gradient of `result` to the `.grad` of every node that it was computed from, and of itself.

    A node has a `.value` and a `.grad` (arrays of one shape), `.parents` (the nodes it was computed from; none for a
    leaf) and `.pull`: called with the gradient of the node, an array shaped like its value, it returns one gradient for
    each parent. A leaf's `.pull` is None. The gradient of `result` itself is 1 everywhere. `.grad` is added to, never
    replaced.
    """
    order, seen, stack = [], set(), [(result, False)]
    while stack:
        node, finished = stack.pop()
        if finished:
            order.append(node)  # by now, all that it was computed from is in the list
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent in node.parents)

    arrived = {id(result): np.ones_like(result.value)}
    for node in reversed(order):
        gradient = arrived.pop(id(node))
        node.grad = node.grad + gradient
        if node.pull is not None:
            for parent, part in zip(node.parents, node.pull(gradient)):
                arrived[id(parent)] = arrived.get(id(parent), 0) + part
