"""The one path: answer, doc, clauses, labelled spans, findings, report.

Page, HTTP, command line, batch and every engine call :meth:`Reviewer.review`; there is no other way to a
report.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from spacy.tokens import Doc

from service import __version__
from service.errors import DeadlineExceeded
from service.feedback.abstention import ONLY_A_LIST, QUESTION_PASTED, abstain
from service.feedback.alignment import Aligner, ContextTheme
from service.feedback.catalogue import Catalogue, load_catalogue
from service.feedback.findings import find
from service.feedback.idle import idle_words
from service.feedback.opinions import OpinionModel
from service.feedback.reading import Limits, ReadClause, Reading
from service.feedback.score import Weights, base_for, components, focus, load_weights, total
from service.labels import STORY_TYPES, AnswerKind, Label, QuestionType
from service.language.clauses import SPANS_KEY
from service.language.ends import SentenceEnds
from service.language.features import clause_features, content_lemmas
from service.language.labeller import join_spans
from service.language.model_folder import OPINIONS, SENTENCE_ENDS, Model, load_model
from service.language.model_index import current_model_name
from service.language.nlp import Language, load_nlp, too_many
from service.language.repeats import Repeat, find_repeats, with_repeats
from service.language.text import LONGEST_RUN, AnalysisText, prepare
from service.language.tokens import TokenLists
from service.language.whole import answer_features, question_features, telling_sentence
from service.records import (
    Abstention,
    Answer,
    Clause,
    Guess,
    InputWarning,
    LabelledSpan,
    Report,
    Stats,
    Versions,
)
from service.schemas import SCHEMA_VERSION
from service.settings import Settings

_WORD = re.compile(r"\S+")
#: A minute of speech holds so many words.
WORDS_PER_MINUTE = 140


class Reviewer:
    """Takes its collaborators: spaCy, a checked model, the rules, the weights and the limits."""

    def __init__(
        self, language: Language, model: Model, catalogue: Catalogue, weights: Weights, settings: Settings
    ) -> None:
        self._language = language
        self._model = model
        self._catalogue = catalogue
        self._weights = weights
        self._settings = settings
        self._opinions = OpinionModel(
            model.heads[OPINIONS], {name: Limits(*pair) for name, pair in model.limits.items()}
        )
        self._aligner = Aligner()
        self._known_words = frozenset(
            name[2:] for name in model.labeller.vocabulary if name.startswith(("w=", "l="))
        )
        language.keep(self._known_words)
        self.versions = Versions(
            service=__version__,
            model=f"{model.name}+{model.version}",
            rules=catalogue.version,
            schema=SCHEMA_VERSION,
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> Reviewer:
        """Load everything that ``settings`` names.

        Raises ``SettingsRefused``, ``ModelRefused`` or ``RulesRefused``.
        """
        nlp = load_nlp(settings.spacy_model)
        model = load_model(
            settings.models_dir, settings.model or current_model_name(settings.models_dir), nlp
        )
        return cls(
            Language(nlp, SentenceEnds(model.heads[SENTENCE_ENDS])),
            model,
            load_catalogue(settings.rules_file),
            load_weights(),
            settings,
        )

    def with_model(self, name: str) -> Reviewer:
        """Return a reviewer with the model folder ``name`` on the same pipeline, rules and settings.

        Both may be in use at the same time. Raises ``ModelRefused``.
        """
        model = load_model(self._settings.models_dir, name, self._language.nlp)
        ends = SentenceEnds(model.heads[SENTENCE_ENDS])
        return Reviewer(self._language.with_ends(ends), model, self._catalogue, self._weights, self._settings)

    def with_catalogue(self, catalogue: Catalogue) -> Reviewer:
        """Return a reviewer with other rules on the same pipeline, model and settings."""
        return Reviewer(self._language, self._model, catalogue, self._weights, self._settings)

    @property
    def limits(self) -> Mapping[str, Limits]:
        """Where the model raises a finding, or counts a criterion as missing."""
        return self._opinions.limits

    def review(self, answer: Answer, *, deadline: float | None = None) -> Report:
        """Return the report on ``answer``.

        ``deadline`` is a ``time.monotonic`` moment. Raises ``InvalidRequest`` (413) where the text has too
        many tokens or sentences, and ``DeadlineExceeded``; nothing partial is returned.
        """
        repeats = find_repeats(answer.text, answer.question)
        text = prepare(answer.text, frozenset(repeat.start for repeat in repeats))
        reason = abstain(answer, self._known_words)
        if reason is None and not text.text:
            reason = QUESTION_PASTED
        if reason is not None:
            return self._abstained(answer, text, reason)
        question = self._read_question(answer, deadline)
        themes = self._read_context(answer, deadline)
        with self._language.reading(text, deadline=deadline, most_tokens=self._settings.max_tokens) as doc:
            _check_deadline(deadline)
            idle = idle_words(doc, text, answer.text, question)
            report = None if idle else self._judged(answer, text, doc, repeats, question, themes, deadline)
        if report is None:
            repeats = tuple(
                sorted((*repeats, *(Repeat(start, end, None) for start, end in idle)), key=_start)
            )
            text = prepare(answer.text, frozenset(repeat.start for repeat in repeats))
            if not text.text:
                return self._abstained(answer, text, ONLY_A_LIST)
            with self._language.reading(
                text, deadline=deadline, most_tokens=self._settings.max_tokens
            ) as doc:
                report = self._judged(answer, text, doc, repeats, question, themes, deadline)
        _check_deadline(deadline)
        return report

    def _judged(
        self,
        answer: Answer,
        text: AnalysisText,
        doc: Doc,
        repeats: tuple[Repeat, ...],
        question: frozenset[str],
        themes: tuple[ContextTheme, ...],
        deadline: float | None,
    ) -> Report:
        spans = doc.spans[SPANS_KEY]
        sentences = TokenLists.of(doc).sentence
        sentence_count = len(set(sentences))
        if sentence_count > self._settings.max_sentences:
            raise too_many("sentences", self._settings.max_sentences)
        clauses = tuple(
            self._clause(answer.text, text, span.start_char, span.end_char, sentences[span.start], features)
            for span, features in zip(spans, clause_features(doc, spans, question=question), strict=True)
        )
        labelled, presence = self._model.labeller.read(clauses)
        _check_deadline(deadline)
        told = _told(clauses, [label for label, _ in labelled])
        question_type = self._question_type(answer, told)
        kind = self._answer_kind(QuestionType(question_type.label), told)
        reading = Reading(
            answer=answer,
            question_type=QuestionType(question_type.label),
            answer_kind=None if kind is None else AnswerKind(kind.label),
            kind_confidence=1.0 if kind is None else kind.confidence,
            doc=doc,
            clauses=tuple(
                ReadClause(clause, label, confidence, span)
                for clause, (label, confidence), span in zip(clauses, labelled, spans, strict=True)
            ),
            spans=join_spans(clauses, labelled),
            presence=presence,
            source=text,
            kind_words=None
            if kind is None
            else telling_sentence(self._model.heads["answer_kind"], clauses, AnswerKind(kind.label)),
        )
        reading = replace(
            reading,
            opinions=self._opinions.opinions(reading, self._catalogue.lexicons),
            limits=self._opinions.limits,
        )
        report = self._report(reading, question_type, kind, text, sentence_count)
        return replace(
            report,
            spans=with_repeats(report.spans, repeats, answer.text),
            alignment=self._aligner.align(themes, doc, text),
        )

    def _read_question(self, answer: Answer, deadline: float | None) -> frozenset[str]:
        if not answer.question:
            return frozenset()
        with self._language.reading(
            prepare(answer.question),
            deadline=deadline,
            most_tokens=self._settings.max_tokens,
            parsed=False,
        ) as doc:
            return content_lemmas(doc)

    def _read_context(self, answer: Answer, deadline: float | None) -> tuple[ContextTheme, ...]:
        if not answer.context or not answer.context.strip():
            return ()
        text = prepare(answer.context)
        with self._language.reading(
            text,
            deadline=deadline,
            most_tokens=self._settings.max_tokens,
            parsed=False,
            field="context",
        ) as doc:
            return self._aligner.themes(doc, text, answer.context)

    def _clause(
        self, given: str, text: AnalysisText, start: int, end: int, sentence: int, features: tuple[str, ...]
    ) -> Clause:
        first, last = text.to_given(start, end)
        return Clause(first, last, len(_WORD.findall(given[first:last])), sentence, features)

    def _question_type(self, answer: Answer, told: Mapping[str, float]) -> Guess:
        if answer.question_type is not None:
            return Guess(answer.question_type.value, 1.0, "given")
        if answer.question and answer.question.strip():
            head, features = self._model.heads["question_type"], question_features(answer.question)
            return _best(head.probabilities(features))
        head = self._model.heads["question_type_of_answer"]
        return _best(head.probabilities(told))

    def _answer_kind(self, question_type: QuestionType, told: Mapping[str, float]) -> Guess | None:
        if question_type not in STORY_TYPES:
            return None
        return _best(self._model.heads["answer_kind"].probabilities(told))

    def _report(
        self, reading: Reading, question_type: Guess, kind: Guess | None, text: AnalysisText, sentences: int
    ) -> Report:
        findings = find(reading, self._catalogue)
        is_story_type = reading.question_type in STORY_TYPES
        parts = components(reading, self._weights, self._catalogue.lexicons) if is_story_type else {}
        return Report(
            answer=reading.answer,
            question_type=question_type,
            answer_kind=kind,
            spans=reading.spans,
            components=parts,
            score=total(
                base_for(reading.question_type, self._weights),
                parts,
                findings,
                self._weights,
                self._catalogue,
            ),
            findings=findings,
            focus=focus(findings, self._catalogue),
            stats=_stats(reading.spoken_words, sentences),
            input_warnings=_warnings(text, reading.words),
            abstention=None,
            versions=self.versions,
        )

    def _abstained(self, answer: Answer, text: AnalysisText, reason: Abstention) -> Report:
        given = answer.question_type
        if given is not None:
            guess = Guess(given.value, 1.0, "given")
        elif answer.question and answer.question.strip():
            guess = _best(
                self._model.heads["question_type"].probabilities(question_features(answer.question))
            )
        else:
            guess = Guess(QuestionType.OTHER.value, 0.0)
        words = len(_WORD.findall(answer.text))
        spans: tuple[LabelledSpan, ...] = ()
        return Report(
            answer=answer,
            question_type=guess,
            answer_kind=None,
            spans=spans,
            components={},
            score=None,
            findings=(),
            focus=(),
            stats=_stats(words, 0),
            input_warnings=_warnings(text, words),
            abstention=reason,
            versions=self.versions,
        )


def _start(repeat: Repeat) -> int:
    return repeat.start


def _told(clauses: Sequence[Clause], labels: Sequence[Label]) -> Mapping[str, float]:
    return answer_features(
        [clause.features for clause in clauses], labels, [clause.words for clause in clauses]
    )


def _best(probabilities: dict[str, float]) -> Guess:
    label = max(probabilities, key=lambda name: (probabilities[name], name))
    return Guess(label, probabilities[label])


def _stats(words: int, sentences: int) -> Stats:
    return Stats(words, sentences, round(60 * words / WORDS_PER_MINUTE))


def _warnings(text: AnalysisText, words: int) -> tuple[InputWarning, ...]:
    warnings = []
    if text.split_runs:
        warnings.append(
            InputWarning(
                "unbroken_run",
                f"A run of over {LONGEST_RUN} characters without a space was split to read it.",
            )
        )
    stops = sum(text.text.count(mark) for mark in ".?!")
    if words >= 40 and stops * 60 < words:
        warnings.append(
            InputWarning(
                "looks_like_transcript", "There is almost no punctuation; clauses were cut without it."
            )
        )
    return tuple(warnings)


def _check_deadline(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() > deadline:
        raise DeadlineExceeded
