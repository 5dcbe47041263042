import json

import numpy as np
import pytest
import torch

from dlstudy.lessons.lesson01.strides_viewer import BUTTONS, PRESETS, StridesViewer
from dlstudy.lessons.lesson01.strides_viewer_numbers import ChainError, explain, view_strides


def as_torch(shape, chain):
    """The same chain on a torch tensor, its numbers, and whether memory is still that of x."""
    x = torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape)
    result = eval(chain, {"x": x})
    return result, result.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()


def compare(shape, chain):
    report = explain(list(range(int(np.prod(shape)))), shape, chain)
    result, shared = as_torch(shape, chain)
    stage = report["stages"][-1]
    assert tuple(stage["shape"]) == tuple(result.shape), chain
    strides = [own for own, size in zip(stage["strides"], result.shape) if size > 1]
    assert strides == [theirs for theirs, size in zip(result.stride(), result.shape) if size > 1], chain
    assert stage["offset"] == result.storage_offset(), chain
    assert (report["copies"] == 0) == shared, chain
    assert report["contiguous"] == result.is_contiguous(), chain
    assert [float(report["strip"][place]) for place in report["places"]] == result.flatten().tolist(), chain
    json.dumps(report, allow_nan=False)
    return report


LINKS = [
    ".T",
    "[1:]",
    "[:,::2]",
    "[:,1]",
    "[0]",
    "[-1:]",
    "[...,0]",
    "[None]",
    ".reshape(-1)",
    ".reshape(2,-1)",
    ".view(-1)",
    ".contiguous()",
    ".unsqueeze(0)",
    ".unsqueeze(-1)",
    ".squeeze()",
    ".transpose(0,1)",
    ".transpose(0,-1)",
    ".flatten()",
    ".permute(1,0)",
    ".permute(2,0,1)",
    ".expand(3,-1,-1)",
    ".reshape(4,3)",
    "[:2,1:3]",
    "[1:,None,::3]",
    ".t()",
]


@pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors:UserWarning")  # torch is about to refuse it; we take it
@pytest.mark.parametrize("seed", range(60))
def test_random_chains_equal_torch(seed):
    rng = np.random.default_rng(seed)
    followed = 0
    for _ in range(20):
        shape = [(3, 4), (2, 3, 4), (4, 4), (2, 1, 3)][rng.integers(4)]
        chain = "x" + "".join(rng.choice(LINKS, size=rng.integers(1, 4)))
        try:
            explain(list(range(int(np.prod(shape)))), shape, chain)
        except ChainError as problem:
            if not any(words in str(problem) for words in ("drawn here", "no elements", "Expected whole numbers")):
                with pytest.raises((RuntimeError, IndexError)):
                    as_torch(shape, chain)
            continue
        compare(shape, chain)
        followed += 1
    assert followed >= 3


@pytest.mark.parametrize("seed", range(10))
def test_what_can_be_viewed_equals_torch(seed):
    rng = np.random.default_rng(seed)
    possible = 0
    for _ in range(300):
        ndim = int(rng.integers(0, 4))
        shape = [int(size) for size in rng.integers(1, 4, ndim)]
        if rng.random() < 0.5:
            x = torch.arange(100).as_strided(shape, [int(stride) for stride in rng.integers(0, 13, ndim)])
        else:
            x = torch.arange(int(np.prod(shape))).reshape(shape).permute([int(i) for i in rng.permutation(ndim)])
        wanted, left = [], x.numel()
        while left > 1:
            wanted.append(int(rng.choice([size for size in range(1, left + 1) if left % size == 0])))
            left //= wanted[-1]
        rng.shuffle(wanted)
        found = view_strides(x.shape, x.stride(), wanted)
        try:
            expected = x.view(wanted).stride()
        except RuntimeError:
            assert found is None
            continue
        possible += 1
        assert found is not None
        assert [a for a, size in zip(found, wanted) if size > 1] == [b for b, size in zip(expected, wanted) if size > 1]
    assert 20 < possible < 300


