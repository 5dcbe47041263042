"""Oracle: torch.nn.utils.clip_grad_norm_ (which divides by the norm plus 1e-6); the example is worked by hand."""

import torch

from dlstudy.course.checking import Case

RTOL, ATOL = 1e-5, 1e-7


def cases(rng):
    def tensors(*shapes, length=None):
        made = [torch.from_numpy(rng.normal(size=shape)) for shape in shapes]
        now = torch.cat([t.flatten() for t in made]).norm()
        return [t * (length / now) for t in made] if length else made

    def number(*values):
        return torch.tensor(values, dtype=torch.float64)

    return [
        Case(
            "the example: 3, 0 and 4, at most 1 long",
            [number(3.0, 0.0), number(4.0)],
            1.0,
            expected=[number(0.6, 0.0), number(0.8)],
        ),
        Case("short enough already", [number(3.0, 0.0), number(4.0)], 10.0, expected=[number(3.0, 0.0), number(4.0)]),
        Case("one tensor, far too long", tensors((4, 3), length=80.0), 2.0),
        Case("a recurrent layer: two matrices, two biases", tensors((5, 3), (5, 5), (5,), (5,), length=37.0), 1.0),
        Case("a long one beside short ones", [tensors((6,), length=90.0)[0], *tensors((2, 2), (3,), length=2.0)], 5.0),
        Case("just under the limit", tensors((2, 3), (4,), length=2.9), 3.0),
    ]


def oracle(grads, max_norm):
    parameters = [torch.nn.Parameter(torch.empty_like(g)) for g in grads]
    for parameter, g in zip(parameters, grads):
        parameter.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return [parameter.grad for parameter in parameters]
