"""What Module keeps track of, its state dicts, hooks and printed form, each the same as torch's."""

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import dlstudy.scratch as scratch
from dlstudy.scratch import nn

from .modules import compare_call, pair
from .parity import draw

BOTH = [scratch, torch]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def network(M: Any) -> Any:
    """Return a model with parts of parts, a shared part, a list, a dict, buffers and parameters of its own."""
    nn = M.nn

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, width: int):
            super().__init__()
            self.norm = nn.BatchNorm1d(width)
            self.lines = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])
            self.gain = nn.Parameter(M.ones(width))
            self.register_buffer("count", M.zeros(2))
            self.register_buffer("scratchpad", M.zeros(2), persistent=False)
            self.register_parameter("nothing", None)

        def forward(self, x: Any) -> Any:
            for line in self.lines:
                x = nn.functional.relu(line(x))
            return self.norm(x) * self.gain

    class Network(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Block(3), Block(3)
            self.shared = self.first.lines[0]
            self.heads = nn.ModuleDict(
                {"mean": nn.Linear(3, 2), "scale": nn.Sequential(nn.Linear(3, 2), nn.Softplus())}
            )
            self.extra = nn.ParameterList([M.ones(2), M.zeros(2, 3)])
            self.named = nn.ParameterDict({"a": M.ones(1)})
            self.unused = None

        def forward(self, x: Any) -> Any:
            x = self.second(self.first(x))
            return self.heads["mean"](x) * self.extra[0] + self.heads["scale"](self.shared(x)) * self.named["a"]

    return Network()


# -- the whole ---------------------------------------------------------------------------------------------
def test_a_network_is_the_same_in_every_way() -> None:
    ours, theirs = pair(network)
    assert repr(ours) == repr(theirs)
    for names in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [n for n, _ in getattr(ours, names)()] == [n for n, _ in getattr(theirs, names)()], names
    for plain in ("parameters", "buffers", "modules", "children"):
        assert len(list(getattr(ours, plain)())) == len(list(getattr(theirs, plain)())), plain
    for given in ({"recurse": False}, {"remove_duplicate": False}, {"prefix": "net"}):
        assert [n for n, _ in ours.named_parameters(**given)] == [n for n, _ in theirs.named_parameters(**given)]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert list(ours.state_dict(prefix="net.")) == list(theirs.state_dict(prefix="net."))
    assert ours.state_dict()._metadata == {
        name: {"version": data["version"]} for name, data in theirs.state_dict()._metadata.items()
    }
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        compare_call(ours, theirs, draw(rng(1), (5, 3)))


def test_what_it_is_made_of_can_be_asked_for() -> None:
    for M in BOTH:
        model = network(M)
        assert model.get_submodule("first.lines.1") is model.first.lines[1]
        assert model.get_submodule("") is model
        assert model.get_parameter("heads.mean.weight") is model.heads["mean"].weight
        assert model.get_buffer("first.norm.running_mean") is model.first.norm.running_mean
        for ask, error in [
            (lambda m: m.get_submodule("first.nowhere"), "Block has no attribute `nowhere`"),
            (lambda m: m.get_submodule("first.gain"), "`gain` is not an nn.Module"),
            (lambda m: m.get_parameter("first.count"), "`count` is not an nn.Parameter"),
            (lambda m: m.get_buffer("first.gain"), "`gain` is not a buffer"),
            (lambda m: m.nowhere, "object has no attribute 'nowhere'"),
        ]:
            with pytest.raises(AttributeError, match=error):
                ask(model)
        assert "lines" in dir(model.first)
        assert "gain" in dir(model.first)


def test_apply_train_and_requires_grad_reach_every_part() -> None:
    orders = []
    for M in BOTH:
        model = network(M)
        order: list[str] = []
        assert model.apply(lambda m, order=order: order.append(type(m).__name__)) is model
        orders.append(order)
        assert model.eval() is model
        assert not any(m.training for m in model.modules())
        model.first.train()
        assert [m.training for m in model.children()] == [True, False, True, False, False, False]
        assert model.requires_grad_(False) is model
        assert not any(p.requires_grad for p in model.parameters())
    assert orders[0] == orders[1]
    for M in BOTH:
        with pytest.raises(ValueError, match="training mode is expected to be boolean"):
            M.nn.Linear(1, 1).train(1)


def test_zero_grad() -> None:
    for M in BOTH:
        layer = M.nn.Linear(2, 2)
        layer(M.ones(1, 2)).sum().backward()
        kept = layer.weight.grad
        layer.zero_grad(set_to_none=False)
        assert layer.weight.grad is kept
        assert not kept.numpy().any()
        layer.zero_grad()
        assert layer.weight.grad is None


def test_formats() -> None:
    for M in BOTH:
        model = M.nn.Sequential(M.nn.Linear(2, 2), M.nn.BatchNorm1d(2))
        model(M.ones(3, 2)).sum().backward()
        weight = model[0].weight
        for change, expected in [
            (lambda m: m.double(), "torch.float64"),
            (lambda m: m.float(), "torch.float32"),
            (lambda m, M=M: m.to(M.float64), "torch.float64"),
            (lambda m, M=M: m.to("cpu", M.float32), "torch.float32"),
            (lambda m, M=M: m.to(M.zeros(1, dtype=M.float64)), "torch.float64"),
            (lambda m: m.half(), "torch.float16"),
            (lambda m, M=M: m.to(device="cpu", dtype=M.float32), "torch.float32"),
            (lambda m: m.cpu(), "torch.float32"),
        ]:
            assert change(model) is model
            assert model[0].weight is weight
            kinds = {str(t.dtype) for t in [weight, weight.grad, model[1].running_var]}
            assert kinds == {expected}
            assert str(model[1].num_batches_tracked.dtype) == "torch.int64"
        with pytest.raises(TypeError, match="only accepts floating point"):
            model.to(M.int64)
    for ask in (lambda m: m.cuda(), lambda m: m.to("cuda"), lambda m: m.to(device="cuda:0")):
        with pytest.raises(RuntimeError, match="expected device 'cpu', got 'cuda"):
            ask(nn.Linear(1, 1))


def test_copies_are_independent_and_keep_what_is_shared() -> None:
    for M in BOTH:
        model = network(M)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(M.nn.Linear(2, 2)))):
            assert all(a is not b for a, b in zip(model.parameters(), other.parameters()))
        twin = copy.deepcopy(model)
        assert twin.shared is twin.first.lines[0]
        with M.no_grad():
            twin.shared.weight.add_(1)
        assert not np.array_equal(twin.shared.weight.detach().numpy(), model.shared.weight.detach().numpy())
        assert [n for n, _ in twin.named_parameters()] == [n for n, _ in model.named_parameters()]


