"""Byte-pair encoding: nothing is lost, merges come in the order of learning, and files that are wrong are named."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstudy.data.text import python_manual
from dlstudy.data.tokenize import BPE, LETTERS, WORDS, merged

EXAMPLE = "hug hug hug hug pug pug pun pun pun bun hugs hugs " * 3


@pytest.fixture(scope="module")
def bpe() -> BPE:
    return BPE.train(python_manual(), 800, ["<|endoftext|>"])


def naive_merges(text: str, count: int) -> list[tuple[str, str]]:
    """Algorithm 1 of the paper, as slow as it is short: count all pairs anew for every merge."""
    words = [[LETTERS[byte] for byte in word.encode()] for word in WORDS.findall(text)]
    order = {letter: place for place, letter in enumerate(sorted(LETTERS))}
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs = [pair for word in words for pair in pairwise(word)]
        if not pairs:
            break
        best = max(set(pairs), key=lambda pair: (pairs.count(pair), -order[pair[0]], -order[pair[1]]))
        merges.append(best)
        order.setdefault("".join(best), len(order))
        words = [merged(word, best, "".join(best)) for word in words]  # type: ignore[arg-type]
    return merges


def naive_encode(bpe: BPE, text: str) -> list[str]:
    """Look through all pairs of a word and merge the earliest learned, the leftmost of these; again and again."""
    ranks = {pair: rank for rank, pair in enumerate(bpe.merges)}
    tokens = []
    for word in WORDS.findall(text):
        parts = [LETTERS[byte] for byte in word.encode()]
        while known := [(ranks[pair], place) for place, pair in enumerate(pairwise(parts)) if pair in ranks]:
            _, place = min(known)
            parts[place : place + 2] = ["".join(parts[place : place + 2])]
        tokens += parts
    return tokens


# -- learning ----------------------------------------------------------------------------------------------
def test_an_example_worked_by_hand() -> None:
    """u g is there four times, then h with it three times; of the pairs there twice, u has the smallest number."""
    bpe = BPE.train("hug pug hug hugs bun pun", 260)
    assert bpe.merges == [("u", "g"), ("h", "ug"), ("u", "n"), ("Ġ", "p")]
    assert bpe.pieces("hugs bun") == ["hug", "s", " ", "b", "un"]
    assert bpe.encode("hug").tolist() == [257]


@given(st.text(alphabet="abc d'1\né—", max_size=60), st.integers(0, 12))
def test_counting_only_what_changed_finds_the_same_merges(text: str, count: int) -> None:
    assert BPE.train(text, 256 + count).merges == naive_merges(text, count)


def test_training_ends_when_nothing_is_frequent_enough() -> None:
    assert len(BPE.train(EXAMPLE, 10_000)) < 280
    often = BPE.train(EXAMPLE, 10_000, min_frequency=10)
    assert 0 < len(often.merges) < len(BPE.train(EXAMPLE, 10_000).merges)
    assert often.merges == BPE.train(EXAMPLE, 10_000).merges[: len(often.merges)]
    assert BPE.train("", 500).merges == []


def test_several_texts_are_one_corpus() -> None:
    parts = [EXAMPLE, "another hug, another pun"]
    assert BPE.train(parts, 290).merges == BPE.train(iter(parts), 290).merges
    assert BPE.train(parts, 290).merges != BPE.train(parts[0], 290).merges


def test_a_thousand_merges_of_the_manual_take_seconds() -> None:
    start = time.process_time()
    BPE.train(python_manual(), 1256)
    assert time.process_time() - start < 10  # 0.5 s on the machine on which it was written


def test_sizes_and_special_tokens_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="at least 257"):
        BPE.train("abc", 256, ["<pad>"])
    with pytest.raises(ValueError, match="every special token once"):
        BPE.train("abc", 300, ["<pad>", "<pad>"])
    with pytest.raises(ValueError, match="every special token once"):
        BPE.train("abc", 300, ["a"])


# -- encoding ----------------------------------------------------------------------------------------------
@given(st.text())
def test_every_text_comes_back(bpe: BPE, text: str) -> None:
    ids = bpe.encode(text)
    assert ids.dtype == np.int64
    assert bpe.decode(ids) == text
    assert len(ids) <= len(text.encode())


@given(st.text(alphabet=st.sampled_from("the functiona retu r n s.\n\té🙂")))
def test_the_earliest_learned_pair_is_merged_first(bpe: BPE, text: str) -> None:
    assert [bpe.tokens[number] for number in bpe.encode(text)] == naive_encode(bpe, text)


def test_a_token_that_two_merges_make_is_made_in_the_order_of_learning() -> None:
    """a b, bc: learned as (ab)(c) and as (a)(bc); and a merge of the result that lies between the two."""
    vocab = {letter: number for number, letter in enumerate(sorted(LETTERS))}
    merges = [("a", "b"), ("b", "c"), ("ab", "c"), ("abc", "a"), ("a", "bc")]
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    bpe = BPE(vocab, merges)
    for text in ("abcabc", "aabca", "bcabc", "abcaabca"):
        assert [bpe.tokens[number] for number in bpe.encode(text)] == naive_encode(bpe, text)


def test_the_manual_is_a_third_as_long_and_comes_back(bpe: BPE) -> None:
    manual = python_manual()
    ids = bpe.encode(manual)
    assert bpe.decode(ids) == manual
    assert 2.5 < len(manual) / len(ids) < 5
    assert np.array_equal(ids, bpe.encode(manual))  # from the words that are remembered


def test_a_word_of_a_hundred_thousand_letters_takes_no_time(bpe: BPE) -> None:
    start = time.process_time()
    word = "=" * 100_000
    assert bpe.decode(bpe.encode(word)) == word
    assert time.process_time() - start < 5  # seconds; looking through all pairs for every merge would take minutes


def test_special_tokens_are_found_as_a_whole(bpe: BPE) -> None:
    assert bpe.special_tokens == {"<|endoftext|>": 0}
    text = "one<|endoftext|>two <|endoftext|><|endoftext|>"
    ids = bpe.encode(text)
    assert (ids == 0).sum() == 3
    assert bpe.decode(ids) == text
    assert bpe.pieces("a<|endoftext|>")[-1] == "<|endoftext|>"
    without = BPE.train(python_manual(), 799)
    assert len(without.encode("<|endoftext|>")) > 1
    longer = BPE.train("abc", 260, ["<a>", "<a><b>"])
    assert longer.encode("<a><b><a>").tolist() == [1, 0]


def test_pieces_are_the_text_cut_up(bpe: BPE) -> None:
    text = "The assert statement, of which the manual speaks."
    pieces = bpe.pieces(text)
    assert "".join(pieces) == text
    assert 8 < len(pieces) < len(text) / 2
    assert pieces[1].startswith(" ")
    assert bpe.pieces("é") == ["\ufffd", "\ufffd"]  # two bytes, and the manual has no é to learn it from


def test_what_cannot_be_encoded_or_decoded_is_said(bpe: BPE) -> None:
    with pytest.raises(ValueError, match=r"UTF-8; got '\\ud800'"):
        bpe.encode("\ud800")
    with pytest.raises(ValueError, match="from 0 to 799; got 800"):
        bpe.decode([1, 800])
    with pytest.raises(ValueError, match="got -1"):
        bpe.decode([-1])
    assert bpe.decode(bpe.encode("é")[:1]) == "\ufffd"


def test_it_says_what_it_is(bpe: BPE) -> None:
    assert repr(bpe) == "BPE of 800 tokens, 543 merges, special: <|endoftext|>"


# -- files -------------------------------------------------------------------------------------------------
def test_files_bring_the_same_back(bpe: BPE, tmp_path: Path) -> None:
    bpe.save(tmp_path / "new" / "folder")
    again = BPE.load(tmp_path / "new" / "folder")
    assert again.vocab == bpe.vocab
    assert again.merges == bpe.merges
    assert again.special_tokens == bpe.special_tokens
    text = python_manual()[:20_000]
    assert np.array_equal(again.encode(text), bpe.encode(text))


def files(folder: Path, vocab: object, merges: str) -> Path:
    text = vocab if isinstance(vocab, str) else json.dumps(vocab)
    (folder / "vocab.json").write_text(text, encoding="utf-8")
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    return folder


def test_files_that_are_wrong_are_named(tmp_path: Path) -> None:
    good = {letter: number for number, letter in enumerate(LETTERS)}
    with pytest.raises(FileNotFoundError, match=r"vocab\.json is not there"):
        BPE.load(tmp_path)
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"merges\.txt is not there"):
        BPE.load(tmp_path)
    with pytest.raises(ValueError, match=r"vocab\.json is no JSON"):
        BPE.load(files(tmp_path, "not JSON", ""))
    with pytest.raises(ValueError, match="a number for every token"):
        BPE.load(files(tmp_path, ["a"], ""))
    with pytest.raises(ValueError, match="do not fit together: expected 2 tokens to have the numbers 0 to 1"):
        BPE.load(files(tmp_path, {"a": 0, "b": 2}, ""))
    with pytest.raises(ValueError, match="a token for every byte; 254 have none"):
        BPE.load(files(tmp_path, {"a": 0, "b": 1}, ""))
    with pytest.raises(ValueError, match=r"line 2: expected two tokens; got 'a b c'"):
        BPE.load(files(tmp_path, good, "#version: 0.2\na b c\n"))
    with pytest.raises(ValueError, match="merge 1, 'a' and 'b': 'ab' is not in the vocabulary"):
        BPE.load(files(tmp_path, good, "#version: 0.2\na b\n"))
    assert BPE.load(files(tmp_path, good | {"#!": 256}, "# !\n")).pieces("#!") == ["#!"]  # no version line: a merge
