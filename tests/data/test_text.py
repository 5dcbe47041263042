"""Words, prose, dates, vocabularies and batches of text."""

from __future__ import annotations

import collections
import datetime
import hashlib
import re
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstudy.data import cache, text

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> text.Words:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLSTUDY_LEARNER", str(tmp_path_factory.mktemp("learner")))
        patch.setattr(cache, "_memory", {})
        first = text.words_by_language()
        start = time.process_time()
        second = text.words_by_language()
        assert time.process_time() - start < 1, "the second opening must not rank the lists again"
    assert first.words == second.words
    assert np.array_equal(first.labels, second.labels)
    return first


# -- words -------------------------------------------------------------------------------------------------
def test_ten_languages_have_as_many_words_each(words: text.Words) -> None:
    assert np.bincount(words.labels).tolist() == [2200] * 10
    assert len(set(words.words)) == len(words) == 22000
    assert all(word.isalpha() and word == word.lower() and 3 <= len(word) <= 14 for word in words.words)
    assert words.labels.dtype == np.int64


def test_a_word_is_clearly_most_frequent_in_its_language(words: text.Words) -> None:
    """Asked of wordfreq's own function, one word at a time, not of its lists as the code does."""
    from wordfreq import word_frequency

    rng = np.random.default_rng(0)
    for place in rng.choice(len(words), 300, replace=False):
        word, language = words.words[place], words.languages[words.labels[place]]
        found = {
            name: word_frequency(word, code, wordlist="small", minimum=1e-6) for code, name in text.LANGUAGES.items()
        }
        others = max(frequency for name, frequency in found.items() if name != language)
        assert found[language] >= 9.99 * others, (word, language, found)


def test_some_words_that_everybody_knows(words: text.Words) -> None:
    of = {word: words.languages[label] for word, label in zip(words.words, words.labels)}
    known = {"haus": "German", "because": "English", "porque": None, "kuitenkin": "Finnish", "beaucoup": "French"}
    known |= {"perché": "Italian", "bedrijf": "Dutch", "się": "Polish", "você": "Portuguese", "också": "Swedish"}
    assert {word: of.get(word) for word in known} == known
    assert "in" not in of
    assert "die" not in of  # German and Dutch


def test_parts_are_disjoint_and_depend_on_the_word_alone(words: text.Words) -> None:
    parts = {name: words.split(name) for name in ("train", "val", "test")}
    assert sum(map(len, parts.values())) == len(words)
    assert not set(parts["train"].words) & set(parts["val"].words)
    assert not set(parts["train"].words) & set(parts["test"].words)
    assert not set(parts["val"].words) & set(parts["test"].words)
    for name, low, high in (("test", 0, 10), ("val", 10, 20), ("train", 20, 100)):
        assert 0.9 < len(parts[name]) / (len(words) * (high - low) / 100) < 1.1
        assert min(np.bincount(parts[name].labels)) > 150 * (high - low) / 10
        for word in parts[name].words[:50]:
            number = int(hashlib.sha256(word.encode()).hexdigest()[:8], 16) % 100
            assert low <= number < high
    of = dict(zip(words.words, words.labels))
    assert all(of[word] == label for word, label in zip(parts["val"].words, parts["val"].labels))
    with pytest.raises(ValueError, match="expected one of train, val, test"):
        words.split("dev")
    with pytest.raises(ValueError, match="their val part"):
        parts["val"].split("train")
    assert "CC BY-SA" in repr(words)