# -- attributes --------------------------------------------------------------------------------------------
class Early:
    @staticmethod
    def of(M: Any, kind: str) -> Any:
        class Hasty(M.nn.Module):  # type: ignore[name-defined, misc]
            def __init__(self) -> None:
                setattr(self, kind, M.nn.Parameter(M.ones(1)) if kind == "weight" else M.nn.Linear(1, 1))

        return Hasty()


MISUSES: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda M: Early.of(M, "weight"), AttributeError, r"cannot assign parameters before Module.__init__\(\) call"),
    (lambda M: Early.of(M, "part"), AttributeError, r"cannot assign module before Module.__init__\(\) call"),
    (lambda M: setattr(M.nn.Linear(1, 1), "weight", M.ones(1)), TypeError,
     r"cannot assign 'torch.FloatTensor' as parameter 'weight' \(torch.nn.Parameter or None expected\)"),
    (lambda M: setattr(M.nn.Sequential(M.nn.ReLU()), "0", 3), TypeError, "cannot assign 'int' as child module '0'"),
    (lambda M: setattr(M.nn.BatchNorm1d(1), "running_mean", 3), TypeError, "cannot assign 'int' as buffer"),
    (lambda M: M.nn.Module().register_buffer("a.b", M.ones(1)), KeyError, 'buffer name can.+t contain "."'),
    (lambda M: M.nn.Module().register_buffer("", M.ones(1)), KeyError, "buffer name can.+t be empty"),
    (lambda M: M.nn.Module().register_buffer("forward", M.ones(1)), KeyError, "attribute 'forward' already exists"),
    (lambda M: M.nn.Module().register_buffer(3, M.ones(1)), TypeError, "buffer name should be a string. Got int"),
    (lambda M: M.nn.Module().register_buffer("a", 3), TypeError, "cannot assign 'int' object to buffer 'a'"),
    (lambda M: M.nn.Module().register_parameter("a", M.ones(1)), TypeError,
     "cannot assign 'torch.FloatTensor' object to parameter 'a'"),
    (lambda M: M.nn.Module().register_parameter("a.b", None), KeyError, 'parameter name can.+t contain "."'),
    (lambda M: M.nn.Module().add_module("a", 3), TypeError, "int is not a Module subclass"),
    (lambda M: M.nn.Module().add_module("a.b", None), KeyError, 'module name can.+t contain "."'),
    (lambda M: M.nn.Module()(1), NotImplementedError, 'Module \\[Module\\] is missing the required "forward" function'),
    (lambda M: M.nn.ModuleList([M.nn.ReLU()])[1], IndexError, "index 1 is out of range"),
    (lambda M: M.nn.Sequential(3), TypeError, "int is not a Module subclass"),
    (lambda M: M.nn.ModuleList([M.nn.ReLU()])(1), NotImplementedError, "ModuleList"),
    (lambda M: M.nn.Linear(2, 3, 4, 5, 6, 7), TypeError, "argument"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MISUSES)))
