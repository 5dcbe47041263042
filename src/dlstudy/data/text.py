"""Text for language models and classifiers: words of ten languages, prose, dates; and how text becomes arrays.

>>> from dlstudy.data import text
>>> words = text.words_by_language().split("train")
>>> words.words[0], words.languages[words.labels[0]]
('der', 'German')
>>> prose = text.python_manual()
>>> vocabulary = text.Vocabulary.of(prose)
>>> tokens = vocabulary.encode(prose)           # (N,) int64
>>> inputs, targets = next(text.stream_batches(tokens, batch_size=16, length=50))

Ids are int64 arrays throughout, and nothing here imports torch: `torch.from_numpy(ids)` makes a tensor of them.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

import numpy as np

from dlstudy.data.cache import Arrays, cached
from dlstudy.data.dataset import PARTS

Ids = np.ndarray
"""int64."""

# -- words of ten languages --------------------------------------------------------------------------------
LANGUAGES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "sv": "Swedish",
}
PER_LANGUAGE = 2200
CLEARLY = 10  # times as frequent as in any other of the languages
RARE = 1e-6  # the frequency below which wordfreq's lists end: what is not in a list may be as frequent as this


@dataclasses.dataclass(frozen=True, eq=False)
class Words:
    """Words, each of which belongs to one language.

    words: N words in lower case, of 3 to 14 letters.
    labels: (N,), int64, an index into `languages`.
    parts: (N,), uint8, an index into train, val, test.
    """

    words: list[str]
    labels: Ids
    parts: np.ndarray
    languages: tuple[str, ...] = tuple(LANGUAGES.values())
    part: str = "all"
    source: str = "wordfreq, its lists of frequent words"
    licence: str = "CC BY-SA 4.0 (the data of wordfreq)"
    citation: str = "R. Speer. rspeer/wordfreq: v3.0. Zenodo, 2022. https://doi.org/10.5281/zenodo.7199437"

    def split(self, part: str) -> Words:
        """Return the "train", "val" or "test" part; raises ValueError for another word, or for a part of a part."""
        if part not in PARTS:
            raise ValueError(f"expected one of {', '.join(PARTS)}; got {part!r}")
        if self.part != "all":
            raise ValueError(f"expected all words; got their {self.part} part, which has no parts of its own")
        chosen = np.flatnonzero(self.parts == PARTS.index(part))
        words = [self.words[place] for place in chosen]
        return dataclasses.replace(self, words=words, labels=self.labels[chosen], parts=self.parts[chosen], part=part)

    def __len__(self) -> int:
        """Return the number of words, N."""
        return len(self.words)

    def __repr__(self) -> str:
        part = "" if self.part == "all" else f", {self.part} part"
        return f"Words of {len(self.languages)} languages{part}: {len(self):,}; {self.licence}"


def words_by_language() -> Words:
    """Return 22,000 words, 2,200 in each of ten languages, the most frequent ones first.

    A word belongs to a language when it is ten times as frequent there as in any other of the ten: "haus" is in, "in"
    is in none. Names of people and places are among them, as the lists were counted on news, subtitles and the web.

    Parts: about 80, 10 and 10 of a hundred words, chosen by a hash of the word. No word is in two parts; forms of one
    word ("dance", "dancing") may be.
    """
    arrays = cached(f"words-1-wordfreq-{version('wordfreq')}", _unambiguous_words)
    words = arrays["words"].tolist()
    return Words(words, arrays["labels"], np.array([_part_of(word) for word in words], np.uint8))


def _unambiguous_words() -> Arrays:
    from wordfreq import get_frequency_dict  # takes a second to import, and its lists another one to read

    lists = {code: get_frequency_dict(code, wordlist="small") for code in LANGUAGES}
    words: list[str] = []
    for code, frequencies in lists.items():
        others = [other for name, other in lists.items() if name != code]
        found = [
            (-frequency, word)
            for word, frequency in frequencies.items()
            if 3 <= len(word) <= 14
            and word.isalpha()
            and frequency >= CLEARLY * max(RARE, *(other.get(word, 0.0) for other in others))
        ]
        words += [word for _, word in sorted(found)[:PER_LANGUAGE]]
    return {"words": np.array(words), "labels": np.repeat(np.arange(len(lists), dtype=np.int64), PER_LANGUAGE)}


def _part_of(word: str) -> int:
    """Return the index of the part that a word belongs to, on every machine and in every version."""
    number = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % 100
    return PARTS.index("test" if number < 10 else "val" if number < 20 else "train")


# -- prose -------------------------------------------------------------------------------------------------
def python_manual() -> str:
    """Return the reference manual that comes with Python, about 465,000 characters of technical English prose.

    It is what `help("assert")` prints, all topics one after another, in alphabetical order; it changes from one version
    of Python to the next. Python's own licence applies. Raises RuntimeError where a Python comes without it.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:  # some systems put it into a package of its own
        raise RuntimeError('this Python comes without its manual (the module "pydoc_data")') from error
    return "\n\n".join(topics[name].strip() for name in sorted(topics)) + "\n"


