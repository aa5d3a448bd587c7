"""What a text about the role or company is about, and which of it an answer takes up: words beside words.

A theme is a noun, a verb or a phrase of two words that the text says early or often. Names, numbers and what
stands in every such text are masked. Words are compared by their lemmas, without endings that only change
the part of speech, and by nothing else: no synonym is guessed.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, Token

from service.feedback.abstention import FUNCTION_WORDS
from service.language.text import AnalysisText
from service.records import Alignment, Passage, Theme

_FILE = Path(__file__).parent / "alignment.toml"
_CONTENT = frozenset({"NOUN", "VERB", "ADJ", "ADV"})
#: A noun that a heading capitalises is tagged as a name.
_THEME = frozenset({"NOUN", "PROPN", "VERB"})
_MODIFIER = frozenset({"NOUN", "ADJ"})
#: A verb says less of what a text is about than a noun.
_VERB_WEIGHT = 0.8
#: Endings that change the part of speech: "schedule", "scheduling"; "train", "training"; "manage", "management".
_ENDINGS = ("ations", "ation", "ings", "ing", "ments", "ment", "ions", "ion", "es", "e", "s")
_LEAST_STEM = 4
#: Stems of the words of a theme, one or two.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that may speak of a theme; ``index`` counts all tokens, ``passage`` is in the given text."""

    stem: str
    pos: str
    index: int
    passage: Passage


@dataclass(frozen=True, slots=True)
class ContextTheme:
    """A theme of a context, with nothing of spaCy's: it outlives the document that it was read from."""

    key: Key
    name: str
    passages: tuple[Passage, ...]
    is_main: bool


class Aligner:
    """Finds the themes of contexts, and what answers take up of them."""

    def __init__(self) -> None:
        data: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
        self._boilerplate = frozenset(_stem(word) for word in data["boilerplate"])
        self._least_words = int(data["least_words"])
        self._least_function_share = float(data["least_function_share"])
        self._most_themes = int(data["most_themes"])
        self._most_main = int(data["most_main"])
        self._least_main_count = int(data["least_main_count"])
        self._window = int(data["window"])
        self._most_passages = int(data["most_passages"])

    def themes(self, doc: Doc, text: AnalysisText, given: str) -> tuple[ContextTheme, ...]:
        """Return the themes of a context, the weightiest first; none where it says too little, or no English.

        ``doc`` is the tagged ``text`` of ``given``.
        """
        words = [token for token in doc if token.is_alpha]
        function = sum(token.lower_ in FUNCTION_WORDS for token in words)
        content = sum(token.pos_ in _CONTENT and not token.is_stop for token in words)
        if content < self._least_words or function < self._least_function_share * len(words):
            return ()
        telling = self._telling(doc, text)
        places = _without_parts(_places(telling))
        weights = {key: _weight(found, len(doc)) for key, found in places.items()}
        order = sorted(weights, key=lambda key: (-weights[key], places[key][0][0].index, key))
        chosen = order[: self._most_themes]
        main = [key for key in chosen if len(places[key]) >= self._least_main_count][: self._most_main]
        return tuple(
            ContextTheme(
                key=key,
                name=" ".join(
                    given[_whole(places[key][0]).start : _whole(places[key][0]).end].lower().split()
                ),
                passages=tuple(map(_whole, places[key][: self._most_passages])),
                is_main=key in main,
            )
            for key in chosen
        )

    def align(self, themes: Sequence[ContextTheme], doc: Doc, text: AnalysisText) -> Alignment | None:
        """Return which ``themes`` an answer takes up, and which of the main ones no word of it touches."""
        if not themes:
            return None
        by_stem: dict[str, list[_Word]] = defaultdict(list)
        for word in _words(doc, text):
            by_stem[word.stem].append(word)
        taken_up, left_out = [], []
        for theme in themes:
            found = tuple(itertools.islice(self._spoken_of(theme.key, by_stem), self._most_passages))
            if found:
                taken_up.append(Theme(theme.name, theme.passages, found))
            elif theme.is_main and not any(stem in by_stem for stem in theme.key):
                left_out.append(Theme(theme.name, theme.passages, ()))
        return Alignment(tuple(taken_up), tuple(left_out))

    def _telling(self, doc: Doc, text: AnalysisText) -> list[_Word]:
        # What is always capitalised may be a name, whatever it is tagged as; a heading capitalises nouns too.
        common = {token.text for token in doc if token.text.islower()}
        return [
            word
            for word in _words(doc, text)
            if word.stem not in self._boilerplate
            and (word.pos in _CONTENT or word.pos in _THEME)
            and doc[word.index].lower_ in common
        ]

    def _spoken_of(self, key: Key, by_stem: Mapping[str, Sequence[_Word]]) -> Iterator[Passage]:
        if len(key) == 1:
            yield from (word.passage for word in by_stem.get(key[0], ()))
            return
        one, other = (by_stem.get(stem, ()) for stem in key)
        for word in one:
            near = [second for second in other if 0 < abs(second.index - word.index) <= self._window]
            if near:
                nearest = min(near, key=lambda second: (abs(second.index - word.index), second.index))
                yield _whole(sorted((word, nearest), key=lambda part: part.index))


