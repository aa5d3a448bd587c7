"""Hand-made reports for the page: what a reviewer might say, said without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from service.labels import COMPONENTS, AnswerKind, Label, QuestionType, Severity
from service.records import (
    Abstention,
    Answer,
    Component,
    Finding,
    Guess,
    InputWarning,
    LabelledSpan,
    Report,
    Score,
    ScorePart,
    Stats,
    Versions,
)

VERSIONS = Versions(service="0.0.0", model="hand-made", rules="1", schema="1")
BASE = 40
TARGETS = {
    Label.SITUATION: (0.1, 0.3),
    Label.TASK: (0.05, 0.15),
    Label.ACTION: (0.4, 0.6),
    Label.RESULT: (0.1, 0.3),
}

Parts = Sequence[tuple[Label, str]]
#: What a reviewer says of an answer, or raises.
Script = Callable[[Answer], Report]


@dataclass
class ScriptedReviewer:
    """A reviewer that gives the report which a test wrote for it, or raises what the test chose."""

    script: Script
    seen: list[Answer] = field(default_factory=list)
    versions: Versions = VERSIONS

    def review(self, answer: Answer, *, deadline: float | None = None) -> Report:  # noqa: ARG002
        """Note the answer and return its report."""
        self.seen.append(answer)
        return self.script(answer)


def text_of(parts: Parts) -> str:
    """Return the answer that the parts make, one space between them."""
    return " ".join(words for _, words in parts)


def spans_of(parts: Parts, *, confidence: float = 0.9) -> tuple[LabelledSpan, ...]:
    """Return the spans of ``text_of(parts)``."""
    spans, start = [], 0
    for label, words in parts:
        spans.append(LabelledSpan(start, start + len(words), label, confidence))
        start += len(words) + 1
    return tuple(spans)


def finding(
    id_: str,
    severity: Severity,
    component: Label | None = None,
    *,
    at: tuple[int, int] | None = None,
    insert_at: int | None = None,
    message: str = "",
    why: str = "",
    advice: str = "",
) -> Finding:
    """Return a finding; its texts, where they are not given, are made of its id."""
    return Finding(
        id=id_,
        severity=severity,
        component=component,
        message=message or f"The message of {id_}.",
        why=why or f"The reason for {id_}.",
        advice=advice or f"The advice of {id_}.",
        confidence=0.8,
        start=None if at is None else at[0],
        end=None if at is None else at[1],
        insert_at=insert_at,
    )


def place(text: str, words: str) -> tuple[int, int]:
    """Return where ``words`` stand in ``text``, in code points."""
    start = text.index(words)
    return start, start + len(words)


def report_on(
    answer: Answer,
    spans: Sequence[LabelledSpan] = (),
    findings: Sequence[Finding] = (),
    *,
    warnings: Sequence[InputWarning] = (),
    kind: AnswerKind | None = AnswerKind.STORY,
    question_type: QuestionType = QuestionType.BEHAVIOURAL,
) -> Report:
    """Return a report whose figures follow from its spans and findings."""
    words = len(answer.text.split())
    components = _components(answer.text, spans, words) if kind is not None else {}
    parts = [ScorePart(f"component.{label.value}", 4 * part.score) for label, part in components.items()]
    parts += [ScorePart(item.id, 6 if item.severity is Severity.STRENGTH else -6) for item in findings]
    focus = [item.id for item in findings if item.severity is not Severity.STRENGTH][:3]
    return Report(
        answer=answer,
        question_type=Guess(question_type.value, 0.974),
        answer_kind=None if kind is None else Guess(kind.value, 0.93),
        spans=tuple(spans),
        components=components,
        score=Score(BASE + sum(part.points for part in parts), BASE, tuple(parts)),
        findings=tuple(findings),
        focus=tuple(dict.fromkeys(focus)),
        stats=Stats(words, max(1, answer.text.count(".")), round(60 * words / 140)),
        input_warnings=tuple(warnings),
        abstention=None,
        versions=VERSIONS,
    )


def _components(text: str, spans: Sequence[LabelledSpan], words: int) -> dict[Label, Component]:
    counts = {
        label: sum(len(text[span.start : span.end].split()) for span in spans if span.label is label)
        for label in COMPONENTS
    }
    return {
        label: Component(
            present=count > 0,
            confidence=0.9,
            words=count,
            share=count / max(1, words),
            target_share=TARGETS[label],
            score=min(3, count // 6),
        )
        for label, count in counts.items()
    }


def abstained(answer: Answer, code: str = "gibberish", message: str = "These are not words.") -> Report:
    """Return a report that judges nothing."""
    return Report(
        answer=answer,
        question_type=Guess(QuestionType.BEHAVIOURAL.value, 0.8),
        answer_kind=None,
        spans=(),
        components={},
        score=None,
        findings=(),
        focus=(),
        stats=Stats(len(answer.text.split()), 1, 1),
        input_warnings=(),
        abstention=Abstention(code, message),
        versions=VERSIONS,
    )


QUESTION = "Tell me about a time you had to solve a problem under pressure."
STORY: Parts = (
    (Label.OTHER, "Sure, so, one that comes to mind."),
    (
        Label.SITUATION,
        "Last December I was on the desk of a hotel in Leeds when the booking system went down at five "
        "in the afternoon, with a wedding party of ninety on its way and two new people on shift.",
    ),
    (
        Label.ACTION,
        "I printed the arrivals list from the night before, split the lobby into two queues and gave "
        "each new colleague one of them. We walked people to their rooms with a master key, and I wrote "
        "every check-in on paper, because I knew we would have to type them in later.",
    ),
    (Label.RESULT, "By seven everybody was in."),
    (Label.ACTION, "Then I rang the supplier, who said there was nothing to be done till morning."),
    (Label.RESULT, "The bride’s mother wrote us a lovely card, and it all went fine in the end."),
)


def story(answer: Answer) -> Report:
    """Return a report on ``text_of(STORY)`` with every sort of finding."""
    text = answer.text
    first_action = text.index("I printed")
    findings = (
        finding(
            "answer.too_short", Severity.ADVICE,
            message="At 119 words it leaves out what a listener would ask next.",
            why="A good answer takes one to two minutes, some 130 to 300 words.",
            advice="Add what you weighed up before you chose the paper list.",
        ),
        finding(
            "task.missing", Severity.ADVICE, Label.TASK, insert_at=first_action,
            message="It isn’t said what you had to achieve or were responsible for.",
            why="Without the task the listener can’t tell whether the result was a success.",
            advice="After “two new people on shift”, add one sentence that begins “I had to …”.",
        ),
        finding(
            "action.ownership", Severity.STRENGTH, Label.ACTION,
            at=place(text, "I printed the arrivals list from the night before"),
            message="Your own concrete steps are told, in order.",
            why="It shows how you work, which is what the question is for.",
            advice="Keep “I printed the arrivals list”; steps like this are what is scored.",
        ),
        finding(
            "action.we_not_i", Severity.ADVICE, Label.ACTION,
            at=place(text, "We walked people to their rooms with a master key"),
            message="This step is told as “we”, so your own part can’t be seen.",
            why="The interviewer hires you, not the team; credit shared is fine, a part left out is not.",
            advice="Say of this step what you yourself did.",
        ),
        finding(
            "result.not_measured", Severity.PROBLEM, Label.RESULT,
            at=place(text, "it all went fine in the end"),
            message="An outcome is stated, but nothing by which anyone could see or measure it.",
            why="A number, a comparison or something people could observe turns a claim into evidence.",
            advice="After “went fine”, add how you know: how many, how much sooner, or who said so.",
        ),
    )  # fmt: skip
    return report_on(answer, spans_of(STORY), findings)