def shakespeare() -> str:
    """Return 1.1 million characters of Shakespeare's plays; downloaded at the first call, 1.1 MB.

    Raises what `dlstudy.data.download.fetch` raises, such as `Unreachable` without a network.
    """
    from dlstudy.data import sources
    from dlstudy.data.download import fetch

    return fetch(sources.SHAKESPEARE).read_text(encoding="utf-8")


def names(full: bool = False) -> list[str]:
    """Return names in lower case: of places, from the time-zone database that is on this machine, about 400.

    With `full`, 32,033 first names of people instead, downloaded at the first call, 0.2 MB; no real list of those
    travels with a package. Raises RuntimeError where a system has no time-zone database, and with `full` what
    `dlstudy.data.download.fetch` raises.
    """
    if full:
        from dlstudy.data import sources
        from dlstudy.data.download import fetch

        return fetch(sources.NAMES).read_text(encoding="utf-8").split()
    import zoneinfo

    keys = [key.split("/") for key in zoneinfo.available_timezones()]
    regions = {
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    }
    found = {key[-1].replace("_", " ").lower() for key in keys if len(key) > 1 and key[0] in regions}
    if not found:
        raise RuntimeError("no time-zone database was found; `python -m pip install tzdata` brings one")
    return sorted(found)


# -- symbols and ids ---------------------------------------------------------------------------------------
class Vocabulary:
    """A number for every symbol: characters of a text, or words of a list.

    Args:
        symbols: what has a number; each once, in this order.
        pad, bos, eos, unknown: whether there are marks for padding, for the beginning and the end of a sequence, and
            for symbols that are not here. Marks have the first numbers, in this order, so that padding is 0.

    `pad`, `bos`, `eos` and `unknown` are the numbers of the marks, None for those that are not wanted. Raises
    ValueError for a symbol that is there twice.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        *,
        pad: bool = False,
        bos: bool = False,
        eos: bool = False,
        unknown: bool = False,
    ) -> None:
        wanted = {"<pad>": pad, "<bos>": bos, "<eos>": eos, "<unk>": unknown}
        self.marks = tuple(mark for mark, is_wanted in wanted.items() if is_wanted)
        self.symbols = (*self.marks, *symbols)
        self._ids = {symbol: number for number, symbol in enumerate(self.symbols)}
        if len(self._ids) < len(self.symbols):
            twice = next(symbol for number, symbol in enumerate(self.symbols) if self._ids[symbol] != number)
            raise ValueError(f"expected every symbol once; {twice!r} is there twice")
        self.pad, self.bos, self.eos, self.unknown = (self._ids.get(mark) if wanted[mark] else None for mark in wanted)

    @classmethod
    def of(cls, text: Iterable[str], **marks: bool) -> Vocabulary:
        """Return the vocabulary of all characters of a text (of all items of a list), sorted."""
        return cls(sorted(set(text)), **marks)

    def encode(self, text: Iterable[str], *, bos: bool = False, eos: bool = False) -> Ids:
        """Return the numbers of the symbols of `text`, (N,) int64, between the marks that are asked for.

        Raises ValueError for a symbol that has no number, unless there is a mark for unknown ones, and for a mark that
        this vocabulary does not have.
        """
        if self.unknown is None:
            try:
                found = [self._ids[symbol] for symbol in text]
            except KeyError as error:
                raise ValueError(f"{error.args[0]!r} is not among the {len(self)} symbols of this vocabulary") from None
        else:
            found = [self._ids.get(symbol, self.unknown) for symbol in text]
        for mark, number, is_wanted in (("bos", self.bos, bos), ("eos", self.eos, eos)):
            if is_wanted and number is None:
                raise ValueError(
                    f"this vocabulary was made without a mark {mark}; Vocabulary(..., {mark}=True) has one"
                )
        before = [self.bos] if bos else []
        return np.array([*before, *found, *([self.eos] if eos else [])], dtype=np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the symbols with these numbers, joined, without marks (an unknown symbol stays visible, as "<unk>").

        Raises ValueError for a number outside 0 to len - 1.
        """
        hidden = {self.pad, self.bos, self.eos}
        found = []
        for number in ids:
            if not 0 <= number < len(self):
                raise ValueError(f"expected numbers from 0 to {len(self) - 1}; got {number}")
            if number not in hidden:
                found.append(self.symbols[number])
        return "".join(found)

    def __len__(self) -> int:
        """Return how many numbers there are, marks included."""
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        """Tell whether a symbol has a number of its own."""
        return symbol in self._ids

    def __repr__(self) -> str:
        return f"Vocabulary of {len(self)}: {' '.join(map(repr, self.symbols[:8]))}{' ...' if len(self) > 8 else ''}"


