import numpy as np


def backward_pass(result):
    result.grad = np.ones_like(result.value)
    queue, seen = [result], {result}
    while queue:
        node = queue.pop(0)
        if node.pull:
            for parent, part in zip(node.parents, node.pull(node.grad)):
                parent.grad = parent.grad + part
                if parent not in seen:
                    seen.add(parent)
                    queue.append(parent)
