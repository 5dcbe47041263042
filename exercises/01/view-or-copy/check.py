"""Oracle: evaluate the expression in PyTorch and compare the addresses of the memory behind it and behind x."""

import torch

from dlstudy.course.checking import Case

INDEPENDENT_CASES = True

EXPRESSIONS = {
    "one row": "x[1]",
    "some columns": "x[:, 1:3]",
    "a list of rows": "x[[0, 2]]",
    "a mask": "x[x > 5]",
    "a transpose": "x.T",
    "a reshape": "x.reshape(2, 6)",
    "a reshape of a transpose": "x.T.reshape(12)",
    "a stretch": "x.expand(5, 3, 4)",
    "arithmetic": "x + 0",
}


def cases(rng):
    return [Case(label, expression) for label, expression in EXPRESSIONS.items()]


def run(answer, expression):
    word = answer(expression)
    if isinstance(word, str) and word.strip() == "?":
        raise NotImplementedError("not every question mark is replaced yet")
    return word.strip().lower() if isinstance(word, str) else word


def oracle(expression):
    x = torch.arange(12.0).reshape(3, 4)
    result = eval(expression, {"x": x})
    same = result.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    return "view" if same else "copy"
