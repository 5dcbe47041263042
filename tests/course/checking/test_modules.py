"""What checks of torch modules share: the weights reach the right place, and no way to be wrong slips through."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlstudy.course.checking.modules import (
    SPOILED_OUTPUTS,
    ask,
    load_by_name,
    load_in_order,
    random_weights,
    shapes,
    spoiled,
)

X = torch.tensor([[1.0, -2.0], [0.5, 3.0], [2.0, 1.0]], dtype=torch.float64)


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


class Tied(nn.Module):
    """Two names for one parameter, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.zeros(2))
        self.other = self.one
        self.register_buffer("seen", torch.tensor([5.0]))


def test_a_number_stands_for_a_normalisation_layer_whose_scale_is_positive_and_whose_names_are_torchs() -> None:
    weights = random_weights({"conv.weight": (4, 3, 1, 1), "bn": 400})
    assert list(weights) == ["conv.weight", "bn.weight", "bn.bias"]
    assert weights["conv.weight"].shape == (4, 3, 1, 1)
    assert 0.5 <= weights["bn.weight"].min() < 0.6 < 1.4 < weights["bn.weight"].max() <= 1.5
    assert weights["bn.bias"].min() < -1
    assert {value.dtype for value in weights.values()} == {torch.float64}


def test_weights_come_again_for_the_oracle_and_leave_the_random_numbers_of_the_answer_alone() -> None:
    torch.manual_seed(0)
    untouched = torch.rand(1)
    torch.manual_seed(0)
    first, again, others = (random_weights({"w": (3,)}, seed)["w"] for seed in (7, 7, 8))
    ask(Doubled(), X)
    assert torch.equal(first, again)
    assert not torch.equal(first, others)
    assert torch.equal(torch.rand(1), untouched)


def test_weights_go_in_by_name_and_the_running_means_stay() -> None:
    layer = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    layer.get_buffer("1.running_mean").fill_(4.0)
    weights = random_weights({"0.weight": (3, 2), "0.bias": (3,), "1": 3})
    assert load_by_name(layer, weights) is layer
    assert torch.equal(layer.get_parameter("0.weight"), weights["0.weight"])
    assert torch.equal(layer.get_parameter("1.bias"), weights["1.bias"])
    assert layer.get_buffer("1.running_mean").tolist() == [4.0, 4.0, 4.0]


@pytest.mark.parametrize("names", [{"weight": (3, 2)}, {"weight": (3, 2), "bias": (3,), "scale": (3,)}])
def test_a_parameter_that_is_missing_or_too_many_is_told_by_name(names: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="bias" if len(names) == 1 else "scale"):
        load_by_name(nn.Linear(2, 3), random_weights(names))


def test_the_second_name_of_a_shared_parameter_is_no_buffer() -> None:
    with pytest.raises(RuntimeError, match="other"):
        load_by_name(Tied(), random_weights({"one": (2,)}))


def test_weights_go_in_by_position_whatever_the_names_and_the_axes_of_length_1() -> None:
    layer = nn.Sequential(nn.Conv2d(2, 3, 1))
    weights = [*random_weights({"any": (3, 2), "name": (3,)}).values()]
    assert shapes(layer.parameters()) == {"shapes of the parameters": [(3, 2, 1, 1), (3,)]}
    assert shapes(layer.parameters(), ones=False) == shapes(weights)
    assert load_in_order(layer, weights) is layer
    assert torch.equal(layer.get_parameter("0.weight")[:, :, 0, 0], weights[0])
    with pytest.raises(ValueError, match="shorter"):
        load_in_order(layer, weights[:1])


def test_what_is_asked_is_the_output_and_the_gradient_and_the_input_stays_as_it_was() -> None:
    x = X.clone()
    told, by_square = ask(Doubled(), x), ask(lambda x: x * x, x)
    assert torch.equal(told["output"], 2 * X)
    arriving = told["gradient of x"] / 2
    assert len(set(arriving.flatten().tolist())) == X.numel()  # else a gradient mixed up between pixels could hide
    torch.testing.assert_close(by_square["gradient of x"], 2 * X * arriving)
    assert not x.requires_grad
    assert torch.equal(x, X)


def test_right_values_on_a_graph_without_the_input_have_a_gradient_of_zero() -> None:
    scale = torch.ones(2, dtype=torch.float64, requires_grad=True)
    told = ask(lambda x: 2 * x.detach() * scale, X)
    assert torch.equal(told["output"], 2 * X)
    assert not told["gradient of x"].any()


def test_each_spoiled_output_is_the_right_class_with_one_thing_wrong() -> None:
    right = 2 * X
    came = {name: build(Doubled)()(X) for name, build in SPOILED_OUTPUTS.items()}
    assert came.pop("none") is None
    assert torch.equal(came["detached"], right)
    assert not came.pop("detached").requires_grad
    wanted = {"zeros": 0 * right, "negated": -right, "transposed": right.T, "sum-for-mean": 3 * right}
    assert came.keys() == wanted.keys()
    assert all(torch.equal(came[name], wanted[name]) for name in wanted)
    made = SPOILED_OUTPUTS["zeros"](Doubled)
    assert issubclass(made, Doubled)
    assert made.__name__ == "Doubled"
    assert torch.equal(Doubled()(X), right)  # the class itself is left alone


def test_any_method_can_be_spoiled() -> None:
    made = spoiled(lambda found: dict(found).keys(), "named_parameters")(nn.Linear)(2, 3)
    assert list(made.named_parameters()) == ["weight", "bias"]
