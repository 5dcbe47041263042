import numpy as np


def backward_pass(result):
    order, seen, stack = [], set(), [(result, False)]
    while stack:
        node, finished = stack.pop()
        if finished:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent in node.parents)
    result.grad = np.ones_like(result.value)
    for node in reversed(order):
        if node.pull:
            for parent, part in zip(node.parents, node.pull(node.grad)):
                parent.grad = parent.grad + part
