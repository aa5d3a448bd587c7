"""A candidate's own questions: what each asks about, how it is asked, and what a list of them leaves out.

All that is known of questions stands in ``questions.toml``; the findings' words are those of the catalogue, so
that an operator's own file changes them too.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.feedback.catalogue import Catalogue
from service.feedback.findings import criterion_finding, rule_finding
from service.feedback.phrases import Found, Phrases, Words
from service.feedback.question_form import FormReader, Opening, Sentences, form_of, yes_or_no
from service.feedback.rules import Hit
from service.feedback.wording import cut
from service.labels import QuestionCategory, QuestionForm, QuestionReach, Severity
from service.records import Finding, Passage, QuestionReview, QuestionsReport, UncoveredCategory

_FILE = Path(__file__).parent / "questions.toml"
_WORD = re.compile(r"\w+(?:['’]\w+)*")
#: What a phrase counts towards its category.
_STRONG, _WEAK = 3, 1
#: How much more a phrase counts in the question than in what leads up to it.
_ASKED = 2
#: A longer stem has few words that begin with it and mean something else.
_SHORT_STEM = 6
_ENDINGS = ("", "e", "s", "es", "'s", "d", "ed", "ing", "ings", "er", "ers", "ly", "y")
_ORDER = {Severity.PROBLEM: 0, Severity.ADVICE: 1, Severity.STRENGTH: 2}
#: From this share of capitalised words capitals tell no names apart.
_MOST_CAPITALS = 0.5


@dataclass(frozen=True, slots=True)
class _Category:
    label: QuestionCategory
    demonstrates: str
    suggestion: str
    strong: Phrases
    words: Phrases


@dataclass(frozen=True, slots=True)
class _Topic:
    """Something that a question should not ask about, unless it only looks so."""

    phrases: Phrases
    unless: Phrases
    never_with: Phrases

    @classmethod
    def of(cls, table: Mapping[str, list[str]]) -> _Topic:
        return cls(Phrases(table["phrases"]), Phrases(table["unless"]), Phrases(table["never_with"]))

    def find(self, text: str, sentences: Sentences) -> Found | None:
        """Return the first phrase in what is asked, not in what leads up to it."""
        if next(self.never_with.find(text), None) is not None:
            return None
        excused = list(self.unless.find(text))
        for found in self.phrases.find(text):
            if sentences.asks(found.start) and not any(
                found.start < other.end and other.start < found.end for other in excused
            ):
                return found
        return None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found in one question."""

    text: str
    openings: list[Opening]
    early: Found | None
    on_website: Found | None
    reach: QuestionReach | None
    #: The words that make it a question for this company.
    evidence: Passage | None