# -- batches -----------------------------------------------------------------------------------------------
def stream_batches(tokens: Ids, batch_size: int, length: int) -> Iterator[tuple[Ids, Ids]]:
    """Cut one long text into batches through which a recurrent network can carry its state.

    The text is cut into `batch_size` equal strips, one below another, and the batches are read from left to right: row
    b of a batch goes on where row b of the batch before ended. Targets are the inputs one token later. Yields (inputs,
    targets), each (batch_size, length) int64; what is left at the end of the strips and fills no batch is not given.
    Raises ValueError when there is not enough text for one batch.
    """
    strip = (len(tokens) - 1) // batch_size  # the last token is a target only
    if strip < length:
        wanted = f"{batch_size * length + 1:,} tokens for {batch_size} rows of {length}"
        raise ValueError(f"expected at least {wanted}; got {len(tokens):,}")
    inputs = np.asarray(tokens[: batch_size * strip], np.int64).reshape(batch_size, strip)
    targets = np.asarray(tokens[1 : batch_size * strip + 1], np.int64).reshape(batch_size, strip)
    for start in range(0, strip - length + 1, length):
        yield inputs[:, start : start + length].copy(), targets[:, start : start + length].copy()


def random_windows(tokens: Ids, batch_size: int, length: int, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """Return (inputs, targets), each (batch_size, length) int64: pieces from anywhere, the targets one token later.

    Raises ValueError when the text is shorter than length + 1.
    """
    if len(tokens) < length + 1:
        raise ValueError(f"expected at least {length + 1:,} tokens for windows of {length}; got {len(tokens):,}")
    starts = rng.integers(0, len(tokens) - length, batch_size)
    windows = np.asarray(tokens, np.int64)[starts[:, None] + np.arange(length + 1)]
    return windows[:, :-1].copy(), windows[:, 1:].copy()


def pad(sequences: Sequence[Ids], value: int = 0) -> tuple[Ids, Ids]:
    """Return the sequences as rows of one array, filled up with `value` at the end, and their lengths.

    N sequences become (N, longest) and (N,), both int64.
    """
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    padded = np.full((len(sequences), lengths.max(initial=0)), value, np.int64)
    for row, sequence in zip(padded, sequences):
        row[: len(sequence)] = sequence
    return padded, lengths


# -- dates -------------------------------------------------------------------------------------------------
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FORMATS = (
    "{d} {month} {y}",
    "{d}{th} {month} {y}",
    "{month} {d}, {y}",
    "{month} {d}{th}, {y}",
    "the {d}{th} of {month}, {y}",
    "{weekday}, {d} {month} {y}",
    "{weekday} {month} {d} {y}",
    "{day}, {d} {mon} {y}",
    "{mon} {d}, {y}",
    "{d} {mon} {y}",
    "{d} {mon} '{yy:02}",
    "{d}-{mon}-{yy:02}",
    "{dd:02}/{mm:02}/{y}",
    "{d}/{mm}/{yy:02}",
    "{dd:02}.{mm:02}.{y}",
    "{d}.{mm}.{yy:02}",
    "{y}/{mm:02}/{dd:02}",
    "{y} {mon} {d}",
)
_FIRST, _LAST = datetime.date(1970, 1, 1), datetime.date(2069, 12, 31)


def date_pairs(count: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return `count` dates as (how somebody writes it, how a computer does): ("3rd May 1987", "1987-05-03").

    Made up, not collected: a day from 1970 to 2069, in which two digits mean one year, in one of 18 ways to write it
    in English, some in capitals and some in small letters. Dates in figures only have the day first, or the year.
    """
    days = rng.integers(0, (_LAST - _FIRST).days + 1, count)
    formats = rng.integers(0, len(_FORMATS), count)
    cases = rng.integers(0, 10, count)
    pairs = []
    for day, form, case in zip(days.tolist(), formats.tolist(), cases.tolist()):
        date = _FIRST + datetime.timedelta(days=day)
        written = _FORMATS[form].format(
            d=date.day,
            dd=date.day,
            mm=date.month,
            y=date.year,
            yy=date.year % 100,
            th="th" if 10 < date.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(date.day % 10, "th"),
            month=_MONTHS[date.month - 1],
            mon=_MONTHS[date.month - 1][:3],
            weekday=_DAYS[date.weekday()],
            day=_DAYS[date.weekday()][:3],
        )
        pairs.append((written.lower() if case < 2 else written.upper() if case == 2 else written, date.isoformat()))
    return pairs