def test_misuse_is_refused_in_the_same_words(number: int) -> None:
    misuse, kind, words = MISUSES[number]
    for M in BOTH:
        with pytest.raises(kind, match=words):
            misuse(M)


def test_names_move_between_kinds() -> None:
    for M in BOTH:
        module = M.nn.Module()
        module.thing = 3
        module.thing = M.nn.Parameter(M.ones(2))
        assert [n for n, _ in module.named_parameters()] == ["thing"]
        assert "thing" not in module.__dict__
        module.thing = None
        assert [n for n, _ in module.named_parameters()] == []
        assert module.thing is None
        del module.thing
        module.thing = M.nn.ReLU()
        assert [n for n, _ in module.named_children()] == ["thing"]
        module.thing = M.nn.Parameter(M.ones(2))
        assert [n for n, _ in module.named_children()] == []
        module.register_buffer("held", M.ones(1))
        module.held = M.zeros(3)
        assert tuple(module.state_dict()["held"].shape) == (3,)
        del module.held
        assert list(module.state_dict()) == ["thing"]


def test_parameters() -> None:
    data = scratch.tensor([1.0, 2.0])
    parameter = nn.Parameter(data)
    data[0] = 5.0
    assert parameter.tolist() == [5.0, 2.0]
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert repr(parameter) == repr(torch.nn.Parameter(torch.tensor([5.0, 2.0])))
    assert isinstance(parameter, scratch.Tensor)
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert type(parameter * 2) is scratch.Tensor
    assert isinstance(copy.deepcopy(parameter), nn.Parameter)
    for M in BOTH:
        with pytest.raises(RuntimeError, match="floating point"):
            M.nn.Parameter(M.tensor([1, 2]))
    with pytest.raises(TypeError, match="expected a Tensor"):
        nn.Parameter([1.0])  # type: ignore[arg-type]


# -- state dicts -------------------------------------------------------------------------------------------
def test_a_state_dict_shows_the_modules_own_memory() -> None:
    layer = nn.Linear(2, 2)
    state = layer.state_dict()
    assert not state["weight"].requires_grad
    state["weight"].zero_()
    assert not layer.weight.detach().numpy().any()
    assert layer.state_dict(keep_vars=True)["weight"] is layer.weight


def wrong_state(M: Any) -> Any:
    state = network(M).state_dict()
    del state["first.gain"], state["second.norm.weight"]
    state["first.lines.0.weight"] = M.ones(3, 5)
    state["heads.mean.bias"] = M.ones(1)
    state["more"], state["first.norm.other"], state["nowhere.at.all"] = M.ones(1), M.ones(1), M.ones(1)
    state["first.gain.x"] = state["first.lines"] = M.ones(1)  # a parameter is no module, and a module no parameter
    state["extra.0"] = 3
    return state


