"""Parameters and multiply-adds are those of the papers' tables, memory is what autograd keeps; small cases by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dlstudy.layers import recurrent
from dlstudy.models import bert, efficientnet, gpt, registry, resnet, transformer, vgg
from dlstudy.models.counting import count


def whole(model: nn.Module, size: int) -> tuple[int, int]:
    part = count(model, torch.empty(1, 3, size, size, device="meta"), depth=0)[0]
    return part.parameters, part.multiply_adds


def build(name: str) -> nn.Module:
    with torch.device("meta"):
        if name.startswith("vgg"):
            return getattr(vgg, name.removesuffix("_bn"))(batch_norm=name.endswith("_bn"))
        if name.startswith("efficientnet_b"):
            return efficientnet.efficientnet(name.removeprefix("efficientnet_"))
        return getattr(resnet, name)()


NAMES = [
    *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
    *(f"vgg{depth}{bn}" for depth in (11, 13, 16, 19) for bn in ("", "_bn")),
    *(f"efficientnet_b{number}" for number in range(8)),
]
DEEP = {"resnet101", "resnet152", "efficientnet_b5", "efficientnet_b6", "efficientnet_b7"}


def each(names: list[str]) -> pytest.MarkDecorator:
    """Each of these models; what takes a second to build is no part of the fast tests."""
    return pytest.mark.parametrize(
        "name",
        [pytest.param(name, marks=(pytest.mark.slow, pytest.mark.proof)) if name in DEEP else name for name in names],
    )


@each(NAMES)
def test_the_counts_are_those_that_torchvision_publishes(name: str) -> None:
    import torchvision

    weights = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
    size = weights.transforms.keywords["crop_size"]
    parameters, multiply_adds = whole(build(name), size)
    assert parameters == weights.meta["num_params"]
    assert multiply_adds / 1e9 == pytest.approx(weights.meta["_ops"], abs=0.0006)


# millions of parameters and billions of multiply-adds as printed (None: not printed)
PAPERS = {
    "vgg11": (133, None), "vgg13": (133, None), "vgg16": (138, None), "vgg19": (144, None),  # 1409.1556, table 2
    "resnet18": (None, 1.8), "resnet34": (None, 3.6),  # 1512.03385, table 1
    "efficientnet_b0": (5.3, 0.39), "efficientnet_b1": (7.8, 0.70), "efficientnet_b2": (9.2, 1.0),
    "efficientnet_b3": (12, 1.8), "efficientnet_b4": (19, 4.2), "efficientnet_b5": (30, 9.9),
    "efficientnet_b6": (43, 19), "efficientnet_b7": (66, 37),  # 1905.11946, table 2
}  # fmt: skip


@each(sorted(PAPERS))
def test_the_counts_are_those_that_the_papers_print(name: str) -> None:
    size = efficientnet.VARIANTS[name[-2:]].resolution if name.startswith("efficientnet") else 224
    parameters, multiply_adds = whole(build(name), size)
    millions, billions = PAPERS[name]
    if millions is not None:
        assert parameters / 1e6 == pytest.approx(millions, rel=0.02)
    if billions is not None:
        assert multiply_adds / 1e9 == pytest.approx(billions, rel=0.05)


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.parametrize(("depths", "billions"), [((3, 4, 6, 3), 3.8), ((3, 4, 23, 3), 7.6), ((3, 8, 36, 3), 11.3)])
def test_bottlenecks_cost_what_the_paper_says_with_the_papers_strides(depths: tuple[int, ...], billions: float) -> None:
    with torch.device("meta"):
        papers = resnet.ResNet(resnet.BottleneckBlock, depths, stride_first=True)
        usual = resnet.ResNet(resnet.BottleneckBlock, depths)
    assert whole(papers, 224)[1] / 1e9 == pytest.approx(billions, rel=0.02)
    assert whole(usual, 224)[1] > 1.02 * whole(papers, 224)[1]


def test_small_parts_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2, stride=2, padding=1),  # 9x7 gives 5x4
        nn.ConvTranspose2d(6, 2, 2, stride=2),  # 10x8
        nn.Flatten(),
        nn.Linear(160, 5),
    )
    parts = {part.name: part for part in count(model, torch.rand(3, 4, 9, 7))}
    assert parts["0"].multiply_adds == 3 * 6 * 5 * 4 * (2 * 9)
    assert parts["1"].multiply_adds == 3 * 6 * 5 * 4 * (2 * 4)
    assert parts["2"].multiply_adds == 0
    assert parts["3"].multiply_adds == 3 * 160 * 5
    assert parts[""].multiply_adds == sum(parts[name].multiply_adds for name in "0123")
    assert [parts[name].output for name in ("0", "1", "2", "3", "")] == [
        (3, 6, 5, 4), (3, 2, 10, 8), (3, 160), (3, 5), (3, 5),
    ]  # fmt: skip
    assert parts["0"].parameters == 6 * 2 * 9 + 6
    assert parts[""].parameters == sum(parts[name].parameters for name in "0123")


@pytest.mark.parametrize("training", [True, False])
def test_attention_is_counted_whatever_computes_it(training: bool) -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True).train(training)
    attention.requires_grad_(training)  # frozen and in eval mode, PyTorch takes one fused operation for it all

    class Self(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = attention

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x, need_weights=False)[0]

    batch, length, width = 3, 5, 8
    projections = 4 * batch * length * width * width
    scores_and_sums = 2 * batch * length * length * width
    (part,) = count(Self(), torch.rand(batch, length, width), depth=0)
    assert part.multiply_adds == projections + scores_and_sums
    assert attention.training is training


@pytest.mark.parametrize(("kind", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_a_recurrent_layer_is_counted_step_by_step(kind: str, gates: int) -> None:
    """Worked by hand: at each step every gate takes a product with the input and one with the state."""
    batch, length, size, hidden = 3, 7, 5, 8
    layer = getattr(recurrent, kind)(size, hidden, batch_first=True)
    (part,) = count(layer, torch.rand(batch, length, size), depth=0)
    assert part.multiply_adds == batch * length * gates * hidden * (size + hidden)


def test_memory_is_what_autograd_keeps() -> None:
    """Worked by hand: a linear layer keeps its input, sigmoid its output; the model's own input is not counted."""
    model = nn.Sequential(nn.Linear(10, 20), nn.Sigmoid(), nn.Linear(20, 30), nn.Sigmoid(), nn.Identity())
    parts = {part.name: part for part in count(model, torch.rand(7, 10))}
    four_bytes = 4
    assert parts[""].activation_bytes == 7 * (20 + 30) * four_bytes
    assert parts["1"].activation_bytes == 7 * 20 * four_bytes
    assert parts["2"].activation_bytes == 0, "its input is the sigmoid's output, which is kept already"


