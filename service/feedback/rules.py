"""The kinds of rule. A kind is a small pure function of a reading; a rule is a kind with its parameters.

Which finding is raised by which rule stands in ``catalogue.toml``; a new finding of a kind that exists is
a new table there and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from service.feedback.lexicons import Lexicons, asks_for_lesson, find_phrases
from service.feedback.numbers import MEASURES, number_kinds
from service.feedback.reading import ReadClause, Reading
from service.labels import COMPONENTS, Label, QuestionType, Severity


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a rule fired: words (``start``, ``end``) or a gap (``insert_at``), in code points.

    ``values`` fill the places of the message, such as ``{count}``.
    """

    confidence: float
    start: int | None = None
    end: int | None = None
    insert_at: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One finding of the catalogue, and how it is raised (``kind`` is ``None`` where nothing raises it).

    A ``judged`` rule is raised only where the model's trained opinion, if it has one, agrees.
    """

    id: str
    severity: Severity
    component: Label | None
    points: int
    types: frozenset[QuestionType]
    kind: str | None
    parameters: Mapping[str, float]
    message: str
    why: str
    advice: str
    source: str
    fire: tuple[str, ...]
    passing: tuple[str, ...]
    judged: bool = False
    #: Tried before ``advice``, in order: the first whose places can all be filled is given.
    nearer_advice: tuple[str, ...] = ()


RuleKind = Callable[[Reading, Rule, Lexicons], Iterator[Hit]]

KINDS: dict[str, RuleKind] = {}
#: The parameters that each kind needs; the catalogue is checked against them at start.
PARAMETERS: dict[str, frozenset[str]] = {}
#: The places of a message that each kind fills whenever it fires.
FILLS: dict[str, frozenset[str]] = {}


def _kind(name: str, *parameters: str, fills: tuple[str, ...] = ()) -> Callable[[RuleKind], RuleKind]:
    def register(function: RuleKind) -> RuleKind:
        KINDS[name] = function
        PARAMETERS[name] = frozenset(parameters)
        FILLS[name] = frozenset(fills)
        return function

    return register


def _over(clause: ReadClause, **values: object) -> Hit:
    return Hit(clause.confidence, clause.clause.start, clause.clause.end, values=values)


@_kind("no_story")
def no_story(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """No specific past event is told; the words are those of the sentence that gave it away."""
    if not reading.tells_story:
        start, end = reading.kind_words or (None, None)
        yield Hit(reading.kind_confidence, start, end)


@_kind("missing", "doubt", fills=("anchor",))
def missing(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """A part of the story has no words, and none that could well be it: likelier than ``doubt``."""
    if rule.component is None or not reading.tells_story or reading.present(rule.component):
        return
    if not any(reading.present(part) for part in COMPONENTS):
        return
    if rule.component is Label.SITUATION and _is_placed(reading):
        return
    likely = reading.presence.get(rule.component, 0.0)
    if likely <= rule.parameters["doubt"]:
        yield Hit(1 - likely, insert_at=reading.insert_at(rule.component))


def _is_placed(reading: Reading) -> bool:
    """Say whether the first clauses name a time or a place in passing, though they tell something else."""
    opening = {name for clause in reading.clauses[:4] for name in clause.clause.features}
    return bool(opening & {"time", "w=<name>", "w=when", "w=where"})


@_kind("crowded_out", "above", "action_below", "least_words", fills=("words", "share"))
def crowded_out(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """One part takes so much room that the action suffers."""
    if rule.component is None or reading.words < rule.parameters["least_words"] or not reading.tells_story:
        return
    share = reading.share(rule.component)
    if share > rule.parameters["above"] and 0 < reading.share(Label.ACTION) < rule.parameters["action_below"]:
        longest = max(
            (span for span in reading.spans if span.label is rule.component),
            key=lambda span: span.end - span.start,
        )
        yield Hit(longest.confidence, longest.start, longest.end, values={"share": round(100 * share)})


def _steps(reading: Reading) -> list[ReadClause]:
    return [clause for clause in reading.of(Label.ACTION) if clause.is_step]


def _is_own(clause: ReadClause) -> bool:
    return clause.person == "i" and not clause.is_passive


@_kind("thin_action", "share_below", "steps_below", "words_below", fills=("words",))
def thin_action(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """The action is short, or told in verbs that name no step."""
    actions = reading.of(Label.ACTION)
    if not actions or not reading.tells_story:
        return
    steps = len(_steps(reading))
    short = (
        reading.share(Label.ACTION) < rule.parameters["share_below"]
        and reading.words_by_label[Label.ACTION] < rule.parameters["words_below"]
    )
    if steps == 0 or (short and steps < rule.parameters["steps_below"]):
        yield _over(next((c for c in actions if not c.is_step and c.verb is not None), actions[0]))


@_kind("we_not_i", "least_steps", fills=("words",))
def we_not_i(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """All steps are told as “we”."""
    actions = reading.of(Label.ACTION)
    shared = [clause for clause in actions if clause.person == "we"]
    if len(shared) >= rule.parameters["least_steps"] and not any(clause.person == "i" for clause in actions):
        yield _over(shared[0])


@_kind("passive_steps", "least_steps", "share", fills=("words",))
def passive_steps(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """Most steps have no one who does them."""
    actions = [clause for clause in reading.of(Label.ACTION) if clause.verb is not None]
    passive = [clause for clause in actions if clause.is_passive and clause.person not in ("i", "we")]
    if len(passive) >= rule.parameters["least_steps"] and len(passive) >= rule.parameters["share"] * len(
        actions
    ):
        yield _over(passive[0])


def measured_clause(reading: Reading, lexicons: Lexicons) -> ReadClause | None:
    """Return the first result clause with a number or something observable, or ``None``.

    An amount goes before a number that only says when or how long.
    """
    found = [
        clause
        for clause in reading.of(Label.RESULT)
        if "number" in clause.clause.features
        or find_phrases(
            reading.answer.text[clause.clause.start : clause.clause.end], lexicons["measures"]["words"]
        )
    ]
    amounts = (clause for clause in found if not MEASURES.isdisjoint(number_kinds(clause.span)))
    return next(amounts, found[0] if found else None)


@_kind("unmeasured", fills=("words",))
def unmeasured(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """An outcome is told without anything to see it by."""
    results = reading.of(Label.RESULT)
    if results and reading.tells_story and measured_clause(reading, lexicons) is None:
        yield _over(max(results, key=lambda result: result.clause.words))


@_kind("measured", fills=("words",))
def measured(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """An outcome is told with a number or something observable."""
    clause = measured_clause(reading, lexicons)
    if clause is not None and reading.tells_story:
        yield _over(clause)


@_kind("ownership", "least_steps", "first_person_share", fills=("words",))
def ownership(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """Concrete first-person steps are told."""
    steps = _steps(reading)
    own = [clause for clause in steps if _is_own(clause)]
    if len(own) >= rule.parameters["least_steps"] and len(own) >= rule.parameters["first_person_share"] * len(
        steps
    ):
        yield _over(next((clause for clause in own if clause.has_reason), own[0]))


@_kind("no_lesson", fills=("anchor",))
def no_lesson(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """The question asks for something that went wrong or was hard, and nothing was learnt."""
    if (
        not asks_for_lesson(reading.answer.question)
        or not reading.tells_story
        or not reading.present(Label.ACTION)
        or reading.hears("result.lesson")
    ):
        return
    told = " ".join(reading.answer.text[c.clause.start : c.clause.end] for c in reading.of(Label.RESULT))
    if not find_phrases(told, lexicons["lessons"]["words"]):
        yield Hit(0.6, insert_at=len(reading.answer.text.rstrip()))


@_kind("length", fills=("count",))
def length(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """The answer has fewer words than ``below``, which repeating doesn't add to, or more than ``above``."""
    if reading.words < rule.parameters.get("below", 0):
        yield Hit(1.0, values={"count": reading.words})
    elif reading.spoken_words > rule.parameters.get("above", math.inf):
        yield Hit(1.0, values={"count": reading.spoken_words})


@_kind(
    "fillers", "per_hundred", "least", "dense_per_hundred", "dense_least", fills=("words", "count", "total")
)
def fillers(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """Fillers are frequent enough to distract; fewer are enough where they stand densely, in a short answer."""
    found = find_phrases(reading.answer.text, lexicons["fillers"]["hard"])
    count, words = len(found), max(1, reading.spoken_words)
    if any(
        count >= rule.parameters[f"{kind}least"]
        and 100 * count >= rule.parameters[f"{kind}per_hundred"] * words
        for kind in ("", "dense_")
    ):
        start, end = found[0]
        yield Hit(0.9, start, end, values={"count": count, "total": reading.spoken_words})


@_kind("model")
def model(reading: Reading, rule: Rule, lexicons: Lexicons) -> Iterator[Hit]:
    """The trained opinion says that a reader would raise it."""
    opinion = reading.opinions.get(rule.id)
    if opinion is None or not reading.hears(rule.id):
        return
    if rule.component is not None and rule.component in COMPONENTS and not reading.tells_story:
        return
    if opinion.clause is None:
        yield Hit(opinion.probability)
        return
    clause = reading.clauses[opinion.clause].clause
    yield Hit(opinion.probability, *(opinion.words or (clause.start, clause.end)))
