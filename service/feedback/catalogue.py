"""The catalogue of findings: data, read and checked at start.

An operator's own file may switch findings off, change thresholds, points and words, or add findings of
the kinds that exist. A mistake in either file stops the start with the line, the table and the reason.
"""

from __future__ import annotations

import hashlib
import math
import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from service.errors import RulesRefused
from service.feedback.lexicons import Lexicons
from service.feedback.rules import FILLS, KINDS, PARAMETERS, Rule
from service.labels import STORY_TYPES, Label, QuestionType, Severity

_HERE = Path(__file__).parent
#: What a finding's table may hold, and of what type.
_KEYS: Mapping[str, type | UnionType] = {
    "severity": str, "component": str, "points": int, "types": list, "rule": dict, "message": str, "why": str,
    "advice": str | list, "source": str, "fire": list, "pass": list, "on": bool, "judged": bool,
}  # fmt: skip
_CALLED: Mapping[type | UnionType, str] = {
    str: "a text",
    int: "a whole number",
    list: "a list of texts",
    dict: "a table",
    bool: "true or false",
    str | list: "a text or a list of texts",
}
_TEXTS = ("message", "why")
#: The places that a text may hold, filled from the answer when the finding is raised.
PLACES = frozenset({"anchor", "words", "count", "total", "share", "step", "do", "verb", "thing", "who"})


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a strong answer of one question type has; ``points`` where it is met, and where it is missing."""

    name: str
    type: QuestionType
    points: tuple[int, int]
    met: str
    missing: str
    why: str
    advice: str

    @property
    def id(self) -> str:
        """The id of its finding."""
        return f"criterion.{self.type.value}.{self.name}"


@dataclass(frozen=True, slots=True)
class CriteriaExample:
    """An answer with the names of the criteria of its type that it meets, and of those that it misses."""

    type: QuestionType
    question: str
    answer: str
    met: frozenset[str]
    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All rules in their order, the criteria, the word lists, and a version that changes with any word."""

    rules: tuple[Rule, ...]
    criteria: tuple[Criterion, ...]
    lexicons: Lexicons
    version: str
    criteria_examples: tuple[CriteriaExample, ...] = ()

    def active(self) -> tuple[Rule, ...]:
        """The rules that something raises."""
        return tuple(rule for rule in self.rules if rule.kind is not None)

    def points(self, finding_id: str, severity: Severity) -> int:
        """The points of a finding; a criterion has others where it is met than where it is missing."""
        for rule in self.rules:
            if rule.id == finding_id:
                return rule.points
        met, missing = next(criterion.points for criterion in self.criteria if criterion.id == finding_id)
        return met if severity is Severity.STRENGTH else missing


def known_findings(catalogue: Catalogue) -> frozenset[str]:
    """Return the ids that labelled data may use; a criterion's carries ``:met`` or ``:missing``."""
    criteria = {f"{criterion.id}:{state}" for criterion in catalogue.criteria for state in ("met", "missing")}
    return frozenset({rule.id for rule in catalogue.rules} | criteria)


def load_catalogue(own_file: str = "") -> Catalogue:
    """Read the shipped catalogue, and ``own_file`` over it where one is named.

    Raises ``RulesRefused`` that names the file, the line, the table and what is wrong with it.
    """
    shipped = _HERE / "catalogue.toml"
    tables = _tables(shipped)
    sources = [(_HERE / name).read_bytes() for name in ("catalogue.toml", "criteria.toml", "lexicons.toml")]
    own = _tables(Path(own_file)) if own_file else {}
    if own_file:
        sources.append(Path(own_file).read_bytes())
    for finding_id, table in own.items():
        tables[finding_id] = _changed(tables.get(finding_id, {}), table)
    lexicons = {
        name: {key: tuple(words) for key, words in table.items()}
        for name, table in _read(_HERE / "lexicons.toml").items()
        if isinstance(table, dict)
    }
    rules = tuple(
        _rule(Path(own_file) if name in own else shipped, name, table) for name, table in tables.items()
    )
    digest = hashlib.sha256(b"\0".join(sources)).hexdigest()[:12]
    criteria = _read(_HERE / "criteria.toml")
    return Catalogue(
        rules=rules,
        criteria=_criteria(criteria),
        lexicons=lexicons,
        version=f"1+{digest}",
        criteria_examples=_criteria_examples(criteria),
    )


def _criteria_examples(tables: Mapping[str, Any]) -> tuple[CriteriaExample, ...]:
    return tuple(
        CriteriaExample(
            QuestionType(kind),
            example["question"],
            example["answer"],
            frozenset(example["met"]),
            frozenset(example["missing"]),
        )
        for kind, examples in tables["example"].items()
        for example in examples
    )


def _criteria(tables: Mapping[str, Any]) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(name=name, type=kind, **{**table, "points": (table["points"][0], table["points"][1])})
        for kind in QuestionType
        for name, table in tables.get(kind.value, {}).items()
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RulesRefused(f"the rules file {path.name} can't be read as UTF-8 text") from error
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise RulesRefused(f"{path.name}: {error}") from error


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    """Return the tables of the findings in a rules file."""
    content = _read(path)
    unknown = sorted(set(content) - {"version", "finding"})
    if unknown:
        raise RulesRefused(
            f'{path.name}: [{unknown[0]}] is not known; findings stand under [finding."its id"]'
        )
    findings = content.get("finding", {})
    if not isinstance(findings, dict) or not all(isinstance(table, dict) for table in findings.values()):
        raise RulesRefused(f'{path.name}: [finding]: each finding is a table, [finding."its id"]')
    return dict(findings)