def test_what_does_not_fit_is_listed_as_torch_lists_it() -> None:
    messages = []
    for M in BOTH:
        with pytest.raises(RuntimeError) as caught:
            network(M).load_state_dict(wrong_state(M))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    results = []
    for M in BOTH:
        state = {k: v for k, v in wrong_state(M).items() if k not in ("extra.0", "heads.mean.bias")}
        state["first.lines.0.weight"] = state["shared.weight"] = M.ones(3, 3)
        model = network(M)
        results.append(model.load_state_dict(state, strict=False))
        assert (model.shared.weight.detach().numpy() == 1).all()
    assert repr(results[0]) == repr(results[1])
    assert results[0].missing_keys == results[1].missing_keys
    assert results[0].unexpected_keys == results[1].unexpected_keys
    for M in BOTH:
        model = network(M)
        assert repr(model.load_state_dict(model.state_dict())) == "<All keys matched successfully>"
        with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got"):
            model.load_state_dict([1])


def test_states_go_both_ways_byte_for_byte() -> None:
    for dtype in ("float32", "float64"):
        ours, theirs = pair(network, dtype=dtype)  # scratch takes torch's state as it is
        for name, value in theirs.state_dict().items():
            assert ours.state_dict()[name].numpy().tobytes() == value.numpy().tobytes(), name
        other = network(torch)
        other = other.double() if dtype == "float64" else other
        other.load_state_dict({name: torch.from_numpy(value.numpy()) for name, value in ours.state_dict().items()})
        for name, value in theirs.state_dict().items():
            assert torch.equal(other.state_dict()[name], value), name


def test_loading_copies_unless_it_assigns() -> None:
    for M in BOTH:
        state = M.nn.Linear(2, 2).state_dict()
        layer = M.nn.Linear(2, 2)
        weight = layer.weight
        layer.load_state_dict(state)
        assert layer.weight is weight
        state["weight"].zero_()
        assert weight.detach().numpy().any()
        layer.weight.requires_grad_(False)
        layer.load_state_dict(state, assign=True)
        assert layer.weight is not weight
        assert layer.weight.data_ptr() == state["weight"].data_ptr()
        assert not layer.weight.requires_grad
        assert layer.bias.requires_grad


def test_an_old_batch_norm_state_without_a_count_of_batches_loads() -> None:
    for M in BOTH:
        layer = M.nn.BatchNorm1d(2)
        state = {k: v for k, v in layer.state_dict().items() if k != "num_batches_tracked"}
        layer.load_state_dict(state)
        new = layer.state_dict()
        del new["num_batches_tracked"]
        with pytest.raises(RuntimeError, match='Missing key\\(s\\) in state_dict: "num_batches_tracked"'):
            layer.load_state_dict(new)


# -- hooks -------------------------------------------------------------------------------------------------
class TwoInTwoOut:
    @staticmethod
    def of(M: Any) -> Any:
        class Model(M.nn.Module):  # type: ignore[name-defined, misc]
            def forward(self, a: Any, number: float, b: Any) -> Any:
                return a * b * number, (a + b).exp()

        return Model()


def record_of(seen: list[Any], replace: Any = None) -> Callable[..., Any]:
    def hook(module: Any, *tuples: Any) -> Any:
        shown = [[None if t is None else t.detach().numpy().copy() for t in part] for part in tuples]
        seen.append((type(module).__name__, shown))
        return None if replace is None else replace(*tuples)

    return hook


@pytest.mark.parametrize("replace", [None, lambda gi, go: tuple(None if g is None else g * 3 for g in gi)])
@pytest.mark.parametrize("pre", [None, lambda go: tuple(g * 2 for g in go)])
def test_backward_hooks(replace: Any, pre: Any) -> None:
    reports = []
    for M in BOTH:
        seen: list[Any] = []
        model = TwoInTwoOut.of(M)
        model.register_full_backward_hook(record_of(seen, replace))
        model.register_full_backward_pre_hook(record_of(seen, pre))
        a, b = (M.tensor(draw(rng(i), (2, 3)), requires_grad=True) for i in (1, 2))
        x, y = model(a, 2.0, b)
        (x.sum() + (y * y).sum()).backward()
        reports.append((seen, a.grad.numpy(), b.grad.numpy()))
    (seen, *mine), (expected, *other) = reports
    assert [name for name, _ in seen] == ["Model", "Model"]
    for (_, shown), (_, wanted) in zip(seen, expected):
        for part, right in zip(shown, wanted):
            assert len(part) == len(right)
            for p, r in zip(part, right):
                assert (p is None) == (r is None)
                if r is not None:
                    np.testing.assert_allclose(p, r, rtol=1e-9)
    for p, r in zip(mine, other):
        np.testing.assert_allclose(p, r, rtol=1e-9)