def test_a_transpose_moves_no_number_and_flattening_it_must_copy():
    report = compare((3, 4), "x.T")
    assert report["strip"] == [str(i) for i in range(12)]
    assert report["stages"][-1]["strides"] == [1, 4]
    report = compare((3, 4), "x.T.reshape(-1)")
    assert report["stages"][-1]["copied"]
    assert report["strip"][:4] == ["0", "4", "8", "1"]
    assert report["stages"][-1]["words"].startswith("A copy: ")
    assert "leaves x as it is" in report["stages"][-1]["words"]


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ("x[:, 1]", "Axis 1 is gone: one place along it was picked, and the offset says which."),
        ("x[1, 2]", "Axes 0 and 1 are gone: one place along each was picked, and the offset says which."),
        ("x[1:, ::2]", "The offset says where to begin and a larger stride skips what is left out."),
        ("x.T.reshape(-1)[1:]", "The offset says where to begin."),
    ],
)
def test_words_say_what_is_gone_and_what_writing_would_change(chain, said):
    report = compare((3, 4), chain)
    x = torch.arange(12.0).reshape(3, 4)
    eval(chain).fill_(-1)
    changed = "x" if (x == -1).any() else "the copy, not x"
    words = f"{said} The strip is the same one. Writing here would change {changed}."
    assert report["stages"][-1]["words"] == words


def test_expanding_is_a_stride_of_zero():
    report = compare((3, 4), "x[:, :1].expand(3, 5)")
    assert report["stages"][-1]["strides"] == [4, 0]
    assert report["places"] == [0] * 5 + [4] * 5 + [8] * 5


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [
        ("y.T", "called x"),
        ("x.T.view(-1)", "Use reshape"),
        ("x[5]", "out of range"),
        ("x[0, 0, 0]", "more indices"),
        ("x[::-1]", "no negative strides"),
        ("x[[0, 1]]", "copies what it picks"),
        ("x[3:]", "no elements"),
        ("x.reshape(5, 5)", "does not hold 12"),
        ("x.reshape(-1, -1)", "at most one -1"),
        ("x.sum()", "Expected a chain"),
        ("x + 1", "Expected a chain"),
        ("x.__class__", "Expected a chain"),
        ("__import__('os').system('true')", "Expected a chain"),
        ("x.expand(3, 8)", "stretch a 1 only"),
        ("x[", "cannot read"),
        ("x.reshape(y)", "whole numbers"),
        ("x[None, None, None]", "up to 4 dimensions"),
        ("x.transpose(0, 5)", "out of range"),
        ("x.permute(0, 0)", "does not fit"),
    ],
)
def test_other_chains_are_refused_with_a_sentence(chain, sentence):
    with pytest.raises(ChainError) as caught:
        explain(list(range(12)), (3, 4), chain)
    assert sentence in str(caught.value)


def test_the_digit_is_real_and_its_transpose_shares_its_memory():
    from sklearn.datasets import load_digits

    digits = load_digits()
    three = digits.images[list(digits.target).index(3)]
    viewer = StridesViewer("digit", "x.T")
    strip = [float(text) for text in viewer.report["strip"]]
    assert strip == three.ravel().tolist()
    assert [strip[place] for place in viewer.report["places"]] == three.T.ravel().tolist()


def test_the_widget_keeps_the_last_good_chain_and_starts_over_on_another_tensor():
    viewer = StridesViewer("numbers")
    viewer.chain = "x.T[0]"
    assert viewer.report["stages"][-1]["shape"] == [3]
    viewer.chain = "x.T["
    assert "cannot read" in viewer.error
    assert viewer.report["stages"][-1]["chain"] == "x.T[0]"
    viewer.preset = "block"
    assert viewer.chain == "x"
    assert viewer.error == ""
    assert viewer.report["stages"][-1]["shape"] == [2, 3, 4]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("code", BUTTONS)
def test_every_button_works_on_every_tensor(preset, code):
    assert StridesViewer(preset, "x" + code).error == ""
