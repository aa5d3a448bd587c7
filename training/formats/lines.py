"""JSON Lines as the labelling tools write it: one object a line, UTF-8, split at the line feed only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from training.formats.records import Refused, UnreadableData

_BYTE_ORDER_MARK = "\ufeff"


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file without its byte order mark; raises ``UnreadableData``."""
    raw = path.read_bytes()
    try:
        return raw.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableData(f"{path}:{line}: this is not UTF-8; save the file as UTF-8") from None


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, object]] | Refused]:
    """Yield each line's number and object, or why the line is none; empty lines are passed over."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            yield Refused(number, f"{path.stem}-{number}", ("the line is not JSON; export it anew",), line)
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            reason = "the line is no JSON object; each line must be one, with its text and labels"
            yield Refused(number, f"{path.stem}-{number}", (reason,), row)


def write_objects(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write one object a line, UTF-8."""
    path.write_bytes(b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows))
