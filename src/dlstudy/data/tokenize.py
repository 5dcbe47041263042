r"""Byte-pair encoding on bytes, as GPT-2 has it: text becomes numbers, and none is ever unknown.

Papers: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016, arXiv
1508.07909 (the merges, algorithm 1); Radford et al., "Language Models are Unsupervised Multitask Learners", 2019,
section 2.2 (on bytes, inside words only).

Training starts with the 256 bytes as tokens and then, again and again, makes one token of the two that stand side by
side most often. What it learns is the list of these merges, in order. Encoding a new text makes the same merges, the
earliest learned first. Merges stop at the borders of words, which `WORDS` finds.

>>> from dlstudy.data.text import python_manual
>>> bpe = BPE.train(python_manual(), vocab_size=1000)
>>> bpe.pieces("unforgettable functions")
['un', 'for', 'get', 'table', ' functions']
>>> bpe.decode(bpe.encode("naïve 🙂"))
'naïve 🙂'

The files `vocab.json` and `merges.txt` are text, so every byte is written as a letter there: byte 32, the space, is Ġ.
"""

from __future__ import annotations

import collections
import heapq
import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import regex  # type: ignore[import-untyped]  # re knows no \p{L}, "any letter"

WORDS = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
"""GPT-2's words: 's and its kin, then letters, figures or signs, each with one space before it; and other space."""

Pair = tuple[int, int]
_CACHED = 100_000  # words whose tokens are remembered


def byte_letters() -> list[str]:
    """Return the letter that each byte is written as: itself where it can be seen, else one from 256 on."""
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    invisible = [byte for byte in range(256) if byte not in visible]
    return [chr(byte if byte in visible else 256 + invisible.index(byte)) for byte in range(256)]


LETTERS = byte_letters()
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}


