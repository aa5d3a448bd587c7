"""From bytes to data, refusing what JSON parsers let pass.

Python's parser takes NaN, ``1e999``, doubled names, lone surrogates and any depth; each has made a service
answer 500 or send back invalid JSON. Here each is a problem with a pointer, told together. A body must
be UTF-8 without a byte order mark (RFC 8259, section 8.1, forbids sending one).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from service.errors import InvalidRequest, Problem

#: Digits of the longest whole number that is read; 2**63 has 19.
_LONGEST_INTEGER = 19
#: Problems that are told of one body: a small body of nothing but faults must not make a large reply.
_MOST_PROBLEMS = 20
_BYTE_ORDER_MARK = "\ufeff"
# The closing quote is optional and every repeat possessive, so that a hostile body is scanned once.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")

_MESSAGES = {
    "duplicate_name": "an object has the same name twice",
    "lone_surrogate": "there is half of a surrogate pair, which is no character",
    "not_finite": "NaN and infinite numbers are not JSON",
    "nul_character": "there is a NUL character",
    "number_too_long": f"whole numbers have at most {_LONGEST_INTEGER} digits",
}


@dataclass(frozen=True, slots=True)
class _Refused:
    """What stands in the data for a number that is refused."""

    code: str


class _Doubled(dict[str, object]):
    """An object in which a name came twice."""


class MalformedJson(InvalidRequest):
    """A body that is refused; ``column`` is the character, from 1, up to which nothing was wrong."""

    def __init__(self, detail: str, problems: tuple[Problem, ...], *, column: int = 1) -> None:
        super().__init__(400, detail, problems)
        self.column = column


def parse(body: bytes, *, max_depth: int, names: frozenset[str], what: str = "body") -> object:
    """Return the data of a JSON ``body``.

    ``names`` are the names that a pointer may hold: any other may be words of an answer. ``what`` is how
    messages call the bytes. Raises ``MalformedJson``, which never holds what was given.
    """
    text = _decoded(body, what)
    deepest = _place_beyond_depth(text, max_depth)
    if deepest is not None:
        message = f"arrays and objects are nested more than {max_depth} deep"
        raise _refusal("too_deep", message, column=deepest + 1)
    try:
        data = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = f"the {what} is not JSON from character {error.pos + 1} on"
        raise _refusal("not_json", message, column=error.pos + 1) from None
    problems = tuple(islice(_problems(data, "", names), _MOST_PROBLEMS))
    if problems:
        raise MalformedJson(f"the {what} holds what JSON does not allow or this service refuses", problems)
    return data


def _decoded(body: bytes, what: str) -> str:
    if not body:
        raise _refusal("empty_body", f"the {what} is empty; it must be a JSON object")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        column = len(body[: error.start].decode("utf-8")) + 1
        message = f"the {what} is not UTF-8 from byte {error.start + 1} on"
        raise _refusal("not_utf8", message, column=column) from None
    if text.startswith(_BYTE_ORDER_MARK):
        raise _refusal("byte_order_mark", f"the {what} must be UTF-8 without a byte order mark")
    return text


def _place_beyond_depth(text: str, max_depth: int) -> int | None:
    """Return the offset of the bracket that goes too deep, if one does."""
    depth = 0
    for token in _STRUCTURE.finditer(text):
        opening = text[token.start()]
        if opening in "[{":
            depth += 1
            if depth > max_depth:
                return token.start()
        elif opening in "]}":
            depth -= 1
    return None


def _problems(value: object, pointer: str, names: frozenset[str], *, exact: bool = True) -> Iterator[Problem]:
    """Yield what is wrong in ``value``; under a name that is not known the pointer stays at its parent."""
    match value:
        case _Refused():
            yield _problem(pointer, value.code)
        case str():
            yield from _text_problems(value, pointer)
        case list():
            for index, item in enumerate(value):
                yield from _problems(item, f"{pointer}/{index}" if exact else pointer, names, exact=exact)
        case dict():
            if isinstance(value, _Doubled):
                yield _problem(pointer, "duplicate_name")
            for name, item in value.items():
                if exact and name in names:
                    yield from _problems(item, f"{pointer}/{name}", names)
                else:
                    yield from _text_problems(name, pointer)
                    yield from _problems(item, pointer, names, exact=False)


def _text_problems(text: str, pointer: str) -> Iterator[Problem]:
    if "\0" in text:
        yield _problem(pointer, "nul_character")
    if _SURROGATE.search(text):
        yield _problem(pointer, "lone_surrogate")


def _problem(pointer: str, code: str) -> Problem:
    return Problem(pointer, code, _MESSAGES[code])


def _refusal(code: str, message: str, *, column: int = 1) -> MalformedJson:
    return MalformedJson(message, (Problem("", code, message),), column=column)


def _integer(literal: str) -> int | _Refused:
    if len(literal.lstrip("-")) > _LONGEST_INTEGER:
        return _Refused("number_too_long")
    return int(literal)


def _real(literal: str) -> float | _Refused:
    number = float(literal)
    return number if math.isfinite(number) else _Refused("not_finite")


def _constant(_literal: str) -> _Refused:
    return _Refused("not_finite")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    return data if len(data) == len(pairs) else _Doubled(data)


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=_real, parse_constant=_constant, object_pairs_hook=_object
)