class QuestionReader:
    """Reads questions by the lists of ``questions.toml``, in the words of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        content = _FILE.read_bytes()
        data: dict[str, Any] = tomllib.loads(content.decode())
        self._rules = {rule.id: rule for rule in catalogue.active()}
        self._criteria = {criterion.id: criterion for criterion in catalogue.criteria}
        self._categories = [
            _Category(
                QuestionCategory(name),
                table["demonstrates"],
                table["suggestion"],
                Phrases(table["strong"]),
                Phrases(table["words"]),
            )
            for name, table in data["category"].items()
        ]
        self._unknown: str = data["unknown"]
        self._form = FormReader(data["form"])
        self._too_early = _Topic.of(data["too_early"])
        self._on_website = _Topic.of(data["on_website"])
        self._heard = Phrases(data["reach"]["heard"])
        self._known_names = frozenset(data["reach"]["known_names"])
        self._count = re.compile(
            r"(?<![\w'’.,-])(?:\d[\d.,]*|" + "|".join(data["reach"]["numbers"]) + r")[\s-]+(?=[^\W\d_])",
            re.IGNORECASE,
        )
        self._counted = Phrases(data["reach"]["counted"])
        self._everywhere = Words(_single_words(data))
        self._least_shared = int(data["reach"]["least_shared"])
        self._confidence: Mapping[str, float] = data["confidence"]
        self.version = "1+" + hashlib.sha256(catalogue.version.encode() + b"\0" + content).hexdigest()[:12]

    def read(self, questions: Sequence[str], context: str | None = None) -> QuestionsReport:
        """Return what each question is like, and which categories the list leaves out.

        ``context`` is a text about the role or company; a question that takes up its words is a specific one.
        """
        about = frozenset(self._telling(context)) if context else frozenset[str]()
        reviews = tuple(self._review(question, about) for question in questions)
        covered = {review.category for review in reviews}
        return QuestionsReport(
            questions=reviews,
            not_covered=tuple(
                UncoveredCategory(category.label, category.demonstrates, category.suggestion)
                for label in QuestionCategory
                for category in self._categories
                if category.label is label and label not in covered and category.suggestion
            ),
            rules=self.version,
        )

    def _review(self, text: str, about: frozenset[str]) -> QuestionReview:
        seen = self._see(text, about)
        category, words = self._category(text, Sentences(text, seen.openings))
        return QuestionReview(
            text=text,
            category=category.label,
            words=words,
            demonstrates=category.demonstrates if words else self._unknown,
            form=form_of(seen.openings),
            reach=seen.reach,
            is_too_early=seen.early is not None,
            findings=tuple(
                sorted(
                    self._findings(seen),
                    key=lambda finding: (_ORDER[finding.severity], finding.start or 0, finding.id),
                )
            ),
        )

    def _see(self, text: str, about: frozenset[str]) -> _Seen:
        openings = self._form.openings(text)
        sentences = Sentences(text, openings)
        early, on_website = self._too_early.find(text, sentences), self._on_website.find(text, sentences)
        evidence = None
        # What the site answers, and pay, are asked for everywhere, whatever name stands beside them.
        if early is None and on_website is None:
            evidence = self._evidence(text, sentences, about)
        reach = None if not openings else self._reach(text, sentences, evidence)
        return _Seen(text, openings, early, on_website, reach, evidence)

    def _category(self, text: str, sentences: Sentences) -> tuple[_Category, tuple[Passage, ...]]:
        """Return the category with the most points, the first of equal ones, and the words that speak for it."""
        best, most, words = self._categories[-1], 0, tuple[Passage, ...]()
        for category in self._categories:
            points: Counter[tuple[int, int]] = Counter()
            passages = []
            for weight, phrases in ((_STRONG, category.strong), (_WEAK, category.words)):
                for found in phrases.find(text):
                    asked = _ASKED if sentences.asks(found.start) else 1
                    # The same phrase again says nothing more.
                    points[weight, found.number] = max(points[weight, found.number], weight * asked)
                    passages.append((weight, Passage(found.start, found.end)))
            total = points.total()
            if total > most:
                strong = [passage for weight, passage in passages if weight == _STRONG]
                best, most = category, total
                words = tuple(strong or (passage for _, passage in passages))
        return best, words

    def _findings(self, seen: _Seen) -> Iterator[Finding]:
        closed = yes_or_no(seen.openings)
        if closed is not None:
            yield from self._against("yes_no", seen.text, closed.start, closed.end)
        for name, found in (("pay_leave_early", seen.early), ("on_website", seen.on_website)):
            if found is not None:
                yield from self._against(name, seen.text, found.start, found.end)
        form = form_of(seen.openings)
        if form is not None:
            opening = next((opening for opening in seen.openings if opening.kind == "open"), None)
            words = None if opening is None else (opening.start, opening.end)
            yield from self._criterion("open_ended", met=form is QuestionForm.OPEN, words=words)
        if seen.reach is not None:
            words = None if seen.evidence is None else (seen.evidence.start, seen.evidence.end)
            yield from self._criterion("specific", met=seen.reach is QuestionReach.SPECIFIC, words=words)

    def _against(self, name: str, text: str, start: int, end: int) -> Iterator[Finding]:
        rule = self._rules.get(f"against.{name}")
        if rule is not None:
            yield rule_finding(rule, Hit(self._confidence[name], start, end), {"words": cut(text[start:end])})

    def _criterion(self, name: str, *, met: bool, words: tuple[int, int] | None) -> Iterator[Finding]:
        criterion = self._criteria[f"criterion.candidate_question.{name}"]
        confidence = self._confidence[f"{name}_met" if met else f"{name}_missing"]
        yield criterion_finding(criterion, met=met, confidence=confidence, words=words)

    def _reach(self, text: str, sentences: Sentences, evidence: Passage | None) -> QuestionReach | None:
        if evidence is not None:
            return QuestionReach.SPECIFIC
        words = (match.group() for match in _WORD.finditer(text) if sentences.asks(match.start()))
        telling = any(word not in self._everywhere for word in words)
        return None if telling else QuestionReach.GENERIC

    def _evidence(self, text: str, sentences: Sentences, about: frozenset[str]) -> Passage | None:
        """Return the first words that make a question one for this role or company, or ``None``."""
        heard = next(self._heard.find(text), None)
        if heard is not None:
            return Passage(heard.start, heard.end)
        for match in self._count.finditer(text):
            if sentences.asks(match.start()) and self._counted.at(text, match.end()) is None:
                word = _WORD.match(text, match.end())
                return Passage(match.start(), match.end() if word is None else word.end())
        named = (name for name in self._names(text) if sentences.asks(name.start))
        return next(named, None) or self._shared(text, about)

    def _names(self, text: str) -> Iterator[Passage]:
        words = list(_WORD.finditer(text))
        if sum(word.group()[0].isupper() for word in words) > _MOST_CAPITALS * len(words):
            return
        for word in words:
            before = text[: word.start()].rstrip(" \t'’\"“‘(")
            begins = not before or before[-1] in ".!?:;\n•-–—"
            plain = word.group().lower().replace("’", "'")
            if word.group()[0].isupper() and not begins and plain.split("'")[0] not in self._known_names:
                yield Passage(word.start(), word.end())

    def _shared(self, text: str, about: frozenset[str]) -> Passage | None:
        shared = {word: passage for word, passage in reversed(self._telling(text).items()) if word in about}
        return (
            min(shared.values(), key=lambda passage: passage.start)
            if len(shared) >= self._least_shared
            else None
        )

    def _telling(self, text: str) -> dict[str, Passage]:
        """Return the words of ``text`` that are not heard everywhere, by what they are compared as."""
        return {
            _folded(match.group()): Passage(match.start(), match.end())
            for match in _WORD.finditer(text)
            if len(match.group()) > 2 and match.group() not in self._everywhere
        }


def _single_words(data: Mapping[str, Any]) -> list[str]:
    """Return every word of the lists, one by one: those of an interview anywhere."""
    lists = [
        data["reach"]["everywhere"],
        data["reach"]["known_names"],
        *data["form"].values(),
        *(table[which] for table in data["category"].values() for which in ("strong", "words")),
        data["too_early"]["phrases"],
        data["on_website"]["phrases"],
    ]
    words = {
        form
        for phrases in lists
        for phrase in phrases
        for word in phrase.split()
        for part in word.split("/")
        # "day-to-day" is three words to whoever reads word by word.
        for single in re.split(r"[-’]", part)
        for form in _forms(single)
    }
    return sorted(words - {"", "…"})


def _forms(word: str) -> list[str]:
    """Return the words that a word of the lists stands for: "plan*" is plans and planning, but no plant."""
    stem = word.removesuffix("*")
    if stem == word or len(stem) > _SHORT_STEM:
        return [word]
    doubled = stem + stem[-1:]
    return [stem + ending for ending in _ENDINGS] + [
        doubled + ending for ending in ("ed", "ing", "er", "ers")
    ]


def _folded(word: str) -> str:
    plain = word.lower()
    return plain.removesuffix("s") if len(plain) > 4 else plain
