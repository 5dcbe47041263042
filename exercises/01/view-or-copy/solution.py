def view_or_copy(expression):
    """Say what an expression gives for x = torch.arange(12.).reshape(3, 4): "view" or "copy".

    A view reads the numbers of `x` where they are; a copy has numbers of its own.
    """
    answers = {
        "x[1]": "view",
        "x[:, 1:3]": "view",
        "x[[0, 2]]": "copy",
        "x[x > 5]": "copy",
        "x.T": "view",
        "x.reshape(2, 6)": "view",
        "x.T.reshape(12)": "copy",
        "x.expand(5, 3, 4)": "view",
        "x + 0": "copy",
    }
    return answers[expression]
