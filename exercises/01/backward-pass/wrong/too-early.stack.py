import numpy as np


def backward_pass(result):
    arrived = {id(result): np.ones_like(result.value)}
    stack, done = [result], set()
    while stack:
        node = stack.pop()
        if id(node) in done:
            continue
        done.add(id(node))
        gradient = arrived[id(node)]
        node.grad = node.grad + gradient
        if node.pull is not None:
            for parent, part in zip(node.parents, node.pull(gradient)):
                arrived[id(parent)] = arrived.get(id(parent), 0) + part
                stack.append(parent)
