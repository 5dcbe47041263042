"""Every loss against torch: values, gradients, second derivatives and refusals, over reductions, weights and shapes."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dlstudy.scratch as scratch

from .parity import compare, draw

F = {torch: torch.nn.functional, scratch: scratch.nn.functional}
REDUCTIONS = ("none", "mean", "sum")
SHAPES = [(), (5,), (2, 3), (2, 1, 4), (0, 3)]


def loss(name: str, **settings: Any) -> Callable[..., Any]:
    """Return f(module, input, target) for the loss `name`; arrays among the settings become tensors."""

    def f(M: Any, *tensors: Any) -> Any:
        made = {k: M.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
        return getattr(F[M], name)(*tensors, **made)

    return f


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("huber_loss", {}),
        ("huber_loss", {"delta": 0.7}),
        ("huber_loss", {"delta": 0.0}),
        ("smooth_l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.4}),
        ("smooth_l1_loss", {"beta": 0.0}),
        ("smooth_l1_loss", {"beta": -1.0}),
    ],
)
def test_differences(name: str, extra: Any, dtype: str, reduction: str) -> None:
    g = rng()
    for shape in SHAPES:
        a, b = draw(g, shape, dtype=dtype), g.uniform(-2, 2, shape).astype(dtype)
        compare(loss(name, reduction=reduction, **extra), a, np.asarray(b))
        if extra.get("beta", 1) > 0 and name != "huber_loss":  # whose backward refuses mixed formats in torch
            compare(loss(name, reduction=reduction, **extra), a, np.asarray(b).astype("float64"), second=False)
    if not name.startswith("smooth"):
        weight = g.uniform(0.2, 2, (2, 3)).astype(dtype)
        a, b = draw(g, (2, 3), dtype=dtype), draw(g, (2, 3), dtype=dtype) + dtype_of(dtype, 0.3)
        compare(loss(name, reduction=reduction, weight=weight, **extra), a, b)


def dtype_of(dtype: str, value: float) -> Any:
    return np.dtype(dtype).type(value)


@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"])
def test_other_shapes_are_broadcast_with_a_warning(name: str) -> None:
    compare(loss(name), draw(rng(), (3, 1)), draw(rng(1), (4,)) + 0.31)
    with pytest.warns(UserWarning, match="different to the input size"):
        getattr(F[scratch], name)(scratch.ones(3, 1), scratch.zeros(4))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy(reduction: str, weighted: bool) -> None:
    g = rng()
    for shape in SHAPES:
        p, y = np.asarray(g.uniform(0.02, 0.98, shape)), np.asarray(g.uniform(0, 1, shape))
        extra = {"weight": np.asarray(g.uniform(0.5, 2, shape[-1:]))} if weighted else {}
        compare(loss("binary_cross_entropy", reduction=reduction, **extra), p, y)


def test_binary_cross_entropy_at_the_ends() -> None:
    p, y = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])
    for reduction in REDUCTIONS:
        compare(loss("binary_cross_entropy", reduction=reduction), p, y, second=False)
    compare(loss("binary_cross_entropy"), np.array([0.5, 1.5]), np.array([0.5, 0.5]))
    compare(loss("binary_cross_entropy"), np.array([0.5, 0.5]), np.array([0.5]))
    compare(loss("binary_cross_entropy"), np.array([0.5, 0.5]), np.array([0.5, 1], dtype="float32"))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positive", [False, True])
def test_binary_cross_entropy_with_logits(reduction: str, weighted: bool, positive: bool) -> None:
    g = rng()
    for shape in SHAPES:
        x, y = draw(g, shape, -6, 6), np.asarray(g.uniform(0, 1, shape))
        extra = {"weight": np.asarray(g.uniform(0.5, 2, shape[-1:]))} if weighted else {}
        if positive:
            extra["pos_weight"] = np.asarray(g.uniform(0.5, 3, shape[-1:]))
        compare(loss("binary_cross_entropy_with_logits", reduction=reduction, **extra), x, y)
    extreme = np.array([-800.0, 800.0, -800.0, 800.0])
    compare(loss("binary_cross_entropy_with_logits", reduction=reduction), extreme, np.array([0.0, 1.0, 1.0, 0.0]))
    compare(loss("binary_cross_entropy_with_logits"), draw(g, (2, 3)), draw(g, (3,)))


CLASS_SHAPES = [(5,), (4, 5), (3, 4, 2), (2, 3, 2, 2), (0, 4)]


def class_case(g: np.random.Generator, shape: tuple[int, ...], dtype: str = "float64") -> tuple[Any, Any, Any]:
    axis = 0 if len(shape) == 1 else 1
    target = np.asarray(g.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :]))
    return draw(g, shape, -3, 3, dtype), target, g.uniform(0.3, 2, shape[axis]).astype(dtype)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_class_numbers(name: str, weighted: bool, ignored: bool, reduction: str) -> None:
    g = rng(3)
    for shape, dtype in itertools.product(CLASS_SHAPES, ["float32", "float64"]):
        scores, target, weight = class_case(g, shape, dtype)
        extra: dict[str, Any] = {"weight": weight} if weighted else {}
        if ignored:
            extra["ignore_index"] = 1
        if name == "nll_loss":
            scores = -np.abs(scores)
        compare(loss(name, reduction=reduction, **extra), scores, target)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_label_smoothing(weighted: bool, ignored: bool, reduction: str) -> None:
    g = rng(4)
    for shape, smoothing in itertools.product(CLASS_SHAPES, [0.1, 1.0]):
        scores, target, weight = class_case(g, shape)
        extra: dict[str, Any] = {"weight": weight} if weighted else {}
        if ignored:
            extra["ignore_index"] = 1
        compare(loss("cross_entropy", reduction=reduction, label_smoothing=smoothing, **extra), scores, target)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_target_of_probabilities(weighted: bool, smoothing: float, reduction: str) -> None:
    g = rng(5)
    for shape, dtype in itertools.product(CLASS_SHAPES, ["float32", "float64"]):
        scores, _, weight = class_case(g, shape, dtype)
        q = np.exp(g.normal(size=shape))
        q /= q.sum(axis=0 if len(shape) == 1 else 1, keepdims=True)
        extra = {"weight": weight} if weighted else {}
        compare(loss("cross_entropy", reduction=reduction, label_smoothing=smoothing, **extra), scores, q.astype(dtype))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_every_sample_ignored(reduction: str) -> None:
    target = np.full(3, -100)
    for smoothing in (0.0, 0.1):
        f = loss("cross_entropy", reduction=reduction, label_smoothing=smoothing)
        compare(f, draw(rng(), (3, 4)), target, second=False)


def test_classes_that_count_nothing() -> None:
    nothing = {"weight": np.array([0.0, 1, 1, 1])}
    for name in ("cross_entropy", "nll_loss"):
        compare(loss(name, **nothing), draw(rng(), (3, 4)), np.zeros(3, "int64"), second=False)
        compare(loss(name, ignore_index=2, **nothing), draw(rng(), (3, 4)), np.array([0, 2, 0]), second=False)


def test_large_scores_do_not_overflow() -> None:
    scores = np.array([[1000.0, -1000.0, 999.0], [-2000.0, -2001.0, -2000.5]])
    compare(loss("cross_entropy"), scores, np.array([2, 0]))
    infinite = np.array([[1.0, -np.inf, 2.0]])
    compare(loss("cross_entropy"), infinite, np.array([2]), second=False)


def signs(g: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return np.asarray(g.choice([-1, 1], shape))


MARGINS: list[tuple[str, dict[str, Any], Callable[[np.random.Generator], list[Any]]]] = [
    ("margin_ranking_loss", {}, lambda g: [draw(g, (4, 3)), draw(g, (4, 3)) + 0.3, signs(g, (4, 3))]),
    ("margin_ranking_loss", {"margin": 0.5}, lambda g: [draw(g, (5,)), draw(g, (5,)) + 0.3, signs(g, (5,))]),
    ("hinge_embedding_loss", {}, lambda g: [draw(g, (4, 3)), signs(g, (4, 3))]),
    ("hinge_embedding_loss", {"margin": 1.7}, lambda g: [draw(g, (6,)), signs(g, (6,))]),
    ("soft_margin_loss", {}, lambda g: [draw(g, (4, 3)), signs(g, (4, 3))]),
    ("cosine_embedding_loss", {}, lambda g: [draw(g, (6, 3)), draw(g, (6, 3)), signs(g, (6,))]),
    ("cosine_embedding_loss", {"margin": 0.3}, lambda g: [draw(g, (6, 3)), draw(g, (6, 3)), signs(g, (6,))]),
    ("cosine_embedding_loss", {}, lambda g: [draw(g, (3,)), draw(g, (3,)), signs(g, ())]),
    ("triplet_margin_loss", {}, lambda g: [draw(g, (5, 3)) for _ in range(3)]),
    ("triplet_margin_loss", {"p": 3, "swap": True, "margin": 2.5}, lambda g: [draw(g, (5, 3)) for _ in range(3)]),
    ("triplet_margin_loss", {"swap": True, "eps": 0.01}, lambda g: [draw(g, (4,)) for _ in range(3)]),
    ("poisson_nll_loss", {}, lambda g: [draw(g, (4, 3)), np.asarray(g.integers(0, 6, (4, 3))).astype("float64")]),
    (
        "poisson_nll_loss",
        {"log_input": False, "full": True},
        lambda g: [g.uniform(0.1, 4, (4, 3)), np.asarray(g.integers(1, 6, (4, 3))).astype("float64")],
    ),
    ("gaussian_nll_loss", {}, lambda g: [draw(g, (4, 3)), draw(g, (4, 3)), g.uniform(0.1, 2, (4, 3))]),
    ("gaussian_nll_loss", {"full": True}, lambda g: [draw(g, (4, 3)), draw(g, (4, 3)), g.uniform(0.1, 2, (4, 1))]),
    ("gaussian_nll_loss", {"eps": 1.2}, lambda g: [draw(g, (4, 3)), draw(g, (4, 3)), g.uniform(0.1, 2, (4,))]),
    ("gaussian_nll_loss", {}, lambda g: [draw(g, (4, 3)), draw(g, (4, 3)), g.uniform(-2, -1, (4, 3))]),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "extra", "make"), MARGINS, ids=[f"{n}{i}" for i, (n, _, _) in enumerate(MARGINS)])
def test_margins_and_likelihoods(name: str, extra: Any, make: Any, reduction: str) -> None:
    for seed in range(3):
        compare(loss(name, reduction=reduction, **extra), *make(rng(seed)))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim: int) -> None:
    a, b = draw(rng(0), (4, 3)), draw(rng(1), (4, 3))
    compare(lambda M, a, b: F[M].cosine_similarity(a, b, dim), a, b)
    compare(lambda M, a, b: F[M].cosine_similarity(a, b, dim, eps=2.2), a, b)
    a[1] = a[:, 2] = 0
    compare(lambda M, a, b: F[M].cosine_similarity(a, b, dim), a, b, second=False)


MODULES: list[tuple[str, dict[str, Any], Callable[[Any], list[Any]]]] = [
    ("MSELoss", {"reduction": "sum"}, lambda M: [M.ones(3), M.zeros(3)]),
    ("L1Loss", {"reduction": "none"}, lambda M: [M.ones(3), M.zeros(3)]),
    ("SmoothL1Loss", {"beta": 0.3}, lambda M: [M.ones(3), M.zeros(3)]),
    ("HuberLoss", {"delta": 0.3}, lambda M: [M.ones(3), M.zeros(3)]),
    ("BCELoss", {"weight": [1.0, 2.0, 3.0]}, lambda M: [M.full((3,), 0.3), M.ones(3)]),
    ("BCEWithLogitsLoss", {"pos_weight": [1.0, 2.0, 3.0]}, lambda M: [M.full((3,), 0.3), M.ones(3)]),
    ("BCEWithLogitsLoss", {"weight": [1.0, 2.0, 3.0]}, lambda M: [M.full((3,), 0.3), M.ones(3)]),
    ("CrossEntropyLoss", {"weight": [1.0, 2.0, 3.0], "label_smoothing": 0.1}, lambda M: [M.eye(3), M.arange(3)]),
    ("CrossEntropyLoss", {"ignore_index": 1, "reduction": "none"}, lambda M: [M.eye(3), M.arange(3)]),
    ("NLLLoss", {"weight": [1.0, 2.0, 3.0], "ignore_index": 2}, lambda M: [M.eye(3), M.arange(3)]),
    ("KLDivLoss", {"reduction": "batchmean", "log_target": True}, lambda M: [M.eye(3), M.eye(3) * 2]),
    ("SoftMarginLoss", {}, lambda M: [M.ones(3) * 2, M.ones(3)]),
    ("HingeEmbeddingLoss", {"margin": 3.0}, lambda M: [M.ones(3) * 2, -M.ones(3)]),
    ("MarginRankingLoss", {"margin": 3.0}, lambda M: [M.ones(3) * 2, M.ones(3), M.ones(3)]),
    ("CosineEmbeddingLoss", {"margin": 0.1}, lambda M: [M.eye(3) + 1, M.eye(3) * 2, -M.ones(3)]),
    ("TripletMarginLoss", {"margin": 4.0, "p": 1.0}, lambda M: [M.eye(3) + 1, M.eye(3) * 2, M.ones(3, 3)]),
    ("PoissonNLLLoss", {"full": True}, lambda M: [M.ones(3) * 2, M.ones(3) * 3]),
    ("GaussianNLLLoss", {"full": True}, lambda M: [M.ones(3) * 2, M.ones(3) * 3, M.ones(3) * 0.5]),
]


@pytest.mark.parametrize(("name", "extra", "make"), MODULES, ids=[f"{n}{i}" for i, (n, _, _) in enumerate(MODULES)])
def test_modules(name: str, extra: Any, make: Callable[[Any], list[Any]]) -> None:
    found = []
    for M in (torch, scratch):
        settings = {k: M.tensor(v) if isinstance(v, list) else v for k, v in extra.items()}
        module = getattr(M.nn, name)(**settings)
        found.append((repr(module), list(module.state_dict()), module(*make(M)).tolist()))
    assert found[1][:2] == found[0][:2]
    np.testing.assert_allclose(found[1][2], found[0][2], rtol=1e-6)


def test_old_flags_of_a_reduction() -> None:
    for M in (torch, scratch):
        for flags, expected in [((False, None), 3.0), ((None, False), [1.0] * 3), ((True, True), 1.0)]:
            with pytest.warns(UserWarning, match="will be deprecated"):
                assert M.nn.MSELoss(*flags)(M.ones(3), M.zeros(3)).tolist() == expected


SCORES, CLASSES = draw(rng(), (3, 4)), np.array([1, 2, 0])


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize(
    ("scores", "target", "extra"),
    [
        (SCORES, np.array([1, 2, 4]), {}),
        (SCORES, np.array([1, 2, -1]), {}),
        (SCORES, np.array([1, 2]), {}),
        (SCORES, np.array([1.0, 2.0, 3.0]), {}),
        (SCORES, CLASSES[None], {}),
        (SCORES, CLASSES.astype("int32"), {}),
        (SCORES, CLASSES, {"weight": np.ones(3)}),
        (SCORES, CLASSES, {"weight": np.ones(4, "float32")}),
        (SCORES, CLASSES, {"reduction": "average"}),
        (SCORES[:, :, None], CLASSES[:, None, None], {}),
    ],
)
def test_both_refuse(name: str, scores: Any, target: Any, extra: Any) -> None:
    for module in (torch, scratch):
        with pytest.raises((RuntimeError, ValueError, IndexError)):
            loss(name, **extra)(module, module.tensor(scores), module.tensor(target))


def test_cross_entropy_refuses_what_torch_refuses() -> None:
    compare(loss("cross_entropy", label_smoothing=1.5), SCORES, CLASSES)
    compare(loss("cross_entropy", ignore_index=1), SCORES, np.abs(SCORES))
    with pytest.raises(IndexError, match="Target 4 is out of bounds: expected a class from 0 to 3"):
        F[scratch].cross_entropy(scratch.tensor(SCORES), scratch.tensor([0, 1, 4]))


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(reduction: str, log_target: bool) -> None:
    g = rng(6)
    for shape in [(4,), (2, 3), (2, 3, 2)]:
        q = np.asarray(g.uniform(0.05, 1, shape))
        log_p = np.log(g.uniform(0.05, 1, shape))
        compare(loss("kl_div", reduction=reduction, log_target=log_target), log_p, np.log(q) if log_target else q)


def test_kl_div_of_a_zero_probability_and_its_warning() -> None:
    with pytest.warns(UserWarning, match="batchmean"):
        ours = F[scratch].kl_div(scratch.tensor([-1.0, -2.0]), scratch.tensor([0.0, 1.0]))
    assert ours.item() == pytest.approx(1.0)


def test_one_hot() -> None:
    compare(lambda M, t: F[M].one_hot(t), np.array([[0, 2], [1, 4]]))
    compare(lambda M, t: F[M].one_hot(t, 6), np.array(3))
    compare(lambda M, t: F[M].one_hot(t, 3), np.array([3]))
    compare(lambda M, t: F[M].one_hot(t), np.array([-1]))


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 6), classes=st.integers(1, 7), rest=st.lists(st.integers(1, 3), max_size=2),
    seed=st.integers(0, 10**6), reduction=st.sampled_from(REDUCTIONS), smoothing=st.sampled_from([0.0, 0.3]),
    weighted=st.booleans(), ignore=st.integers(-1, 6),
)  # fmt: skip
def test_cross_entropy_of_generated_shapes(
    n: int, classes: int, rest: list[int], seed: int, reduction: str, smoothing: float, weighted: bool, ignore: int
) -> None:
    g = rng(seed)
    scores, target, weight = class_case(g, (n, classes, *rest))
    extra: dict[str, Any] = {"weight": weight} if weighted else {}
    if ignore >= 0 and (target != ignore).any():
        extra["ignore_index"] = ignore
    compare(loss("cross_entropy", reduction=reduction, label_smoothing=smoothing, **extra), scores, target)


def numerical(f: Callable[[Any], float], x: Any, h: float = 1e-6) -> Any:
    """Return the gradient of f at x by central differences."""
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        gradient[i] = (f(up) - f(down)) / (2 * h)
    return gradient


@pytest.mark.parametrize(
    ("name", "target", "extra"),
    [
        ("mse_loss", draw(rng(8), (4, 3)), {}),
        ("huber_loss", draw(rng(8), (4, 3)), {"delta": 0.8}),
        ("smooth_l1_loss", draw(rng(8), (4, 3)), {"beta": 0.8}),
        ("binary_cross_entropy_with_logits", rng(8).uniform(0, 1, (4, 3)), {"pos_weight": np.array([0.5, 2, 3])}),
        ("cross_entropy", np.array([0, 2, 1, 2]), {"weight": np.array([0.5, 2, 1.5])}),
        ("cross_entropy", np.array([0, 2, 1, 2]), {"label_smoothing": 0.2, "ignore_index": 1}),
        ("nll_loss", np.array([0, 2, 1, 2]), {"ignore_index": 2}),
    ],
)
def test_gradient_by_finite_differences(name: str, target: Any, extra: Any) -> None:
    x = rng(9).uniform(-1.9, 1.9, (4, 3))
    t = scratch.tensor(x, requires_grad=True)
    loss(name, **extra)(scratch, t, scratch.tensor(target)).backward()
    expected = numerical(lambda v: loss(name, **extra)(scratch, scratch.tensor(v), scratch.tensor(target)).item(), x)
    np.testing.assert_allclose(t.grad.numpy(), expected, atol=1e-8)


def test_the_gradient_of_cross_entropy_is_probabilities_minus_target() -> None:
    z = scratch.tensor([[2.0, 1.0, 0.0]], requires_grad=True)
    F[scratch].cross_entropy(z, scratch.tensor([1])).backward()
    e = np.exp([2.0, 1.0, 0.0])
    np.testing.assert_allclose(z.grad.numpy(), [e / e.sum() - [0, 1, 0]], rtol=1e-6)
