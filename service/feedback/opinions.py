"""Findings that a word list can't tell: trained on readers' judgements, explained by clauses.

One linear score for each finding over named signals of the clauses and facts of the whole answer. Because the
score is a sum, the clause that gave most to it is the evidence. A finding whose precision on answers that it
wasn't trained on is too low has no threshold and is never raised.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.feedback.evidence import evidence
from service.feedback.lexicons import Lexicons, asks_for_lesson, find_names, find_phrases
from service.feedback.numbers import MEASURES, number_kinds
from service.feedback.reading import Limits, Opinion, ReadClause, Reading
from service.labels import STORY_TYPES, Label, QuestionType
from service.language.heads import LinearHead, hashes_of, summed_rows

#: Letters that open the words of any question: they ask, and say nothing of what about.
_ASKING = frozenset(
    "about after again could descr examp first given great handl have happe many much pleas situa somet someo someb "
    "tell that their there these thing this through time walk were what when where which while with would work "
    "you're your yours".split()
) | {"somethin"[:5], "share", "expla"}
#: Clauses whose words are looked at, and the share of the strongest that a clause must reach to stand in for it.
_CLAUSES_TRIED = 3
_NEARLY = 0.5
#: Signals of a clause are features of these sorts.
_SIGNALS = (
    "w=", "l=", "b=", "o2=", "tp=", "root=", "vc=", "attr=", "neg", "passive", "number", "money", "percent",
    "hedge", "habit", "question", "has_", "comp=", "change", "result_noun", "task_noun", "unit=",
)  # fmt: skip
_WITH_LABEL = ("l=", "w=", "tp=", "root=", "number", "change", "result_noun", "passive")
#: How an answer opens and how it ends is told by signals of these sorts in so many clauses.
_AT_EDGE = ("tp=", "root=", "has_", "number", "time", "change", "w=<name>")
_EDGE = 2
#: Signals of words under the theme that the question asked for begin so.
ASKED = "asked:"
_MOST_THEMES = 2
_LEAST_LETTERS = 4
#: Blanks, also those that have no width.
_BLANK = r"[\s\u200b-\u200d\u2060\ufeff]"
_UNITS = rf"{_BLANK}{{0,2}}(?:k\b|grand\b|thousand\b|lakhs?\b|million\b)?"
_AMOUNT = (
    rf"(?:[$£€₹¥]{_BLANK}{{0,2}})?(?:\d[\d.,']{{0,11}}+|\b(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|"
    r"twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|"
    rf"eighty|ninety|hundred|thousand|million|lakh|half)\b(?:{_BLANK}|-){{0,2}}){{1,6}}+)"
) + _UNITS
_NO_TIME = rf"(?!{_BLANK}{{0,2}}(?:years?|months?|weeks?|days?|hours?)\b)"
#: Two amounts side by side: "31 to 36 thousand", "between 900 and 1,200", "eighteen to twenty".
_TWO_AMOUNTS = re.compile(
    rf"{_AMOUNT}(?:{_BLANK}{{0,2}}[a-z$£€]{{1,7}})?{_BLANK}{{0,2}}(?:-|–|—|\bto\b|\bor\b|\bup to\b|\buntil\b|\btill\b)"
    rf"{_BLANK}{{0,2}}{_AMOUNT}{_NO_TIME}"
    rf"|\bbetween{_BLANK}{{1,2}}(?:[a-z$£€]{{1,7}}{_BLANK}{{0,2}})?{_AMOUNT}(?:{_BLANK}{{0,2}}[a-z]{{1,7}})?{_BLANK}{{0,2}}"
    rf"\band{_BLANK}{{1,2}}(?:[a-z$£€]{{1,7}}{_BLANK}{{0,2}})?{_AMOUNT}",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[a-z]{4,}")


@dataclass(frozen=True, slots=True)
class Told:
    """What was found in an answer: the signals of each clause, and the named phrases with their places."""

    signals: tuple[tuple[str, ...], ...]
    cues: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class OpinionModel:
    """One column of ``head`` for each finding, with its limits."""

    head: LinearHead
    limits: Mapping[str, Limits]

    def opinions(self, reading: Reading, lexicons: Lexicons) -> dict[str, Opinion]:
        """Return the opinion on every finding that the model knows, for this answer.

        The opinions that would be raised have the words that they rest on.
        """
        weights = self.head.weights
        told = tell(reading, lexicons)
        found = self.head.index.find(hashes_of([name for names in told.signals for name in names]))
        edges = np.cumsum([0, *map(len, told.signals)])
        rows = [row[row >= 0] for row in (found[a:b] for a, b in itertools.pairwise(edges))]
        by_clause = summed_rows(weights, rows)
        seen = np.unique(np.concatenate(rows)) if rows else np.array([], dtype=np.intp)
        values = facts(reading, lexicons, told)
        whole = self.head.index.find(hashes_of(values))
        is_known = whole >= 0
        scores = (
            self.head.intercept.astype(np.float64)
            + weights[seen].astype(np.float64).sum(axis=0)
            + np.array([*values.values()])[is_known] @ weights[whole[is_known]].astype(np.float64)
        )
        strongest = by_clause.argmax(axis=0).tolist() if len(by_clause) else [None] * len(scores)
        opinions = {
            finding: Opinion(1 / (1 + math.exp(-score)), clause)
            for finding, score, clause in zip(self.head.classes, scores.tolist(), strongest, strict=True)
        }
        return opinions | self._with_words(opinions, by_clause, reading, told)

    def _with_words(
        self, opinions: Mapping[str, Opinion], by_clause: NDArray[np.float64], reading: Reading, told: Told
    ) -> dict[str, Opinion]:
        """Return the opinions that would be raised, the surest first, each with its words."""
        ours: dict[str, Opinion] = {}
        taken: list[tuple[int, int]] = []
        for finding in sorted(opinions, key=lambda name: -opinions[name].probability):
            opinion, limits = opinions[finding], self.limits.get(finding)
            if opinion.clause is None or limits is None or limits.above is None:
                continue
            if opinion.probability < limits.above or not _could_be(finding, reading):
                continue
            column = self.head.classes.index(finding)
            is_criterion = finding.startswith("criterion.")
            words = self._words(column, by_clause[:, column], reading, told, taken if is_criterion else ())
            ours[finding] = replace(opinion, words=words)
            if is_criterion:
                taken.append(words)
        return ours

    def _words(
        self,
        column: int,
        by_clause: NDArray[np.float64],
        reading: Reading,
        told: Told,
        taken: Sequence[tuple[int, int]],
    ) -> tuple[int, int]:
        """Return the words in the clause that gives most, or in one nearly as strong that is not taken yet."""
        vocabulary, weights = self.head.vocabulary, self.head.weights[:, column]

        def weigh(name: str) -> float:
            row = vocabulary.get(name)
            return 0.0 if row is None else float(weights[row])

        found: list[tuple[int, int]] = []
        for number in np.argsort(-by_clause, kind="stable")[:_CLAUSES_TRIED].tolist():
            if found and by_clause[number] < _NEARLY * by_clause.max():
                break
            clause = reading.clauses[number]
            words = evidence(clause, reading.answer.text, weigh, told.cues, taken)
            if all(min(words[1], last) <= max(words[0], first) for first, last in taken):
                return words
            found.append(words)
        return found[0]


def _could_be(finding: str, reading: Reading) -> bool:
    """Say whether a criterion is one of the answer's question type; true for all other findings."""
    return not finding.startswith("criterion.") or finding.split(".")[1] == reading.question_type.value


