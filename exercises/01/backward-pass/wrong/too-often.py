import numpy as np


def backward_pass(result):
    level = {id(result): (result, np.ones_like(result.value))}
    while level:
        below = {}
        for node, gradient in level.values():
            node.grad = node.grad + gradient
            if node.pull is not None:
                for parent, part in zip(node.parents, node.pull(gradient)):
                    before = below.get(id(parent), (parent, 0))[1]
                    below[id(parent)] = parent, before + part
        level = below