class BPE:
    """A byte-level byte-pair encoding: tokens with their numbers, and the merges in the order of learning.

    Args:
        vocab: the number of every token, which is written in the letters of `LETTERS`; numbers 0 to len - 1.
        merges: pairs of tokens, the first learned first; both and what they make are in `vocab`.

    A token that is neither a byte nor made by a merge is special, such as "<|endoftext|>": found in a text as a whole.
    Raises ValueError for a vocabulary and merges that do not fit together.
    Proven equal to `ByteLevelBPETokenizer` of the package tokenizers: merges and numbers from training, files, encoding
    and decoding.
    """

    def __init__(self, vocab: dict[str, int], merges: Sequence[tuple[str, str]]) -> None:
        if sorted(vocab.values()) != list(range(len(vocab))):
            raise ValueError(f"expected {len(vocab)} tokens to have the numbers 0 to {len(vocab) - 1}, each once")
        if missing := [letter for letter in LETTERS if letter not in vocab]:
            raise ValueError(f"expected a token for every byte; {len(missing)} have none, such as {missing[0]!r}")
        for number, (left, right) in enumerate(merges, start=1):
            for token in (left, right, left + right):
                if token not in vocab:
                    raise ValueError(f"merge {number}, {left!r} and {right!r}: {token!r} is not in the vocabulary")
        self.vocab, self.merges = dict(vocab), list(merges)
        self.tokens = sorted(vocab, key=vocab.__getitem__)
        made = {*LETTERS, *(left + right for left, right in merges)}
        self.special_tokens = {token: number for token, number in vocab.items() if token not in made}
        self._merged = {  # both tokens: when it was learned, and what it makes
            (vocab[left], vocab[right]): (rank, vocab[left + right]) for rank, (left, right) in enumerate(merges)
        }
        self._byte_ids = [vocab[letter] for letter in LETTERS]
        self._bytes = [
            token.encode() if token in self.special_tokens else bytes(BYTES[letter] for letter in token)
            for token in self.tokens
        ]
        longest_first = sorted(self.special_tokens, key=len, reverse=True)
        self._special = regex.compile("|".join(map(regex.escape, longest_first))) if longest_first else None
        self._known: dict[str, list[int]] = {}

    # -- learning ----------------------------------------------------------------------------------------------
    @classmethod
    def train(
        cls, text: str | Iterable[str], vocab_size: int, special_tokens: Sequence[str] = (), min_frequency: int = 1
    ) -> BPE:
        """Learn merges from a text, or from several, until there are `vocab_size` tokens.

        Numbers go first to the special tokens, then to the 256 bytes, then to what the merges make. Of pairs that are
        equally frequent, the one with the smaller numbers comes first. It ends early when no pair occurs
        `min_frequency` times. Raises ValueError for a size that leaves no room for the bytes.
        """
        tokens = [*special_tokens, *sorted(LETTERS)]
        if vocab_size < len(tokens):
            raise ValueError(f"expected vocab_size of at least {len(tokens)}: 256 bytes and the special tokens")
        vocab = {token: number for number, token in enumerate(tokens)}
        if len(vocab) < len(tokens):
            raise ValueError("expected every special token once, and none that is a single byte's letter")
        counts = collections.Counter(
            word for part in ([text] if isinstance(text, str) else text) for word in WORDS.findall(part)
        )
        byte_ids = [vocab[letter] for letter in LETTERS]
        corpus = _Corpus([([byte_ids[byte] for byte in word.encode()], count) for word, count in counts.items()])
        merges = []
        while len(vocab) < vocab_size and (pair := corpus.most_frequent(min_frequency)):
            left, right = (tokens[number] for number in pair)
            number = vocab.setdefault(left + right, len(vocab))
            if number == len(tokens):  # else another pair has made this token before
                tokens.append(left + right)
            merges.append((left, right))
            corpus.merge(pair, number)
        return cls(vocab, merges)

    # -- using -------------------------------------------------------------------------------------------------
    def encode(self, text: str) -> np.ndarray:
        """Return the numbers of the tokens of `text`, (N,) int64; `decode` gives the text back.

        Raises ValueError for text that has no UTF-8, which is half of a surrogate pair.
        """
        ids: list[int] = []
        start = 0
        for found in self._special.finditer(text) if self._special else ():
            self._add(text[start : found.start()], ids)
            ids.append(self.special_tokens[found[0]])
            start = found.end()
        self._add(text[start:] if start else text, ids)
        return np.array(ids, dtype=np.int64)

    def _add(self, text: str, ids: list[int]) -> None:
        """Append the numbers of a text without special tokens; words that came before are looked up."""
        for word in WORDS.findall(text):
            found = self._known.get(word)
            if found is None:
                if len(self._known) >= _CACHED:
                    self._known.clear()
                try:
                    found = self._known[word] = self._encode_word(word.encode())
                except UnicodeEncodeError as error:
                    raise ValueError(f"expected text that can be written in UTF-8; got {word!r}") from error
            ids += found

    def _encode_word(self, word: bytes) -> list[int]:
        """Merge the earliest learned of all pairs, the leftmost of these, until no two neighbours are a pair.

        Looking through all pairs each time would do. A heap of the pairs and links from each token to its neighbours
        do the same for a word of a million letters.
        """
        ids = [self._byte_ids[byte] for byte in word]
        before, after = list(range(-1, len(ids) - 1)), list(range(1, len(ids) + 1))
        waiting: list[tuple[int, int, Pair]] = []

        def consider(left: int) -> None:
            right = after[left] if left >= 0 else len(ids)
            if right < len(ids) and (pair := (ids[left], ids[right])) in self._merged:
                heapq.heappush(waiting, (self._merged[pair][0], left, pair))

        for place in range(len(ids)):
            consider(place)
        while waiting:
            _, place, pair = heapq.heappop(waiting)
            right = after[place]
            if right == len(ids) or (ids[place], ids[right]) != pair:
                continue  # one of them has become part of another token since
            ids[place], ids[right] = self._merged[pair][1], -1
            after[place] = after[right]
            if after[right] < len(ids):
                before[after[right]] = place
            consider(before[place])
            consider(place)
        return [number for number in ids if number >= 0]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text; bytes that are no UTF-8, such as half a letter, become the sign U+FFFD.

        Raises ValueError for a number outside 0 to len - 1.
        """
        return b"".join(self._bytes[self._checked(number)] for number in ids).decode("utf-8", errors="replace")

    def pieces(self, text: str) -> list[str]:
        """Return the tokens of a text as pieces of text, to look at; a piece of a letter is U+FFFD."""
        return [self._bytes[number].decode("utf-8", errors="replace") for number in self.encode(text)]

    def _checked(self, number: int) -> int:
        if not 0 <= number < len(self):
            raise ValueError(f"expected numbers from 0 to {len(self) - 1}; got {number}")
        return number

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.tokens)

    def __repr__(self) -> str:
        special = ", ".join(self.special_tokens) or "none"
        return f"BPE of {len(self):,} tokens, {len(self.merges):,} merges, special: {special}"

    # -- files -------------------------------------------------------------------------------------------------
    def save(self, folder: str | Path) -> None:
        """Write `vocab.json` and `merges.txt`, as GPT-2's files are and as transformers and tokenizers read them."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        vocab = {token: self.vocab[token] for token in self.tokens}
        (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
        lines = ["#version: 0.2", *(f"{left} {right}" for left, right in self.merges)]
        (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> BPE:
        """Read `vocab.json` and `merges.txt` from a folder: those of `save`, or the official ones of GPT-2.

        Raises FileNotFoundError where one is not there, and ValueError where one is no such file.
        """
        folder = Path(folder)
        for name in ("vocab.json", "merges.txt"):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"expected the files vocab.json and merges.txt in {folder}; {name} is not there"
                )
        try:
            vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{folder / 'vocab.json'} is no JSON: {error}") from error
        if not isinstance(vocab, dict) or not all(isinstance(number, int) for number in vocab.values()):
            raise ValueError(f"{folder / 'vocab.json'}: expected an object with a number for every token")
        merges = []
        lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line or (number == 1 and line.startswith("#version")):
                continue
            pair = line.split(" ")
            if len(pair) != 2:
                raise ValueError(f"{folder / 'merges.txt'}, line {number}: expected two tokens; got {line!r}")
            merges.append((pair[0], pair[1]))
        try:
            return cls(vocab, merges)
        except ValueError as error:
            raise ValueError(f"the files in {folder} do not fit together: {error}") from error


class _Corpus:
    """The words of a text as tokens, and how often each pair stands side by side, kept up to date at every merge.

    To count all pairs anew for every merge would be simple, and slow: a merge changes few words. `places` tells which.
    """

    def __init__(self, words: list[tuple[list[int], int]]) -> None:
        self.words = words
        self.counts: collections.Counter[Pair] = collections.Counter()
        self.places: dict[Pair, set[int]] = collections.defaultdict(set)
        for place, (ids, count) in enumerate(words):
            for pair in pairwise(ids):
                self.counts[pair] += count
                self.places[pair].add(place)
        self.queue = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.queue)

    def most_frequent(self, at_least: int) -> Pair | None:
        """Return the most frequent pair, or None when none is frequent enough."""
        while self.queue:
            negative, pair = self.queue[0]
            count = self.counts[pair]
            if -negative == count:
                return pair if count >= max(at_least, 1) else None
            heapq.heapreplace(self.queue, (-count, pair))  # merges have used some of them up
        return None

    def merge(self, pair: Pair, number: int) -> None:
        """Make one token, `number`, of the pair wherever it stands."""
        changed: set[Pair] = set()
        for place in self.places.pop(pair):
            ids, count = self.words[place]
            for old in pairwise(ids):
                self.counts[old] -= count
            ids[:] = merged(ids, pair, number)
            for new in pairwise(ids):
                self.counts[new] += count
                if number in new:
                    self.places[new].add(place)
                    changed.add(new)
        for new in changed:
            heapq.heappush(self.queue, (-self.counts[new], new))


def merged(ids: Sequence[int], pair: Pair, number: int) -> list[int]:
    """Return `ids` with `number` in place of every `pair`, from left to right."""
    result: list[int] = []
    for after in ids:
        if result and (result[-1], after) == pair:
            result[-1] = number
        else:
            result.append(after)
    return result
