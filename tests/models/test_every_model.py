"""What holds for every model, tried on a small relative of each: see the folder `small`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dlstudy.models import registry
from tests.models.inputs import Small
from tests.models.small import FAMILIES, SMALL
from tests.parity.tools import off_initial_values, tensors

MODELS = Path(registry.__file__).parent
EVERY = pytest.mark.parametrize("small", SMALL.values(), ids=SMALL)


def made(small: Small, *, train: bool = False) -> nn.Module:
    torch.manual_seed(0)
    model = small.build()
    off_initial_values(model)
    return model.train(train)


def outputs(model: nn.Module, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    with torch.no_grad():
        return tensors(model(*inputs))


@pytest.mark.parametrize("family", sorted({entry.family for entry in registry.ENTRIES}))
def test_every_family_has_its_code_and_a_small_relative(family: str) -> None:
    assert (MODELS / f"{family}.py").is_file(), f"{family}.toml registers models, and there is no {family}.py beside it"
    assert FAMILIES.get(family), (
        f"the models of {family}.py have no small relative: write tests/models/small/{family}.py"
    )


def test_every_file_of_models_registers_them() -> None:
    helpers = {"__init__", "counting", "families", "registry", "renaming"}
    written = {path.stem for path in MODELS.glob("*.py") if not path.stem.endswith("_names")} - helpers
    registered = {entry.family for entry in registry.ENTRIES}
    assert not written - registered, "files of models without a TOML file beside them that registers them"
    assert not FAMILIES.keys() - registered, "small relatives of a family that there is not"
    assert len(SMALL) == sum(map(len, FAMILIES.values())), "two small relatives of one name"


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_every_name_builds_the_model_that_is_written_beside_it(entry: registry.Entry) -> None:
    with torch.device("meta"):
        model = registry.build(entry.name)
        other = registry.build(entry.name, num_classes=7) if entry.image_size else None
    assert sum(parameter.numel() for parameter in model.parameters()) == entry.parameters
    if other is not None:
        assert list(other.parameters())[-1].shape == (7,)


def test_a_name_that_is_none_gets_the_nearest() -> None:
    with pytest.raises(ValueError, match="no model 'resnet_50'; nearest are resnet50"):
        registry.build("resnet_50")
    with pytest.raises(ValueError, match="there are vgg11, "):
        registry.build("x")


def test_the_list_of_models_needs_no_torch() -> None:
    code = "import sys; from dlstudy.models import registry; print(len(registry.REGISTRY), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(registry.ENTRIES)), "False"]


@EVERY
def test_every_parameter_gets_a_gradient_and_nothing_is_nan(small: Small) -> None:
    model = made(small, train=True)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # what is left out gets none
    results = tensors(model(*small.example(4, small.sizes[0])))
    sum((result * torch.randn_like(result)).sum() for result in results).backward()  # type: ignore[union-attr]
    for result in results:
        assert result.isfinite().all()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), f"{name}: all zeros"


@EVERY
def test_saved_and_loaded_it_is_the_same(small: Small, tmp_path: Path) -> None:
    model = made(small)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    torch.manual_seed(1)
    other = small.build().eval()
    inputs = small.example(2, small.sizes[0])
    wanted = outputs(model, inputs)
    assert not all(torch.equal(one, two) for one, two in zip(outputs(other, inputs), wanted, strict=True))
    other.load_state_dict(load_file(tmp_path / "model.safetensors"), strict=True)
    for one, two in zip(outputs(other, inputs), wanted, strict=True):
        assert torch.equal(one, two)


@EVERY
def test_every_size_and_a_batch_of_one_and_no_example_sees_another(small: Small) -> None:
    model = made(small).double()
    for size in small.sizes:
        inputs = tuple(value.double() if value.is_floating_point() else value for value in small.example(3, size))
        together = outputs(model, inputs)
        alone = [outputs(model, tuple(value[i : i + 1] for value in inputs)) for i in range(3)]
        for place, result in enumerate(together):
            assert result.isfinite().all()
            torch.testing.assert_close(torch.cat([one[place] for one in alone]), result, rtol=1e-9, atol=1e-9)


@EVERY
def test_it_works_in_half_the_precision(small: Small) -> None:
    model = made(small)
    inputs = small.example(2, small.sizes[-1])
    wanted = outputs(model, inputs)
    halved = tuple(value.bfloat16() if value.is_floating_point() else value for value in inputs)
    for got, reference in zip(outputs(model.bfloat16(), halved), wanted, strict=True):
        assert got.dtype == torch.bfloat16
        spread = reference.std()
        # 8 bits: about 0.4 % an operation, and a few dozen of them
        assert (got.float() - reference).abs().max() < 0.2 * spread + 0.02 * reference.abs().max()


@pytest.mark.proof
@pytest.mark.slow
@EVERY
def test_it_exports_with_any_batch(small: Small) -> None:
    model = made(small)
    batch = torch.export.Dim("batch", min=1, max=64)
    inputs = small.example(3, small.sizes[-1])
    exported = torch.export.export(model, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs), strict=False)
    for size in (1, 5):
        others = small.example(size, small.sizes[-1])
        for got, wanted in zip(outputs(exported.module(), others), outputs(model, others), strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