def _words(doc: Doc, text: AnalysisText) -> Iterator[_Word]:
    for token in doc:
        if token.idx in text.masked:
            continue  # who somebody is is no theme, and its word is not the one that was given
        if token.is_alpha and not token.is_stop and not token.like_num and len(token) > 2:
            start, end = text.to_given(token.idx, token.idx + len(token))
            yield _Word(_stem(_lemma(token)), token.pos_, token.i, Passage(start, end))


def _lemma(token: Token) -> str:
    return token.lemma_.lower()


def _stem(lemma: str) -> str:
    """Return what forms and spellings of a word have in common."""
    plain = re.sub(r"(?<=[a-z]{3})our", "or", lemma.lower().replace("isation", "ization")).replace("z", "s")
    for ending in _ENDINGS:
        if plain.endswith(ending) and len(plain) - len(ending) >= _LEAST_STEM:
            return plain.removesuffix(ending)
    return plain


def _places(words: Sequence[_Word]) -> dict[Key, list[tuple[_Word, ...]]]:
    """Return where each theme stands, in order."""
    places: dict[Key, list[tuple[_Word, ...]]] = defaultdict(list)
    for word in words:
        if word.pos in _THEME:
            places[word.stem,].append((word,))
    for one, other in itertools.pairwise(words):
        adjacent = other.index == one.index + 1
        if adjacent and one.pos in _MODIFIER and other.pos == "NOUN" and one.stem != other.stem:
            places[one.stem, other.stem].append((one, other))
    return places


def _without_parts(
    places: Mapping[Key, list[tuple[_Word, ...]]],
) -> dict[Key, list[tuple[_Word, ...]]]:
    """Leave out words that are only said within a phrase, and phrases that are said once of words said more."""
    counts = {key: len(found) for key, found in places.items()}
    phrases = {
        key: count
        for key, count in counts.items()
        if len(key) == 2 and (count > 1 or all(counts.get((stem,), 0) <= count for stem in key))
    }
    within: dict[str, int] = defaultdict(int)
    for key, count in phrases.items():
        for stem in key:
            within[stem] += count
    return {
        key: found
        for key, found in places.items()
        if (key in phrases if len(key) == 2 else counts[key] > within[key[0]])
    }


def _weight(found: Sequence[tuple[_Word, ...]], tokens: int) -> float:
    """Weigh a theme by how often it is said, and how early: the first words count one more than the last."""
    early = 1 - found[0][0].index / tokens
    verbal = all(word.pos == "VERB" for words in found for word in words)
    return (len(found) + early) * (_VERB_WEIGHT if verbal else 1.0)


def _whole(words: Iterable[_Word]) -> Passage:
    passages = [word.passage for word in words]
    return Passage(passages[0].start, passages[-1].end)
