"""What a rule looks at: the labelled answer, its clauses with their verbs, and the words.

Made inside the spaCy zone and gone with it; rules take facts from here and never keep a token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from spacy.tokens import Doc, Span, Token

from service.labels import COMPONENTS, AnswerKind, Label, QuestionType
from service.language.features import main_verb, person_of, subject_of, tense_of
from service.language.text import AnalysisText
from service.language.tokens import TokenLists
from service.records import Answer, Clause, LabelledSpan

_WORD = re.compile(r"\S+")
#: Verbs that name no step: what was done can't be seen from them.
VAGUE_VERBS = frozenset(
    "handle deal help manage try support assist ensure work do be have get make sure address resolve solve "
    "use stay keep know think feel believe want need understand learn see find seem hope like love".split()
)
#: From this share of S, T, A and R words an answer tells a story, whatever the model makes of its kind.
LEAST_TOLD = 0.35
#: Subjects that are somebody else than the speaker, as ``features.person_of`` names them.
_OTHERS = frozenset({"they", "name", "noun", "my_noun", "our_noun", "who", "everyone", "everybody", "nobody"})
_PASSIVE = frozenset({"nsubjpass", "auxpass"})
_REASONS = frozenset({"because", "so", "since", "to", "cause", "cos", "therefore"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a finding is raised (``above``), and a criterion counts as missing (``below``); ``None``: never."""

    above: float | None
    below: float | None


@dataclass(frozen=True, slots=True)
class Opinion:
    """How likely a reader would raise a finding, and the number of the clause that says so most.

    ``words`` are those in the answer that it rests on (code points), where it would be raised.
    """

    probability: float
    clause: int | None
    words: tuple[int, int] | None = None


@dataclass(frozen=True)
class ReadClause:
    """One clause as rules see it. ``span`` is spaCy's and dies with the ``Doc``."""

    clause: Clause
    label: Label
    confidence: float
    span: Span

    @cached_property
    def verb(self) -> Token | None:
        """The verb that governs the clause."""
        return main_verb(self.span)

    @cached_property
    def person(self) -> str:
        """Who the subject is, as ``features.person_of`` names it."""
        return "none" if self.verb is None else person_of(subject_of(self.verb))

    @property
    def agent(self) -> str:
        """Who the subject is, in four: ``i``, ``we``, ``other`` (anybody else) or ``none``."""
        if self.person in ("i", "we"):
            return self.person
        return "other" if self.person in _OTHERS else "none"

    @cached_property
    def tense(self) -> str:
        """The tense of the verb, as ``features.tense_of`` names it."""
        return "none" if self.verb is None else tense_of(self.verb)

    @cached_property
    def is_passive(self) -> bool:
        """Whether the subject is acted upon."""
        if self.verb is None:
            return False
        lists = TokenLists.of(self.span.doc)
        return not _PASSIVE.isdisjoint(lists.dep[child] for child in lists.children(self.verb.i))

    @cached_property
    def is_step(self) -> bool:
        """Whether the clause tells a concrete step: a verb that names what was done."""
        return (
            self.verb is not None
            and self.verb.pos_ == "VERB"
            and self.verb.lemma_.lower() not in VAGUE_VERBS
            and len(self.span) >= 3
        )

    @cached_property
    def has_reason(self) -> bool:
        """Whether a reason or purpose is given in the clause."""
        return not _REASONS.isdisjoint(TokenLists.of(self.span.doc).lower[self.span.start : self.span.end])


@dataclass(frozen=True)
class Reading:
    """A labelled answer, ready for the rules."""

    answer: Answer
    question_type: QuestionType
    answer_kind: AnswerKind | None
    kind_confidence: float
    doc: Doc
    clauses: tuple[ReadClause, ...]
    spans: tuple[LabelledSpan, ...]
    #: How likely each label is anywhere, as ``Labeller.read`` gives it; empty where nobody was asked.
    presence: Mapping[Label, float] = field(default_factory=dict)
    #: The words that say most why the answer is no story, in code points; ``None`` where it is one.
    kind_words: tuple[int, int] | None = None
    opinions: Mapping[str, Opinion] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    #: The way from the ``Doc`` to the words that were given; ``None`` where nobody quotes them.
    source: AnalysisText | None = None

    @cached_property
    def words(self) -> int:
        """Runs of non-space characters in the answer, those that only repeat others left out."""
        return sum(self.words_by_label.values())

    @cached_property
    def spoken_words(self) -> int:
        """Runs of non-space characters in the answer, repeated or not."""
        return len(_WORD.findall(self.answer.text))

    @cached_property
    def words_by_label(self) -> dict[Label, int]:
        """Words of each label; every label is a key."""
        counts = dict.fromkeys(Label, 0)
        for span in self.spans:
            counts[span.label] += len(_WORD.findall(self.answer.text[span.start : span.end]))
        return counts

    def share(self, label: Label) -> float:
        """The share of the answer's words with ``label``, 0 to 1."""
        return self.words_by_label[label] / max(1, self.words)

    def of(self, label: Label) -> tuple[ReadClause, ...]:
        """The clauses with ``label``."""
        return tuple(clause for clause in self.clauses if clause.label == label)

    def present(self, label: Label) -> bool:
        """Whether any word has ``label``."""
        return self.words_by_label[label] > 0

    @property
    def tells_story(self) -> bool:
        """Whether one event is told at all: without it nothing of STAR is missing, it is not begun."""
        told = sum(self.words_by_label[label] for label in COMPONENTS)
        if told == 0:
            return False
        return (
            self.answer_kind is None or self.answer_kind == AnswerKind.STORY or told > LEAST_TOLD * self.words
        )

    def hears(self, finding_id: str) -> bool:
        """Whether the trained opinion would raise a finding; false where there is no opinion to ask."""
        opinion, limits = self.opinions.get(finding_id), self.limits.get(finding_id)
        if opinion is None or limits is None or limits.above is None:
            return False
        return opinion.probability >= limits.above

    def agrees(self, finding_id: str) -> bool:
        """Whether the trained opinion would raise a finding; true where there is no opinion to ask."""
        is_known = finding_id in self.opinions and finding_id in self.limits
        return self.hears(finding_id) if is_known else True

    def insert_at(self, label: Label) -> int:
        """Where in the answer a missing part belongs (offset in code points).

        SITUATION before the first word of the story; TASK where the action begins; ACTION before the
        outcome; RESULT behind the last step.
        """
        story = [span for span in self.spans if span.label is not Label.OTHER]
        if not story:
            return len(self.answer.text.rstrip())
        starts = {span.label: span.start for span in reversed(story)}
        ends = {span.label: span.end for span in story}
        if label is Label.SITUATION:
            return story[0].start
        if label is Label.TASK:
            if Label.SITUATION in ends and starts[Label.SITUATION] == story[0].start:
                return story[0].end
            return starts.get(Label.ACTION, story[0].start)
        if label is Label.ACTION:
            before = [ends[part] for part in (Label.TASK, Label.SITUATION) if part in ends]
            return starts.get(Label.RESULT, max(before, default=story[-1].end))
        return ends.get(Label.ACTION, story[-1].end)