def test_backward_hooks_where_no_input_needs_a_gradient() -> None:
    reports = []
    for M in BOTH:
        seen: list[Any] = []
        layer = M.nn.Linear(3, 2).double()
        with M.no_grad():
            layer.weight.fill_(0.5)
        layer.register_full_backward_hook(record_of(seen))
        with pytest.warns(
            UserWarning, match="Full backward hook is firing when gradients are computed with respect to"
        ):
            layer(M.tensor(draw(rng(1), (4, 3)))).sum().backward()
        reports.append((seen, layer.weight.grad.numpy()))
        refusing = M.nn.Linear(1, 1)
        refusing.register_full_backward_hook(lambda m, gi, go: go)
        wrong = refusing(M.ones(1, 1)).sum()
        with (
            pytest.warns(UserWarning, match="Full backward hook"),
            pytest.raises(RuntimeError, match="no input requires gradient should always return None"),
        ):
            wrong.backward()
    (ours, mine), (theirs, other) = reports
    assert ours[0][1][0] == theirs[0][1][0] == [None]
    np.testing.assert_allclose(ours[0][1][1][0], theirs[0][1][1][0])
    np.testing.assert_allclose(mine, other)


def test_forward_hooks() -> None:
    reports = []
    for M in BOTH:
        calls: list[Any] = []
        layer = M.nn.Linear(2, 2).double()
        x = M.ones(1, 2, dtype=M.float64)
        layer.register_forward_pre_hook(lambda m, a, c=calls: c.append(("pre", len(a))))
        layer.register_forward_pre_hook(lambda m, a, c=calls: c.append("first"), prepend=True)
        layer.register_forward_pre_hook(lambda m, a, k, c=calls: (c.append(("kw", dict(k))), ((a[0] * 2,), {}))[1],
                                        with_kwargs=True)  # fmt: skip
        layer.register_forward_hook(lambda m, a, o, c=calls: c.append(("post", float(a[0].sum()))))
        handle = layer.register_forward_hook(lambda m, a, o: o * 10)
        plain = x @ layer.weight.T * 20 + layer.bias * 10
        np.testing.assert_allclose(layer(x).detach().numpy(), plain.detach().numpy())
        handle.remove()
        with layer.register_forward_hook(lambda m, a, k, o: o + 1, with_kwargs=True):
            inside = layer(x)
        np.testing.assert_allclose((inside - layer(x)).detach().numpy(), 1)
        reports.append(calls)
    assert reports[0] == reports[1]


def test_a_hook_that_always_runs_sees_failures() -> None:
    for M in BOTH:
        seen: list[Any] = []
        layer = M.nn.Linear(2, 2)
        layer.register_forward_hook(lambda m, a, o, s=seen: s.append("after"))
        layer.register_forward_hook(lambda m, a, o, s=seen: s.append(o), always_call=True)
        with pytest.raises(RuntimeError):
            layer(M.ones(1, 5))
        assert seen == [None]


def test_two_hooks_on_one_tensor_both_run() -> None:
    for M in BOTH:
        seen: list[str] = []
        x = M.ones(2, requires_grad=True)
        x.register_hook(lambda g, s=seen: s.append("one"))
        x.register_hook(lambda g, s=seen: s.append("two"))
        x.sum().backward()
        assert seen == ["one", "two"]


