import torch


def view_or_copy(expression):
    x = torch.arange(12.0).reshape(3, 4)
    result = eval(expression)
    before = result.clone()
    x += 100
    return "view" if (result != before).all() else "copy"
