"""einsum: sums of products of tensors, by naming their dimensions."""

from collections import Counter
from typing import Any

import numpy as np

from dlstudy.scratch.tensor import Tensor

from .matrix import diagonal, matmul


def einsum(equation: str, *operands: Any) -> Tensor:
    """Return sums of products in Einstein's notation, as "bij,bjk->bik": letters name dimensions, those not in the
    result are summed.

    "..." stands for dimensions that broadcast; without "->" the result has the letters that appear once, in
    alphabetical order. Built from permute, diagonal, sum and matmul, so its derivative is theirs. RuntimeError if
    letters and shapes do not fit.
    """
    if len(operands) == 1 and isinstance(operands[0], tuple | list):
        operands = tuple(operands[0])
    inputs, output, sizes = _parse(equation, operands)
    terms = [_without_repeats(labels, t) for labels, t in zip(inputs, operands)]
    result_labels, result = terms[0]
    for i, (labels, t) in enumerate(terms[1:], 1):
        later = {label for rest, _ in terms[i + 1 :] for label in rest} | set(output)
        result_labels, result = _multiply(result_labels, result, labels, t, later, sizes)
    summed = [i for i, label in enumerate(result_labels) if label not in output]
    if summed:
        result = result.sum(tuple(summed))
        result_labels = [label for label in result_labels if label in output]
    return result.permute([result_labels.index(label) for label in output])


def _parse(equation: str, operands: tuple[Tensor, ...]) -> tuple[list[list[str]], list[str], dict[str, int]]:
    """Return the labels of each operand and of the result, and the size of each label; "..." becomes labels "0", "1",
    ...
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(operands):
        raise RuntimeError(f"einsum(): the equation names {len(parts)} operands, got {len(operands)}")
    dots = 0
    for part, t in zip(parts, operands):
        if "..." in part:
            dots = max(dots, t._data.ndim - len(part) + 3)
    sizes: dict[str, int] = {}
    inputs = []
    for number, (part, t) in enumerate(zip(parts, operands)):
        width = t._data.ndim - len(part.replace("...", "")) if "..." in part else 0
        before, _, after = part.partition("...")
        labels = [*before, *[str(i) for i in range(dots - width, dots)], *after]
        if not all(label.isalnum() for label in labels) or width < 0 or len(labels) != t._data.ndim:
            raise RuntimeError(
                f"einsum(): operand {number} has shape {list(t.shape)}, which '{part}' does not describe: "
                "expected one letter per dimension"
            )
        for label, size in zip(labels, t._data.shape):
            if sizes.get(label, 1) not in (1, size) and size != 1:
                raise RuntimeError(
                    f"einsum(): '{label}' has size {sizes[label]}, got size {size} for it in operand {number}"
                )
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
        inputs.append(labels)
    dot_labels = [str(i) for i in range(dots)]
    if arrow:
        before, has_dots, after = right.partition("...")
        output = [*before, *(dot_labels if has_dots else []), *after]
        unknown = [label for label in output if label not in sizes]
        if unknown or len(set(output)) != len(output):
            raise RuntimeError(f"einsum(): expected every letter of the result '{right}' once and in some operand")
    else:
        counts = Counter(label for labels in inputs for label in labels)
        output = dot_labels + sorted(label for label, count in counts.items() if count == 1 and not label.isdigit())
    return inputs, output, sizes


def _without_repeats(labels: list[str], t: Tensor) -> tuple[list[str], Tensor]:
    """Return an operand whose repeated letters ("ii") were replaced by its diagonal."""
    labels = list(labels)
    for label in [name for name, count in Counter(labels).items() if count > 1]:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            t = diagonal(t, 0, first, second)
            labels = [name for i, name in enumerate(labels) if i not in (first, second)] + [label]
    return labels, t


def _multiply(
    a_labels: list[str], a: Tensor, b_labels: list[str], b: Tensor, later: set[str], sizes: dict[str, int]
) -> tuple[list[str], Tensor]:
    """Multiply two operands and sum the letters that nobody needs later: one batched matrix product."""
    a_labels, a = _sum_own(a_labels, a, set(b_labels) | later)
    b_labels, b = _sum_own(b_labels, b, set(a_labels) | later)
    shared = [label for label in a_labels if label in b_labels]
    batch = [label for label in shared if label in later]
    inner = [label for label in shared if label not in later]
    a_only = [label for label in a_labels if label not in b_labels]
    b_only = [label for label in b_labels if label not in a_labels]
    if not inner:  # nothing to sum: a product with broadcasting
        labels = batch + a_only + b_only
        return labels, _align(a_labels, a, labels) * _align(b_labels, b, labels)
    a, b = _stretch(a_labels, a, inner, sizes), _stretch(b_labels, b, inner, sizes)
    size_a = dict(zip(a_labels, a._data.shape))
    size_b = dict(zip(b_labels, b._data.shape))
    k = int(np.prod([sizes[label] for label in inner]))
    rows, columns = [size_a[label] for label in a_only], [size_b[label] for label in b_only]
    left = a.permute([a_labels.index(label) for label in batch + a_only + inner])
    right = b.permute([b_labels.index(label) for label in batch + inner + b_only])
    left = left.reshape([size_a[label] for label in batch] + [int(np.prod(rows)), k])
    right = right.reshape([size_b[label] for label in batch] + [k, int(np.prod(columns))])
    product = matmul(left, right)
    return batch + a_only + b_only, product.reshape(list(product.shape[:-2]) + rows + columns)


def _sum_own(labels: list[str], t: Tensor, needed: set[str]) -> tuple[list[str], Tensor]:
    """Sum the dimensions that only this operand has and nobody needs."""
    own = tuple(i for i, label in enumerate(labels) if label not in needed)
    return ([label for label in labels if label in needed], t.sum(own)) if own else (labels, t)


def _align(labels: list[str], t: Tensor, target: list[str]) -> Tensor:
    """Return the operand with its dimensions in the order of `target`, of size 1 where it has none."""
    t = t.permute([labels.index(label) for label in target if label in labels])
    sizes = iter(t._data.shape)
    return t.reshape([next(sizes) if label in labels else 1 for label in target])


def _stretch(labels: list[str], t: Tensor, inner: list[str], sizes: dict[str, int]) -> Tensor:
    """Return the operand with summed dimensions of size 1 broadcast to the size that the other operand has."""
    wanted = [sizes[label] if label in inner else size for label, size in zip(labels, t._data.shape)]
    return t if tuple(wanted) == t._data.shape else t.expand(wanted)


FUNCTIONS: dict[str, Any] = {"einsum": einsum}
METHODS: dict[str, Any] = {}