# -- containers --------------------------------------------------------------------------------------------
def test_sequential_is_a_list() -> None:
    for M in BOTH:
        nn = M.nn
        model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3))
        parts = list(model)
        assert model[-1] is parts[2]
        assert list(model[1:]) == parts[1:]
        assert [n for n, _ in model[1:].named_children()] == ["1", "2"]
        assert len(model.append(nn.Tanh())) == 4
        assert isinstance(model.pop(-1), nn.Tanh)
        model.insert(1, nn.Sigmoid())
        assert [type(m).__name__ for m in model] == ["Linear", "Sigmoid", "ReLU", "Linear"]
        model[1] = nn.Tanh()
        del model[2]
        assert [n for n, _ in model.named_children()] == ["0", "1", "2"]
        assert [type(m).__name__ for m in model + nn.Sequential(nn.ReLU())] == ["Linear", "Tanh", "Linear", "ReLU"]
        model += nn.Sequential(nn.ReLU())
        assert len(model * 2) == len(2 * model) == 8
        model.extend([nn.ReLU()])
        assert len(model) == 5
        for wrong in (lambda m: m * 0, lambda m, nn=nn: m + nn.ReLU()):
            with pytest.raises(ValueError):
                wrong(model)
        with pytest.raises(TypeError):
            model * 1.5
        named = nn.Sequential(OrderedDict(a=nn.Linear(1, 1), b=nn.ReLU()))
        assert [n for n, _ in named.named_children()] == ["a", "b"]
        assert named.a is named[0]


def test_module_list_and_dict() -> None:
    texts = []
    for M in BOTH:
        nn = M.nn
        layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)] + [nn.ReLU(), nn.Sequential(nn.ReLU(), nn.ReLU())])
        layers.append(nn.Sequential(nn.ReLU(), nn.ReLU()))
        layers.extend([nn.Tanh()])
        layers += [nn.Tanh()]
        layers.insert(0, nn.Identity(3, unused=4))
        assert len(layers + nn.ModuleList([nn.ReLU()])) == 10
        assert len(layers[2:4]) == 2
        assert isinstance(layers[2:4], nn.ModuleList)
        texts.append([repr(layers), repr(nn.ModuleList()), repr(nn.Sequential())])
        table = nn.ModuleDict([("a", nn.ReLU()), ("b", nn.Tanh())])
        table.update({"c": nn.Linear(1, 1)})
        table["d"] = nn.Sequential(nn.ReLU())
        assert list(table) == list(table.keys()) == ["a", "b", "c", "d"]
        assert "b" in table
        assert isinstance(table.pop("b"), nn.Tanh)
        del table["a"]
        assert [k for k, _ in table.items()] == ["c", "d"]
        assert len(list(table.values())) == len(table) == 2
        texts.append([repr(table)])
        table.clear()
        assert len(table) == 0
        with pytest.raises(TypeError):
            table.update(3)
    assert texts[0] == texts[2]
    assert texts[1] == texts[3]


def test_parameter_list_and_dict() -> None:
    texts = []
    for M in BOTH:
        nn = M.nn
        several = nn.ParameterList([M.ones(2), nn.Parameter(M.zeros(2, 3))])
        several.append(M.ones(()))
        several.extend([3])
        several += [M.ones(1)]
        several[0] = M.zeros(4)
        assert [n for n, _ in several.named_parameters()] == ["0", "1", "2", "4"]
        assert len(several[1:3]) == 2
        assert several[-1].requires_grad
        table = nn.ParameterDict({"a": M.ones(2), "b": nn.Parameter(M.zeros(1), requires_grad=False)})
        table["c"] = M.ones(3)
        del table["a"]
        assert list(table.keys()) == ["b", "c"]
        assert "b" in table
        assert len(table) == 2
        assert [n for n, _ in table.named_parameters()] == ["b", "c"]
        assert [tuple(v.shape) for v in table.values()] == [(1,), (3,)]
        with pytest.raises(AttributeError):
            table["a"]
        with pytest.raises(IndexError):
            several[9]
        texts.append([repr(several), repr(table)])
    assert texts[0] == texts[1]


def test_the_package_has_torchs_names() -> None:
    import dlstudy.scratch.nn.functional as F

    assert scratch.nn.functional is F
    assert nn.Module is scratch.nn.Module
    theirs = {n for n in dir(torch.nn) if not n.startswith("_")}
    ours = {n for n in dir(nn) if isinstance(getattr(nn, n), type)}
    assert ours <= theirs