def signals(clause: ReadClause) -> list[str]:
    """Return the signals of one clause: what it says and how, alone and with its label."""
    names = [name for name in clause.clause.features if name.startswith(_SIGNALS)]
    letter = clause.label.value[0]
    names += [f"{letter}|{name}" for name in names if name.startswith(_WITH_LABEL)]
    if "number" in names:
        kinds = set(number_kinds(clause.span))
        names += [f"{letter}|num={kind}" for kind in sorted(kinds)]
        names += [f"{letter}|measure"] if kinds & MEASURES else []
    return names


def tell(reading: Reading, lexicons: Lexicons) -> Told:
    """Return the signals of every clause: its own, the cues in it, and how the answer opens and ends."""
    names = [signals(clause) for clause in reading.clauses]
    for prefix, some in (("open|", range(_EDGE)), ("end|", range(-_EDGE, 0))):
        for k in some:
            if -len(names) <= k < len(names):
                features = reading.clauses[k].clause.features
                names[k] += [prefix + name for name in features if name.startswith(_AT_EDGE)]
    text = reading.answer.text
    wanted = lexicons["cues_of"][reading.question_type]
    cues = tuple(find_names(text, {name: lexicons["cues"][name] for name in wanted}))
    starts = [clause.clause.start for clause in reading.clauses]
    last = len(starts) - _EDGE
    for name, start, _ in cues:
        k = bisect.bisect_right(starts, start) - 1
        if k >= 0:
            clause = reading.clauses[k]
            cue = f"cue={name}"
            names[k] += [cue, f"{cue}@{clause.agent}", f"{clause.label.value[0]}|{cue}"]
            if k >= last:
                names[k].append("end|" + cue)
    if reading.question_type is QuestionType.SALARY:
        for match in _TWO_AMOUNTS.finditer(text):
            k = bisect.bisect_right(starts, match.start()) - 1
            if k >= 0:
                names[k].append("cue=two_amounts")
                cues += (("two_amounts", match.start(), match.end()),)
    for theme in asked_themes(reading, lexicons):
        for own in names:
            own += [
                f"{ASKED}{theme}|{name[2:]}"
                for name in own
                if name.startswith(("l=", "w=")) and len(name) > _LEAST_LETTERS + 1
            ]
    return Told(tuple(map(tuple, names)), cues)


