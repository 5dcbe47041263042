"""Our byte-pair encoding is that of the package tokenizers: merges, numbers, files, texts."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex

from dlstudy.data.text import python_manual
from dlstudy.data.tokenize import BPE, LETTERS, WORDS

SHAKESPEARE = (
    Path(os.environ.get("DLSTUDY_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
    / "tinyshakespeare.txt"
)
SPECIAL = ["<|endoftext|>", "<pad>"]


def is_new(character: str) -> bool:
    return unicodedata.category(character) == "Cn" and not regex.match(r"\p{Cn}", character)


def random_texts(count: int, seed: int = 0) -> list[str]:
    """Short texts of letters of all scripts, figures, signs, spaces and unassigned codes, often next to each other.

    Without characters that are newer than this Python: of these one package may know already that they are letters.
    """
    rng = np.random.default_rng(seed)
    tops = (128, 0x250, 0x3000, 0x20000, 0x110000)
    texts = []
    for _ in range(count):
        codes = [int(rng.integers(0, rng.choice(tops))) for _ in range(12)]
        spaces = [rng.choice(list(" \n\t\u00a0\u3000'")) for _ in range(6)]
        characters = [chr(code) for code in codes if not 0xD800 <= code < 0xE000 and not is_new(chr(code))] + spaces
        texts.append("".join(rng.permutation(characters)))
    return texts


def reference(text: str, size: int, special: list[str]) -> Any:
    from tokenizers import ByteLevelBPETokenizer

    theirs = ByteLevelBPETokenizer(add_prefix_space=False)
    options = {"vocab_size": size, "min_frequency": 1, "show_progress": False, "special_tokens": special}
    theirs.train_from_iterator([text], **options)
    return theirs


@pytest.fixture(scope="module")
def pairs() -> list[tuple[BPE, Any]]:
    """Ours and theirs, trained on the same texts."""
    text = python_manual()
    return [
        (BPE.train(text, 1256), reference(text, 1256, [])),
        (BPE.train(text, 600, SPECIAL), reference(text, 600, SPECIAL)),
    ]


def files_of(theirs: Any, folder: Path) -> tuple[dict[str, int], list[tuple[str, ...]]]:
    theirs.save_model(str(folder))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")[1:]
    return json.loads((folder / "vocab.json").read_text("utf-8")), [tuple(line.split(" ")) for line in lines if line]


def test_training_gives_the_same_merges_and_numbers(pairs: list[tuple[BPE, Any]], tmp_path: Path) -> None:
    for ours, theirs in pairs:
        vocab, merges = files_of(theirs, tmp_path)
        assert len(merges) > 300
        assert ours.merges == merges
        assert ours.vocab == vocab


@pytest.mark.slow
def test_training_on_shakespeare_gives_the_same_merges_and_numbers(tmp_path: Path) -> None:
    if not SHAKESPEARE.exists():
        pytest.skip(f"{SHAKESPEARE.name} is not on this machine")
    text = SHAKESPEARE.read_text(encoding="utf-8")
    ours, theirs = BPE.train(text, 5000, SPECIAL), reference(text, 5000, SPECIAL)
    vocab, merges = files_of(theirs, tmp_path)
    assert ours.merges == merges
    assert ours.vocab == vocab
    for sample in (text, python_manual()):
        assert ours.encode(sample).tolist() == theirs.encode(sample).ids


def test_training_on_texts_full_of_ties_gives_the_same_merges(tmp_path: Path) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        text = "".join(rng.choice(list("ab c"), 200)) + "".join(random_texts(3, seed))
        vocab, merges = files_of(reference(text, 330, []), tmp_path)
        ours = BPE.train(text, 330)
        assert ours.merges == merges, seed
        assert ours.vocab == vocab


def test_texts_of_all_scripts_have_the_same_numbers(pairs: list[tuple[BPE, Any]]) -> None:
    for ours, theirs in pairs:
        for text in random_texts(1500):
            assert ours.encode(text).tolist() == theirs.encode(text).ids, repr(text)


def test_the_manual_has_the_same_numbers(pairs: list[tuple[BPE, Any]]) -> None:
    for ours, theirs in pairs:
        assert ours.encode(python_manual()).tolist() == theirs.encode(python_manual()).ids


def test_special_tokens_have_the_same_numbers(pairs: list[tuple[BPE, Any]]) -> None:
    ours, theirs = pairs[1]
    for text in ("a<pad>b", "<|endoftext|>", "<pad><pad> <|endoftext|>x<pad", " <pad> \n<pad>"):
        assert ours.encode(text).tolist() == theirs.encode(text).ids
        assert ours.decode(ours.encode(text)) == theirs.decode(theirs.encode(text).ids, skip_special_tokens=False)


def test_any_numbers_decode_to_the_same_text(pairs: list[tuple[BPE, Any]]) -> None:
    """Halves of letters among them: what is no UTF-8 becomes as many signs."""
    rng = np.random.default_rng(0)
    for ours, theirs in pairs:
        for _ in range(500):
            ids = rng.integers(0, rng.choice([258, len(ours)]), 8).tolist()
            assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False)


def test_words_are_found_as_the_reference_finds_them() -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    splitter = ByteLevel(add_prefix_space=False, use_regex=True)
    samples = [*random_texts(500, seed=1), "I'll  we'LL\n\n x²Ⅷ一 don't'd  ", python_manual()[:50_000]]
    for text in samples:
        wanted = [piece for piece, _ in splitter.pre_tokenize_str(text)]
        assert ["".join(LETTERS[byte] for byte in word.encode()) for word in WORDS.findall(text)] == wanted


def test_each_reads_the_files_of_the_other(pairs: list[tuple[BPE, Any]], tmp_path: Path) -> None:
    from tokenizers import ByteLevelBPETokenizer

    ours, theirs = pairs[1]
    theirs.save_model(str(tmp_path))
    read = BPE.load(tmp_path)
    assert read.special_tokens == dict(zip(SPECIAL, (0, 1)))
    text = python_manual()[:50_000] + "<pad>" + "".join(random_texts(50))
    assert read.encode(text).tolist() == theirs.encode(text).ids
    (tmp_path / "ours").mkdir()
    ours.save(tmp_path / "ours")
    paths = [str(tmp_path / "ours" / name) for name in ("vocab.json", "merges.txt")]
    back = ByteLevelBPETokenizer.from_file(*paths, add_prefix_space=False)
    back.add_special_tokens(SPECIAL)
    assert back.encode(text).ids == ours.encode(text).tolist()


def test_transformers_gpt2_tokenizer_reads_our_files_and_agrees(tmp_path: Path) -> None:
    """The class that reads the official files of GPT-2, on files of the same form: <|endoftext|> is the last number."""
    from transformers import GPT2TokenizerFast

    trained = BPE.train(python_manual(), 700)
    vocab = trained.vocab | {"<|endoftext|>": len(trained)}
    ours = BPE(vocab, trained.merges)
    ours.save(tmp_path)
    theirs = GPT2TokenizerFast(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    assert ours.special_tokens == {"<|endoftext|>": 700}
    for text in [*random_texts(200, seed=2), "one<|endoftext|>two", python_manual()[:20_000]]:
        assert ours.encode(text).tolist() == theirs(text)["input_ids"]
