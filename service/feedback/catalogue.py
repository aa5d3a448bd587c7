"""The catalogue of findings: data, read and checked at start.

An operator's own file may switch findings off, change thresholds, points and words, or add findings of
the kinds that exist. A mistake in either file stops the start with the table and the reason.
"""

from __future__ import annotations

import hashlib
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import RulesRefused
from service.feedback.rules import KINDS, PARAMETERS, Lexicons
from service.labels import STORY_TYPES, Label, QuestionType, Severity

_HERE = Path(__file__).parent
_TABLE_KEYS = frozenset(
    {"severity", "component", "points", "types", "rule", "message", "why", "advice", "source", "fire", "pass", "on"}
)
_TEXTS = ("message", "why", "advice")
#: The places that a message may hold, filled from the answer when the finding is raised.
PLACES = frozenset({"anchor", "words", "count", "total", "share"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One finding of the catalogue, and how it is raised (``kind`` is ``None`` where nothing raises it)."""

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
class Catalogue:
    """All rules in their order, the criteria, the word lists, and a version that changes with any word."""

    rules: tuple[Rule, ...]
    criteria: tuple[Criterion, ...]
    lexicons: Lexicons
    version: str

    def active(self) -> tuple[Rule, ...]:
        """The rules that something raises."""
        return tuple(rule for rule in self.rules if rule.kind is not None)


def load_catalogue(own_file: str = "") -> Catalogue:
    """Read the shipped catalogue, and ``own_file`` over it where one is named.

    Raises ``RulesRefused`` that names the file, the table and what is wrong with it.
    """
    shipped = _HERE / "catalogue.toml"
    tables = dict(_read(shipped)["finding"])
    sources = [(_HERE / name).read_bytes() for name in ("catalogue.toml", "criteria.toml", "lexicons.toml")]
    if own_file:
        own = _read(Path(own_file))
        sources.append(Path(own_file).read_bytes())
        for finding_id, table in own.get("finding", {}).items():
            tables[finding_id] = {**tables.get(finding_id, {}), **table}
    lexicons = {
        name: {key: tuple(words) for key, words in table.items()}
        for name, table in _read(_HERE / "lexicons.toml").items()
        if isinstance(table, dict)
    }
    rules = tuple(_rule(own_file or shipped.name, name, table) for name, table in tables.items())
    digest = hashlib.sha256(b"\0".join(sources)).hexdigest()[:12]
    return Catalogue(rules=rules, criteria=_criteria(), lexicons=lexicons, version=f"1+{digest}")


def _criteria() -> tuple[Criterion, ...]:
    tables = _read(_HERE / "criteria.toml")
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


def _rule(file: str, finding_id: str, table: Mapping[str, Any]) -> Rule:
    def refuse(reason: str) -> RulesRefused:
        return RulesRefused(f"{Path(file).name}: [finding.{finding_id!r}]: {reason}")

    unknown = set(table) - _TABLE_KEYS
    if unknown:
        raise refuse(f"unknown key {sorted(unknown)[0]!r}; known are {', '.join(sorted(_TABLE_KEYS))}")
    missing = {"severity", "points", *_TEXTS, "source"} - set(table)
    if missing:
        raise refuse(f"{sorted(missing)[0]!r} is missing")
    if table["severity"] not in set(Severity):
        raise refuse(f"severity must be one of {', '.join(Severity)}")
    if table.get("component") is not None and table["component"] not in set(Label):
        raise refuse(f"component must be one of {', '.join(Label)}")
    for text in _TEXTS:
        places = {name for _, name, _, _ in string.Formatter().parse(table[text]) if name is not None}
        if places - PLACES:
            raise refuse(f"{text} holds an unknown place {{{sorted(places - PLACES)[0]}}}")
    rule = dict(table.get("rule", {})) if table.get("on", True) else {}
    kind = rule.pop("kind", None)
    if rule and kind is None:
        raise refuse("the rule needs a kind")
    if kind is not None:
        if kind not in KINDS:
            raise refuse(f"there is no rule of kind {kind!r}; kinds are {', '.join(sorted(KINDS))}")
        wanted = PARAMETERS[kind]
        if (wanted and set(rule) != wanted) or (kind == "length" and not set(rule) <= {"below", "above"}):
            raise refuse(f"a rule of kind {kind} takes {', '.join(sorted(wanted)) or 'below or above'}")
        if any(not isinstance(value, int | float) for value in rule.values()):
            raise refuse("the rule's parameters are numbers")
    types = table.get("types", sorted(STORY_TYPES))
    if types == ["*"]:
        types = list(QuestionType)
    if not set(types) <= set(QuestionType):
        raise refuse(f"types must be of {', '.join(QuestionType)}, or '*'")
    return Rule(
        id=finding_id,
        severity=Severity(table["severity"]),
        component=None if table.get("component") is None else Label(table["component"]),
        points=int(table["points"]),
        types=frozenset(QuestionType(kind) for kind in types),
        kind=kind,
        parameters={name: float(value) for name, value in rule.items()},
        message=table["message"],
        why=table["why"],
        advice=table["advice"],
        source=table["source"],
        fire=tuple(table.get("fire", ())),
        passing=tuple(table.get("pass", ())),
    )
