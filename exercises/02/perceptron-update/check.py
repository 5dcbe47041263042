"""Oracle: rewards and punishments by cases, as Rosenblatt put it, with no error term; the first examples by hand."""

import numpy as np

from dlstudy.course.checking import Case

PARTS = ("the weights", "the bias")


def cases(rng):
    def array(*shape):
        return np.round(rng.normal(size=shape), 2)

    x = array(5)
    return [
        Case("it says no and should say yes", np.array([1.0, -3.0]), 0.5, np.array([1.0, 2.0]), 1,
             expected=(np.array([2.0, -1.0]), 1.5)),
        Case("it says yes and should say no", np.array([2.0, -1.0]), 0.5, np.array([1.0, 1.0]), 0,
             expected=(np.array([1.0, -2.0]), -0.5)),
        Case("it says yes, and that is right", np.array([2.0, -1.0]), 0.5, np.array([3.0, 1.0]), 1,
             expected=(np.array([2.0, -1.0]), 0.5)),
        Case("it says no, and that is right", np.array([2.0, -1.0]), 0.5, np.array([-3.0, 1.0]), 0,
             expected=(np.array([2.0, -1.0]), 0.5)),
        Case("a sum of exactly zero is not above zero", np.array([1.0, -2.0]), 0.0, np.array([2.0, 1.0]), 1,
             expected=(np.array([3.0, -1.0]), 1.0)),
        Case("a sum of exactly zero, and no is right", np.array([1.0, -2.0]), 0.5, np.array([1.5, 1.0]), 0,
             expected=(np.array([1.0, -2.0]), 0.5)),
        Case("a single input", np.array([0.5]), 0.25, np.array([-2.0]), 1, expected=(np.array([-1.5]), 1.25)),
        Case("only the bias says yes", np.array([-0.5, 0.25, 1.0]), 2.25, np.array([1.0, 0.0, -1.0]), 0),
        Case("five inputs, far on the wrong side", -x, -0.25, x, 1),
        Case("five inputs, far on the other wrong side", x, 0.25, x, 0),
    ]  # fmt: skip


def oracle(w, b, x, label):
    says_yes = sum(wi * xi for wi, xi in zip(w, x)) + b > 0
    if says_yes and label == 0:
        return w - x, b - 1
    if not says_yes and label == 1:
        return w + x, b + 1
    return w, b
