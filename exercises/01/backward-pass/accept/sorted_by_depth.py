import numpy as np


def backward_pass(result):
    depth, stack = {}, [result]
    nodes = {}
    while stack:
        node = stack[-1]
        nodes[id(node)] = node
        missing = [p for p in node.parents if id(p) not in depth]
        if missing:
            stack.extend(missing)
        else:
            stack.pop()
            depth[id(node)] = 1 + max((depth[id(p)] for p in node.parents), default=0)
    pending = {key: np.zeros_like(node.value) for key, node in nodes.items()}
    pending[id(result)] = pending[id(result)] + 1
    for key in sorted(nodes, key=depth.get, reverse=True):
        node = nodes[key]
        node.grad = node.grad + pending[key]
        if node.parents:
            for parent, g in zip(node.parents, node.pull(pending[key])):
                pending[id(parent)] = pending[id(parent)] + g
