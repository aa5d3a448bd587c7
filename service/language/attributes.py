"""spaCy's attribute ruler, in a fraction of its time.

The ruler matches each of its rules against each token, which takes a quarter of the whole pass. Here the token of a rule
that says most of what it is (a tag, a word, a dependency) is looked up, and only where there is one is the rest of the
rule asked for. Rules that ask for something else are matched as before.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from spacy.matcher import Matcher
from spacy.pipeline import AttributeRuler
from spacy.tokens import Doc
from spacy.tokens._retokenize import set_token_attrs
from spacy.vocab import Vocab

#: The attributes whose values are looked up.
_ATTRIBUTES = ("TAG", "LOWER", "DEP", "IS_SPACE")
#: Values of every token by attribute.
_Columns = Mapping[str, Sequence[int]]
#: Says of the value of an attribute whether a rule wants it.
_Test = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule beside the token by which it is looked up; all places are counted from there.

    ``target`` is the token that gets the attributes, ``conditions`` are what else must be true of which token.
    """

    number: int
    target: int
    conditions: tuple[tuple[int, str, _Test], ...]

    def applies(self, columns: _Columns, token: int, size: int) -> bool:
        """Say whether the rest of the rule is true where ``token`` is the one that was looked up."""
        return all(
            0 <= token + place < size and test(columns[attribute][token + place])
            for place, attribute, test in self.conditions
        )


class AttributeRules:
    """Does what ``ruler`` does, for as long as it gets no other patterns."""

    def __init__(self, ruler: AttributeRuler) -> None:
        self._ruler = ruler
        self._matcher = Matcher(ruler.vocab, validate=False)
        self._tables: dict[tuple[str, ...], dict[tuple[int, ...], list[_Rule]]] = defaultdict(dict)
        #: Rules with nothing to look up, by the attribute that they test instead.
        self._tested: list[tuple[str, _Test, _Rule]] = []
        for number, rule in enumerate(ruler.patterns):
            patterns: Any = rule["patterns"]  # spaCy's type is that of all values of a rule
            for pattern in patterns:
                if not self._look_up(number, pattern):
                    self._matcher.add(str(number), [pattern])

    def _look_up(self, number: int, pattern: Sequence[Mapping[str, object]]) -> bool:
        """Add a pattern of a rule to what is looked up or tested; return whether it can be."""
        target = self._ruler.indices[number]
        split = [_split(wanted, self._ruler.vocab) for wanted in pattern]
        parts = [part for part in split if part is not None]
        if len(parts) < len(pattern) or not 0 <= target < len(pattern):
            return False
        # The token with the most values to look up is there least often.
        place = max(range(len(parts)), key=lambda k: len(parts[k][0]))
        wanted, tests = parts[place]
        others: list[tuple[int, str, _Test]] = [
            (k - place, attribute, _is_one_of(values))
            for k, (among, _) in enumerate(parts)
            if k != place
            for attribute, values in among.items()
        ]
        others += [(k - place, *test) for k, (_, some) in enumerate(parts) for test in some]
        found = _Rule(number, target - place, tuple(others))
        if not wanted:
            self._tested.append((*tests[0], found))
            return True
        table = self._tables[tuple(wanted)]
        for key in itertools.product(*wanted.values()):
            table.setdefault(key, []).append(found)
        return True

    def __call__(self, doc: Doc) -> Doc:
        """Set the attributes that the rules give, and return ``doc``."""
        rules: list[list[int]] = [[] for _ in range(len(doc))]
        for number, token in self._matches(doc):
            rules[token].append(number)
        for word, numbers in zip(doc, rules, strict=True):
            # In the order of the rules: the later one has the last word.
            for number in sorted(numbers):
                set_token_attrs(word, self._ruler.attrs[number])
        return doc

    def _matches(self, doc: Doc) -> Iterator[tuple[int, int]]:
        """Yield the number of each rule that applies, and the token that it gives its attributes to."""
        if len(self._matcher):
            for name, start, end in self._matcher(doc, allow_missing=True):
                number = int(doc.vocab.strings[name])
                yield number, doc[start:end][self._ruler.indices[number]].i
        values = doc.to_array([*_ATTRIBUTES]).astype(np.uint64).T.tolist()
        columns: _Columns = dict(zip(_ATTRIBUTES, values, strict=True))
        for token, rule in self._candidates(columns):
            if not rule.conditions or rule.applies(columns, token, len(doc)):
                yield rule.number, token + rule.target

    def _candidates(self, columns: _Columns) -> Iterator[tuple[int, _Rule]]:
        """Yield the tokens by which rules are looked up, each with its rule."""
        for attributes, table in self._tables.items():
            rows = zip(*(columns[attribute] for attribute in attributes), strict=True)
            for token, rules in enumerate(map(table.get, rows)):
                if rules is not None:
                    for rule in rules:
                        yield token, rule
        for attribute, test, rule in self._tested:
            # Every value once: half of the words are said more than once.
            values = {value for value in set(columns[attribute]) if test(value)}
            if values:
                yield from ((k, rule) for k, value in enumerate(columns[attribute]) if value in values)


def _split(
    wanted: Mapping[str, object], vocab: Vocab
) -> tuple[dict[str, frozenset[int]], list[tuple[str, _Test]]] | None:
    """Return what a pattern asks of one token: values to look up, and tests of others.

    ``None`` where that is not all that it asks, or where it asks nothing.
    """
    among: dict[str, frozenset[int]] = {}
    tests: list[tuple[str, _Test]] = []
    for attribute, value in wanted.items():
        if attribute not in _ATTRIBUTES:
            return None
        if isinstance(value, bool):
            among[attribute] = frozenset([int(value)])
        elif isinstance(value, str):
            among[attribute] = frozenset([vocab.strings.add(value)])
        elif not isinstance(value, Mapping) or len(value) != 1:
            return None
        elif "IN" in value:
            among[attribute] = frozenset(map(vocab.strings.add, value["IN"]))
        elif "NOT_IN" in value:
            tests.append((attribute, _is_none_of(frozenset(map(vocab.strings.add, value["NOT_IN"])))))
        elif "REGEX" in value:
            tests.append((attribute, _is_like(re.compile(value["REGEX"]), vocab)))
        else:
            return None
    return (among, tests) if wanted else None


def _is_one_of(values: frozenset[int]) -> _Test:
    return lambda value: value in values


def _is_none_of(values: frozenset[int]) -> _Test:
    return lambda value: value not in values


def _is_like(pattern: re.Pattern[str], vocab: Vocab) -> _Test:
    return lambda value: pattern.search(vocab.strings[value]) is not None