def asked_themes(reading: Reading, lexicons: Lexicons) -> list[str]:
    """Return what the question asks for, the first themes of the table only; nothing outside stories."""
    question = reading.answer.question
    if reading.question_type not in STORY_TYPES or not question:
        return []
    named = {name for name, _, _ in find_names(question, lexicons["themes"])}
    return [theme for theme in lexicons["themes"] if theme in named][:_MOST_THEMES]


def facts(reading: Reading, lexicons: Lexicons, told: Told | None = None) -> dict[str, float]:
    """Return facts of the whole answer, each scaled to about 0 to 3; ``told`` saves reading it again."""
    told = tell(reading, lexicons) if told is None else told
    text = reading.answer.text
    actions = reading.of(Label.ACTION)
    steps = [clause for clause in actions if clause.is_step]
    own = sum(clause.person == "i" for clause in steps)
    shared = sum(clause.person == "we" for clause in actions)
    passive = sum(clause.is_passive for clause in actions)
    results = " ".join(text[c.clause.start : c.clause.end] for c in reading.of(Label.RESULT))
    hundred = max(1.0, reading.spoken_words / 100)
    values: dict[str, float] = {
        "fact:words": math.log(max(1, reading.words)) / 2,
        "fact:under_60": float(reading.words < 60),
        "fact:over_350": float(reading.words > 350),
        "fact:steps": math.log1p(len(steps)),
        "fact:own_steps": math.log1p(own),
        "fact:own_share": 2 * own / max(1, len(steps)),
        "fact:shared": math.log1p(shared),
        "fact:shared_share": 2 * shared / max(1, len(actions)),
        "fact:passive_share": 2 * passive / max(1, len(actions)),
        "fact:vague_share": 2 * (1 - len(steps) / max(1, len(actions))) if actions else 0.0,
        "fact:reasons": math.log1p(sum(clause.has_reason for clause in actions)),
        "fact:measure_words": math.log1p(len(find_phrases(results, lexicons["measures"]["words"]))),
        "fact:vague_result": math.log1p(len(find_phrases(results, lexicons["measures"]["vague"]))),
        "fact:lesson_words": math.log1p(len(find_phrases(results, lexicons["lessons"]["words"]))),
        "fact:fillers": len(find_phrases(text, lexicons["fillers"]["hard"])) / hundred / 3,
        "fact:soft_fillers": len(find_phrases(text, lexicons["fillers"]["soft"])) / hundred / 3,
        "fact:result_numbers": math.log1p(
            sum("number" in clause.clause.features for clause in reading.of(Label.RESULT))
        ),
        "fact:asks_for_lesson": float(asks_for_lesson(reading.answer.question)),
        "fact:echo": math.log1p(
            sum(any(n.startswith("echo=") for n in c.clause.features) for c in reading.clauses)
        ),
        "fact:story_type": float(reading.question_type in STORY_TYPES),
    }
    for label in Label:
        values[f"fact:share={label.value}"] = 3 * reading.share(label)
        values[f"fact:none={label.value}"] = float(not reading.present(label))
        values[f"fact:words={label.value}"] = math.log1p(reading.words_by_label[label]) / 2
    if reading.spans:
        values[f"fact:first={reading.spans[0].label.value}"] = 1.0
        values[f"fact:last={reading.spans[-1].label.value}"] = 1.0
    for name, count in Counter(name for name, _, _ in told.cues).items():
        values[f"fact:cues={name}"] = math.log1p(count)
    for theme in asked_themes(reading, lexicons):
        values[f"fact:asks={theme}"] = 1.0
    values |= _question_words(reading)
    details = [name for clause in actions for name in clause.clause.features]
    values["fact:action_details"] = math.log1p(
        sum(name.startswith(("w=<", "obj=", "unit=")) for name in details)
    )
    values["fact:action_verbs"] = math.log1p(len({name for name in details if name.startswith("root=")}))
    return values


def _question_words(reading: Reading) -> dict[str, float]:
    """Return which share of the question's longer words the answer takes up, by their first letters."""
    asked = {word[:5] for word in _CONTENT.findall((reading.answer.question or "").lower())} - _ASKING
    if not asked:
        return {}
    said = {word[:5] for word in _CONTENT.findall(reading.answer.text.lower())}
    share = len(asked & said) / len(asked)
    return {"fact:question_words": 2 * share, "fact:no_question_word": float(share == 0)}