def _changed(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with what an own file changes in it; a rule without a kind changes only its parameters."""
    table = {**shipped, **own}
    old, new = shipped.get("rule"), own.get("rule")
    if isinstance(old, dict) and isinstance(new, dict) and "kind" not in new:
        table["rule"] = {**old, **new}
    return table


def _line_of(path: Path, finding_id: str, key: str | None) -> int | None:
    """Return the line on which ``key`` of a finding stands, or else its table; ``None`` where neither is plain to see."""
    header = re.compile(r"""\s*\[\s*finding\s*\.\s*["']?""" + re.escape(finding_id) + r"""["']?\s*\]""")
    sought = re.compile(rf"""\s*["']?{re.escape(key or "")}["']?\s*=""")
    table = None
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if table is None:
            table = number if header.match(line) else None
        elif re.match(r"\s*\[\s*finding\b", line):
            break
        elif key is not None and sought.match(line):
            return number
    return table


def _rule(path: Path, finding_id: str, table: Mapping[str, Any]) -> Rule:
    def refuse(reason: str, key: str | None = None) -> RulesRefused:
        line = _line_of(path, finding_id, key)
        where = path.name if line is None else f"{path.name}, line {line}"
        return RulesRefused(f"{where}: [finding.{finding_id!r}]: {reason}")

    unknown = sorted(set(table) - set(_KEYS))
    if unknown:
        raise refuse(f"unknown key {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}", unknown[0])
    for key, value in table.items():
        if type(value) not in (get_args(_KEYS[key]) or (_KEYS[key],)):
            raise refuse(f"{key} must be {_CALLED[_KEYS[key]]}", key)
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise refuse(f"{key} must be a list of texts", key)
    missing = sorted({"severity", "points", *_TEXTS, "advice", "source"} - set(table))
    if missing:
        raise refuse(f"{missing[0]!r} is missing")
    if table["severity"] not in set(Severity):
        raise refuse(f"severity must be one of {', '.join(Severity)}", "severity")
    if "component" in table and table["component"] not in set(Label):
        raise refuse(f"component must be one of {', '.join(Label)}", "component")
    advice = [table["advice"]] if isinstance(table["advice"], str) else table["advice"]
    if not advice:
        raise refuse("advice holds no text", "advice")
    rule = dict(table.get("rule", {}))
    reason = _fault_of_rule(rule)
    if reason is not None:
        raise refuse(reason, "rule")
    always = FILLS[rule["kind"]] if rule else PLACES
    texts = [
        *((name, table[name], always) for name in _TEXTS),
        *(("advice", text, PLACES) for text in advice),
    ]
    for name, text, filled in [*texts, ("advice", advice[-1], always)]:
        reason = _fault_of_places(text, filled)
        if reason is not None:
            raise refuse(f"{name} {reason}", name)
    if not table.get("on", True):
        rule = {}
    kind = rule.pop("kind", None)
    types = list(QuestionType) if table.get("types") == ["*"] else table.get("types", sorted(STORY_TYPES))
    if not set(types) <= set(QuestionType):
        raise refuse(f"types must be of {', '.join(QuestionType)}, or '*'", "types")
    return Rule(
        id=finding_id,
        severity=Severity(table["severity"]),
        component=Label(table["component"]) if "component" in table else None,
        points=table["points"],
        types=frozenset(map(QuestionType, types)),
        kind=kind,
        parameters={name: float(value) for name, value in rule.items()},
        message=table["message"],
        why=table["why"],
        advice=advice[-1],
        nearer_advice=tuple(advice[:-1]),
        source=table["source"],
        fire=tuple(table.get("fire", ())),
        passing=tuple(table.get("pass", ())),
        judged=bool(table.get("judged", False)),
    )


def places_of(text: str) -> set[str]:
    """Return the places of a text, such as ``anchor``."""
    return {part[1] for part in string.Formatter().parse(text) if part[1] is not None}


def _fault_of_places(text: str, filled: frozenset[str]) -> str | None:
    """Return what is wrong with the places of a text of which ``filled`` are never empty, or ``None``."""
    try:
        parts = [part[1:] for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError:
        return "holds a lone brace; write {{ or }} for one"
    for name, form, conversion in parts:
        if name not in PLACES or form or conversion:
            return f"holds an unknown place {{{name}}}; known are {', '.join(sorted(PLACES))}"
        if name not in filled:
            return (
                f"holds the place {{{name}}}, which may stay empty with a rule of this kind; "
                "give a list of texts for advice, the last without it"
            )
    return None


def _fault_of_rule(rule: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a rule's kind and parameters, or ``None``; no rule at all is fine."""
    if not rule:
        return None
    kind = rule.get("kind")
    if kind is None:
        return "the rule needs a kind"
    if not isinstance(kind, str) or kind not in KINDS:
        return f"there is no rule of kind {kind!r}; kinds are {', '.join(sorted(KINDS))}"
    given = set(rule) - {"kind"}
    if kind == "length" and not (given and given <= {"below", "above"}):
        return "a rule of kind length takes below or above"
    if kind != "length" and given != PARAMETERS[kind]:
        return f"a rule of kind {kind} takes {', '.join(sorted(PARAMETERS[kind])) or 'no parameters'}"
    for name in given:
        if type(rule[name]) not in (int, float) or not math.isfinite(rule[name]):
            return f"the rule's {name} must be a number"
    return None