@pytest.mark.slow
def test_letters_tell_the_language_of_four_words_in_five(words: text.Words) -> None:
    """The baseline that lessons name: naive Bayes on runs of one to four letters."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    train, val = words.split("train"), words.split("val")
    counter = CountVectorizer(analyzer="char_wb", ngram_range=(1, 4))
    model = MultinomialNB(alpha=0.1).fit(counter.fit_transform(train.words), train.labels)
    assert 0.78 < model.score(counter.transform(val.words), val.labels) < 0.86


# -- prose -------------------------------------------------------------------------------------------------
def test_the_manual_is_all_topics_of_this_python() -> None:
    from pydoc_data.topics import topics

    manual = text.python_manual()
    assert len(manual) > 200_000
    assert all(topic.strip() in manual for topic in topics.values())
    assert manual == text.python_manual()


def test_names_of_places_are_real_and_sorted() -> None:
    found = text.names()
    assert len(found) > 300
    assert found == sorted(set(found))
    assert {"buenos aires", "tokyo", "nairobi", "berlin"} <= set(found)
    assert all(re.fullmatch(r"[a-z0-9 +-]+", name) for name in found)


@pytest.mark.parametrize(
    ("source", "read"), [("NAMES", lambda: text.names(full=True)), ("SHAKESPEARE", text.shakespeare)]
)
def test_what_is_downloaded_is_asked_for_by_its_checksum(
    source: str, read: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are checked by `fetch`, whose tests are elsewhere; here: the right one is asked for, and read well."""
    from dlstudy.data import download, sources

    asked = []
    file = SHARED / {"NAMES": "names_ssa.txt", "SHAKESPEARE": "tinyshakespeare.txt"}[source]
    if not file.exists():
        pytest.skip(f"{file.name} is not on this machine")

    def fetch(remote: object) -> Path:
        asked.append(remote)
        return file

    monkeypatch.setattr(download, "fetch", fetch)
    found = read()
    assert asked == [getattr(sources, source)]
    if source == "NAMES":
        assert found[:3] == ["emma", "olivia", "ava"]
        assert len(found) == 32033
    else:
        assert found.startswith("First Citizen:\nBefore we proceed")
        assert len(found) == 1115394


# -- vocabulary --------------------------------------------------------------------------------------------
@given(st.text(), st.booleans(), st.booleans(), st.booleans())
def test_decoding_gives_back_what_was_encoded(sample: str, pad: bool, bos: bool, eos: bool) -> None:
    vocabulary = text.Vocabulary.of(sample, pad=pad, bos=bos, eos=eos)
    ids = vocabulary.encode(sample, bos=bos, eos=eos)
    assert ids.dtype == np.int64
    assert len(ids) == len(sample) + bos + eos
    assert vocabulary.decode(ids) == sample
    if len(sample):
        assert ids[bos : len(ids) - eos].min() >= len(vocabulary.marks)


def test_numbers_follow_the_order_of_symbols_after_the_marks() -> None:
    vocabulary = text.Vocabulary("cab", pad=True, bos=True, eos=True, unknown=True)
    assert (vocabulary.pad, vocabulary.bos, vocabulary.eos, vocabulary.unknown) == (0, 1, 2, 3)
    assert vocabulary.encode("abc!", bos=True, eos=True).tolist() == [1, 5, 6, 4, 3, 2]
    assert vocabulary.decode([0, 1, 5, 3, 2]) == "a<unk>"
    assert len(vocabulary) == 7
    assert "a" in vocabulary
    assert "!" not in vocabulary
    assert text.Vocabulary.of("banana").symbols == ("a", "b", "n")
    of_words = text.Vocabulary(["to", "be", "or"])
    assert of_words.encode(["to", "be", "or"]).tolist() == [0, 1, 2]
    assert (of_words.pad, of_words.bos, of_words.eos, of_words.unknown) == (None, None, None, None)


def test_a_vocabulary_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="'a' is there twice"):
        text.Vocabulary("aba")
    with pytest.raises(ValueError, match="'ä' is not among the 3 symbols"):
        text.Vocabulary("abc").encode("bä")
    with pytest.raises(ValueError, match="from 0 to 2; got 3"):
        text.Vocabulary("abc").decode([1, 3])
    with pytest.raises(ValueError, match="from 0 to 2; got -1"):
        text.Vocabulary("abc").decode(np.array([-1]))
    with pytest.raises(ValueError, match="without a mark eos"):
        text.Vocabulary("abc").encode("a", eos=True)


