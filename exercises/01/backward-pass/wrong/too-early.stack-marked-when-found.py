import numpy as np


def backward_pass(result):
    arrived = {id(result): np.ones_like(result.value)}
    stack, seen = [result], {id(result)}
    while stack:
        node = stack.pop()
        gradient = arrived[id(node)]
        node.grad = node.grad + gradient
        if node.pull is not None:
            for parent, part in zip(node.parents, node.pull(gradient)):
                arrived[id(parent)] = arrived.get(id(parent), 0) + part
                if id(parent) not in seen:
                    seen.add(id(parent))
                    stack.append(parent)
