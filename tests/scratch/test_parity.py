"""Every operation of scratch against torch: values, formats, shapes, first and second derivatives, and refusals."""

import pytest

import dlstudy.scratch as scratch

from .cases import CASES
from .parity import compare


@pytest.mark.parametrize("name", sorted(CASES))
def test_equals_torch(name: str) -> None:
    failures = []
    for label, f, arrays, second in CASES[name]:
        try:
            compare(f, *arrays, second=second)
        except Exception as error:
            failures.append(f"{label}: {type(error).__name__}: {str(error)[:600]}")
    assert not failures, f"{len(failures)} of {len(CASES[name])} cases differ\n" + "\n".join(failures[:8])


def test_every_public_operation_has_a_case() -> None:
    public = {name for module in scratch.ops.MODULES for name in {**module.FUNCTIONS, **module.METHODS}}
    public = {name for name in public if not name.startswith("_")}
    covered = {getattr(scratch, name, None) for name in CASES} | {getattr(scratch.Tensor, name, None) for name in CASES}
    missing = [
        name
        for name in sorted(public - set(CASES))
        if getattr(scratch, name, None) not in covered and getattr(scratch.Tensor, name, None) not in covered
    ]
    assert missing == ["cuda"], f"operations without a parity case: {missing}"
