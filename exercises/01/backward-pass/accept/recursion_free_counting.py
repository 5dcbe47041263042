import numpy as np


def backward_pass(result):
    # Kahn's way: count how often each node is used, and let a node go when all of its uses have reported.
    uses, waiting, seen = {}, [result], {id(result)}
    while waiting:
        for parent in waiting.pop().parents:
            uses[id(parent)] = uses.get(id(parent), 0) + 1
            if id(parent) not in seen:
                seen.add(id(parent))
                waiting.append(parent)
    ready, arrived = [result], {id(result): np.ones(result.value.shape)}
    while ready:
        node = ready.pop()
        gradient = arrived[id(node)]
        node.grad = node.grad + gradient
        for parent, part in zip(node.parents, node.pull(gradient) if node.pull else ()):
            arrived[id(parent)] = part if id(parent) not in arrived else arrived[id(parent)] + part
            uses[id(parent)] -= 1
            if not uses[id(parent)]:
                ready.append(parent)
