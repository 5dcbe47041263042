import numpy as np


def backward_pass(result):
    order, found = [result], {id(result)}
    for node in order:
        for parent in node.parents:
            if id(parent) not in found:
                found.add(id(parent))
                order.append(parent)
    arrived = {id(node): np.zeros_like(node.value) for node in order}
    arrived[id(result)] = np.ones_like(result.value)
    for node in order:
        if node.pull is not None:
            for parent, part in zip(node.parents, node.pull(arrived[id(node)])):
                arrived[id(parent)] = arrived[id(parent)] + part
    for node in order:
        node.grad = node.grad + arrived[id(node)]