# -- batches -----------------------------------------------------------------------------------------------
@given(st.integers(1, 5), st.integers(1, 7), st.integers(0, 60))
def test_rows_go_on_where_they_ended_and_targets_are_one_later(batch_size: int, length: int, more: int) -> None:
    tokens = np.arange(100, 100 + batch_size * length + 1 + more)
    batches = list(text.stream_batches(tokens, batch_size, length))
    for inputs, targets in batches:
        assert inputs.shape == targets.shape == (batch_size, length)
        assert inputs.dtype == targets.dtype == np.int64
        assert np.array_equal(targets, inputs + 1)
    rows = np.concatenate([inputs for inputs, _ in batches], axis=1)
    assert np.array_equal(np.diff(rows, axis=1), np.ones_like(rows[:, 1:]))  # each row is one unbroken run
    seen = rows.ravel().tolist()
    assert len(seen) == len(set(seen)), "a token is read twice"
    unread = len(tokens) - 1 - len(seen)
    assert unread < batch_size * length + batch_size, "more is left out than the ends of the strips"


def test_too_little_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 13 tokens for 4 rows of 3; got 12"):
        next(text.stream_batches(np.arange(12), 4, 3))
    assert len(list(text.stream_batches(np.arange(13), 4, 3))) == 1
    with pytest.raises(ValueError, match="at least 5 tokens for windows of 4; got 4"):
        text.random_windows(np.arange(4), 2, 4, np.random.default_rng(0))


def test_windows_come_from_everywhere_alike() -> None:
    tokens, rng = np.arange(50) * 7, np.random.default_rng(0)
    inputs, targets = text.random_windows(tokens, 4000, 10, rng)
    assert inputs.shape == (4000, 10)
    assert inputs.dtype == np.int64
    assert np.array_equal(targets, inputs + 7)
    assert np.array_equal(np.diff(inputs, axis=1), np.full((4000, 9), 7))
    counts = collections.Counter((inputs[:, 0] // 7).tolist())
    assert set(counts) == set(range(40))  # the last window's target is the last token
    assert max(abs(count - 100) for count in counts.values()) < 50


def test_padding_keeps_every_token() -> None:
    sequences = [np.array([5, 6, 7]), np.array([], np.int64), np.array([8])]
    ids, lengths = text.pad(sequences, value=9)
    assert ids.tolist() == [[5, 6, 7], [9, 9, 9], [8, 9, 9]]
    assert lengths.tolist() == [3, 0, 1]
    assert ids.dtype == lengths.dtype == np.int64
    assert text.pad([])[0].shape == (0, 0)


# -- dates -------------------------------------------------------------------------------------------------
def parsed(written: str) -> datetime.date:
    """Read a date as a person would: by its parts, not by the formats of the code."""
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    lower = written.lower()
    month = next((place + 1 for place, name in enumerate(months) if re.search(rf"\b{name}", lower)), None)
    numbers = re.findall(r"'?\d+", lower)
    long = [number for number in numbers if len(number) == 4]
    if month is None:
        if long and numbers[0] == long[0]:
            year, month, day = map(int, numbers)
            return datetime.date(year, month, day)
        day, month, year = map(int, numbers)
    else:
        year_text = long[0] if long else numbers[-1]
        numbers.remove(year_text)
        year, day = int(year_text.strip("'")), int(numbers[0])
    if year < 100:
        year += 1900 if year >= 70 else 2000
    return datetime.date(year, month, day)


def test_written_and_computed_dates_are_the_same_day() -> None:
    pairs = text.date_pairs(3000, np.random.default_rng(1))
    weekdays = 0
    for written, iso in pairs:
        date = datetime.date.fromisoformat(iso)
        assert parsed(written) == date, (written, iso)
        if day := re.match(r"(mon|tue|wed|thu|fri|sat|sun)\w*,? ", written.lower()):
            weekdays += 1
            assert day[1] == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][date.weekday()]
        if ordinal := re.search(r"(\d+)(st|nd|rd|th)\b", written.lower()):
            assert ordinal[0] in ("1st", "2nd", "3rd", "21st", "22nd", "23rd", "31st") or (
                ordinal[2] == "th" and ordinal[1] not in ("1", "2", "3", "21", "22", "23", "31")
            )
    assert weekdays > 100
    shapes = {re.sub(r"\d+", "0", re.sub(r"[A-Za-z]+", "a", written)) for written, _ in pairs}
    assert len(shapes) >= 11  # of 18 formats, some of which differ in the words only
    assert pairs == text.date_pairs(3000, np.random.default_rng(1))
    assert pairs != text.date_pairs(3000, np.random.default_rng(2))
    assert len({iso for _, iso in pairs}) > 2500
