"""The checker of labelled data: every broken line with its number and what to do.

``problems`` judges one answer by itself; ``crowding`` looks across answers for near-duplicates and
repeated openings (after the near-duplicate shingles of Broder, 1997).
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from service.labels import COMPONENTS, STORY_TYPES, AnswerKind, Label, QuestionType
from training.corpus import LabelledAnswer, word_labels

MODES = ("typed", "transcript", "learner", "notes")
#: Share of the 5-word sequences of the shorter answer that two answers may have in common.
MOST_SHARED = 0.15
#: Share of all answers that may open with the same four words.
MOST_OPENING = 0.005
_WORD = re.compile(r"[\w'’]+")


def problems(
    answer: LabelledAnswer, known_findings: Collection[str], *, needs_rating: bool = True
) -> Iterator[str]:
    """Yield what is wrong with one answer, each as a sentence that says what to do.

    The corpus rates how a story is told; own data and corrections need not (``needs_rating``), but are judged where
    they do.
    """
    yield from _span_problems(answer)
    if answer.question_type is not None and answer.question_type not in set(QuestionType):
        yield f"question type {answer.question_type!r} is unknown; use one of {', '.join(QuestionType)}"
        return
    if answer.answer_kind is not None and answer.answer_kind not in set(AnswerKind):
        yield f"answer kind {answer.answer_kind!r} is unknown; use one of {', '.join(AnswerKind)}"
    for finding in sorted(set(answer.findings) - set(known_findings)):
        yield f"finding {finding!r} is not in the catalogue; look up its id"
    if answer.score is not None and not 1 <= answer.score <= 5:
        yield f"score {answer.score} is outside 1 to 5"
    mode = answer.meta.get("mode")
    if mode is not None and mode not in MODES:
        yield f"mode {mode!r} is unknown; use one of {', '.join(MODES)}"
    is_rated = answer.answer_kind is not None or answer.components is not None or answer.score is not None
    if answer.question_type in STORY_TYPES and (is_rated or needs_rating):
        yield from _story_problems(answer)


def _span_problems(answer: LabelledAnswer) -> Iterator[str]:
    if not answer.text.strip():
        yield "the answer is empty"
        return
    before = None
    for span in answer.spans:
        words = answer.text[span.start : span.end]
        if not 0 <= span.start < span.end <= len(answer.text):
            yield f"span {span.start}-{span.end} lies outside the text of {len(answer.text)} characters"
        elif words != words.strip():
            yield f"span {span.start}-{span.end} starts or ends on white space; move it to the word"
        elif _inside_word(answer.text, span.start) or _inside_word(answer.text, span.end):
            yield f"span {span.start}-{span.end} cuts a word; move it to the word's edge"
        if before is not None and span.start < before.end:
            yield f"span {span.start}-{span.end} overlaps the one before; make them disjoint"
        elif before is not None and span.label == before.label:
            yield f"span {span.start}-{span.end} has the label of the one before; join them"
        before = span
    bare = [start for start, _, label in word_labels(answer.text, answer.spans) if label is None]
    if bare:
        yield f"{len(bare)} words have no label, the first at {bare[0]}; label every word"


def _inside_word(text: str, offset: int) -> bool:
    return 0 < offset < len(text) and not text[offset - 1].isspace() and not text[offset].isspace()


def _story_problems(answer: LabelledAnswer) -> Iterator[str]:
    labels = {span.label for span in answer.spans}
    findings = set(answer.findings)
    missing = {f"{part.value.lower()}.missing" for part in COMPONENTS}
    if answer.answer_kind is None:
        yield "a behavioural answer needs an answer kind; add 'kind:'"
    if answer.components is None or answer.score is None:
        yield "a behavioural answer needs component scores and a score; add 'components:' and 'score:'"
        return
    if "story.absent" in findings and findings & missing:
        yield "story.absent stands alone; take the *.missing findings away"
    for part in COMPONENTS:
        absent = f"{part.value.lower()}.missing"
        rated = answer.components[part.value[0]]
        if absent in findings and part in labels and part is not Label.TASK and part is not Label.SITUATION:
            yield f"{absent} is raised but words are labelled {part.value}; one of the two is wrong"
        if part not in labels and rated is not None and rated > 1 and part in (Label.ACTION, Label.RESULT):
            yield f"{part.value} is rated {rated} but no word has that label"
        needed = answer.answer_kind == AnswerKind.STORY and part in (Label.ACTION, Label.RESULT)
        if needed and part not in labels and not findings & {absent, "story.absent"}:
            yield f"a story without {part.value} needs the finding {absent}"


def shingles(text: str, size: int = 5) -> set[tuple[str, ...]]:
    """Return the set of ``size``-word sequences of ``text``, lower-cased."""
    words = [word.lower() for word in _WORD.findall(text)]
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def crowding(answers: Sequence[LabelledAnswer]) -> Iterator[tuple[str, str]]:
    """Yield ``(answer id, problem)`` for answers that are too much like another one."""
    yield from repeated_ids(answers)
    sets = [shingles(answer.text) for answer in answers]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, grams in enumerate(sets):
        for gram in grams:
            holders[gram].append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for indices in holders.values():
        shared.update(itertools.combinations(indices, 2))
    for (first, second), count in sorted(shared.items()):
        smaller = min(len(sets[first]), len(sets[second]))
        if count > MOST_SHARED * smaller and count > 3:
            yield (
                answers[second].id,
                (f"shares {count} of {smaller} 5-word sequences with {answers[first].id}; write it anew"),
            )
    openings = Counter(opening(answer.text) for answer in answers)
    most = max(2, int(MOST_OPENING * len(answers)))
    for answer in answers:
        if openings[opening(answer.text)] > most:
            yield answer.id, f"{openings[opening(answer.text)]} answers open with {opening(answer.text)!r}"


def repeated_ids(answers: Sequence[LabelledAnswer]) -> Iterator[tuple[str, str]]:
    """Yield ``(answer id, problem)`` for ids that more than one answer has."""
    corrected = {answer.id for answer in answers if "corrected_at" in answer.meta}
    for answer_id, count in Counter(answer.id for answer in answers).items():
        if count > 1:
            newest = "; 'import --format corrections' takes the newest" if answer_id in corrected else ""
            yield answer_id, f"the id stands {count} times; ids are unique{newest}"


def opening(text: str) -> str:
    """Return the first four words of ``text``, lower-cased."""
    return " ".join(word.lower() for word in _WORD.findall(text)[:4])