def test_a_model_is_counted_as_it_trains_whatever_mode_it_is_in() -> None:
    model = nn.Sequential(nn.Linear(10, 20), nn.Dropout(0.5), nn.Linear(20, 30))
    training = count(model.train(), torch.rand(7, 10))
    assert training[0].activation_bytes > 7 * 20 * 4, "the mask of what was left out is kept as well"
    assert count(model.eval(), torch.rand(7, 10)) == training


def test_memory_of_a_resnet_is_measured_the_same_with_real_tensors() -> None:
    model = resnet.ResNet(resnet.BasicBlock, (1, 1), 10, channels=8, small_images=True)
    x = torch.rand(2, 3, 16, 16)
    kept: dict[int, torch.UntypedStorage] = {}
    own = {value.data_ptr() for value in [*model.parameters(), *model.buffers(), x]}

    def pack(value: torch.Tensor) -> torch.Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        model(x)
    assert count(model, x)[0].activation_bytes == sum(storage.nbytes() for storage in kept.values())


def test_depth_says_how_far_down_the_list_goes_and_the_model_stays_as_it_was() -> None:
    model = resnet.ResNet(resnet.BasicBlock, (1, 1), 10, channels=8).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = torch.rand(1, 3, 32, 32)
    assert [part.name for part in count(model, x, depth=0)] == [""]
    assert {"layer1", "fc"} <= {part.name for part in count(model, x)}
    assert "layer1.0" in {part.name for part in count(model, x, depth=2)}
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model._forward_hooks


# -- models of text ----------------------------------------------------------------------------------------
def layers_by_hand(tokens: int, others: int, width: int, hidden: int) -> int:
    """Multiply-adds of one attention and the two linear layers behind it, for `tokens` that look at `others`.

    Queries and output are made of the tokens, keys and values of the others; then scores and weighted sums, of which a
    causal mask hides half but saves nothing; then the two linear layers.
    """
    return 2 * tokens * width**2 + 2 * others * width**2 + 2 * tokens * others * width + 2 * tokens * width * hidden


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_multiply_adds_of_a_gpt_by_hand(dropout: float) -> None:
    vocab_size, length, width, layers = 50, 12, 16, 3
    model = gpt.GPT(vocab_size, 20, width, layers, 4, dropout)
    parts = {part.name: part for part in count(model, torch.zeros(2, length, dtype=torch.long), depth=2)}
    block = 2 * layers_by_hand(length, length, width, 4 * width)
    assert parts["blocks.1"].multiply_adds == block
    assert parts[""].multiply_adds == layers * block + 2 * length * width * vocab_size
    per_block = 4 * (width**2 + width) + 8 * width**2 + 5 * width + 4 * width
    assert parts["blocks.1"].parameters == per_block
    assert parts[""].parameters == layers * per_block + (vocab_size + 20) * width + 2 * width


def test_multiply_adds_of_a_transformer_by_hand() -> None:
    """A decoder layer has a second attention, whose keys and values come from the source."""
    source, target, width, hidden = 7, 5, 16, 24
    model = transformer.Transformer(30, 40, embed_dim=width, num_layers=2, num_heads=4, hidden_dim=hidden, dropout=0.0)
    inputs = torch.zeros(3, source, dtype=torch.long), torch.zeros(3, target, dtype=torch.long)
    parts = {part.name: part for part in count(model, *inputs, torch.ones(3, source, dtype=torch.bool), depth=2)}
    assert parts["encoder.0"].multiply_adds == 3 * layers_by_hand(source, source, width, hidden)
    own, across = layers_by_hand(target, target, width, 0), layers_by_hand(target, source, width, hidden)
    assert parts["decoder.1"].multiply_adds == 3 * (own + across)


def test_multiply_adds_of_a_bert_by_hand() -> None:
    model = bert.BERT(50, 20, 16, 2, 4, 24, dropout=0.0)
    inputs = (
        torch.zeros(3, 9, dtype=torch.long),
        torch.zeros(3, 9, dtype=torch.long),
        torch.ones(3, 9, dtype=torch.bool),
    )
    (whole,) = count(model, *inputs, depth=0)
    assert whole.multiply_adds == 3 * (2 * layers_by_hand(9, 9, 16, 24) + 16**2)


# Millions of parameters as printed, and what is counted here. GPT-2's own paper says 117, 345, 762 and 1542, which its
# authors' repository corrected.
PRINTED = {
    "gpt2": (124, 0.005), "gpt2-medium": (355, 0.005), "gpt2-large": (774, 0.005), "gpt2-xl": (1558, 0.005),
    "bert-base": (110, 0.01), "bert-large": (340, 0.02),  # 1810.04805, section 3
    # 1706.03762, table 3. Counted with "about 37,000" tokens: layers and one embedding for all three places.
    "transformer-base": (65, 0.035), "transformer-big": (213, 0.01),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_the_parameters_of_models_of_text_are_those_that_are_printed(name: str) -> None:
    millions, tolerance = PRINTED[name]
    assert registry.find(name).parameters / 1e6 == pytest.approx(millions, rel=tolerance)


@pytest.mark.parametrize(
    ("options", "millions"),
    [
        ({"num_layers": 2}, 36), ({"num_layers": 4}, 50), ({"num_layers": 8}, 80),
        ({"hidden_dim": 1024}, 53), ({"hidden_dim": 4096}, 90),
    ],
)  # fmt: skip
def test_rows_of_table_3_differ_by_what_the_paper_prints(options: dict[str, int], millions: int) -> None:
    """The size of the vocabulary is known only roughly and the same in all these rows: differences are exact."""
    with torch.device("meta"):
        base, other = transformer.Transformer(9), transformer.Transformer(9, **options)
    sizes = [sum(value.numel() for value in model.parameters()) / 1e6 for model in (base, other)]
    assert sizes[1] - sizes[0] == pytest.approx(millions - 65, abs=1.0)  # two numbers rounded to millions
