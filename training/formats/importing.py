"""Import and export: every answer of a file is taken, refused with the reason, or left out by its labeller's will."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.corpus import LabelledAnswer, word_labels, write_jsonl
from training.formats.alignment import align
from training.formats.records import CannotWrite, Entry, Format, Item, LeftOut, Options, Refused, Task

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file gave. ``messages`` are ``(line, id, what)``, in the order of the file."""

    answers: tuple[LabelledAnswer, ...]
    refused: tuple[Refused, ...]
    left_out: tuple[LeftOut, ...]
    messages: tuple[tuple[int, str, str], ...]


def import_labels(path: Path, form: Format, options: Options) -> Imported:
    """Read ``path`` as ``form``; raises ``UnreadableData`` where it is not of that format at all."""
    taken: list[Item] = []
    refused: list[Refused] = []
    left_out: list[LeftOut] = []
    messages: list[tuple[int, str, str]] = []
    for entry in _of_one_annotator(form.read(path, options), options.annotator):
        if not isinstance(entry, Item):
            (refused if isinstance(entry, Refused) else left_out).append(entry)  # type: ignore[arg-type]
            continue
        fitted = align(
            entry.answer.text,
            entry.spans,
            labels=options.labels,
            fills=options.fills,
            counts_utf16=form.counts_utf16,
        )
        reasons = (*_unwritable(entry.answer), *fitted.reasons)
        if reasons:
            refused.append(Refused(entry.line, entry.answer.id, reasons, entry.source))
            continue
        taken.append(replace(entry, answer=replace(entry.answer, spans=fitted.spans)))
        messages += [(entry.line, entry.answer.id, f"mended: {what}") for what in fitted.mended]
        messages += [(entry.line, entry.answer.id, f"note: {what}") for what in entry.notes]
    answers = []
    for group in _by_id(taken):
        chosen = _chosen(group)
        if isinstance(chosen, Item):
            answers.append(chosen)
            others = [item for item in group if item is not chosen]
            left_out += [
                LeftOut(item.line, item.answer.id, f"the labels of line {chosen.line} count for it")
                for item in others
            ]
        else:
            refused += [Refused(item.line, item.answer.id, (chosen,), item.source) for item in group]
    messages += [(entry.line, entry.id, f"refused: {why}") for entry in refused for why in entry.reasons]
    messages += [(entry.line, entry.id, f"left out: {entry.reason}") for entry in left_out]
    return Imported(
        tuple(item.answer for item in sorted(answers, key=lambda item: item.line)),
        tuple(sorted(refused, key=lambda entry: entry.line)),
        tuple(sorted(left_out, key=lambda entry: entry.line)),
        tuple(sorted(messages, key=lambda message: message[0])),
    )


def write_imported(imported: Imported, out: Path) -> Path | None:
    """Write the answers to ``out`` and the refused beside it; return the path of the latter, if there are any.

    A file of refused answers from an earlier import is taken away where there are none now.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(out, imported.answers)
    beside = out.with_suffix(".rejected.jsonl")
    if not imported.refused:
        beside.unlink(missing_ok=True)
        return None
    rows = (
        {"line": entry.line, "id": entry.id, "reasons": list(entry.reasons), "source": entry.source}
        for entry in imported.refused
    )
    # ASCII, because what is refused may hold half a surrogate pair.
    beside.write_bytes(b"".join(json.dumps(row, default=str).encode("ascii") + b"\n" for row in rows))
    return beside


def export_labels(path: Path, form: Format, tasks: Sequence[Task], options: Options) -> None:
    """Write ``tasks`` as ``form``; raises ``CannotWrite``."""
    if form.write is None:
        raise CannotWrite(f"{form.name} is a format to import from only")
    path.parent.mkdir(parents=True, exist_ok=True)
    form.write(path, tasks, options)


def _of_one_annotator(entries: Iterable[Entry], annotator: str | None) -> Iterator[Entry]:
    for entry in entries:
        if annotator is not None and isinstance(entry, Item) and entry.annotator != annotator:
            yield LeftOut(entry.line, entry.answer.id, "another person labelled it")
        else:
            yield entry


def _unwritable(answer: LabelledAnswer) -> Iterator[str]:
    if _SURROGATE.search(answer.to_json()):
        yield "there is half of a surrogate pair, which is no character; export it anew"


def _by_id(items: Iterable[Item]) -> list[list[Item]]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.answer.id].append(item)
    return list(groups.values())


def _chosen(group: Sequence[Item]) -> Item | str:
    """Return which labelling of an answer counts, or why none does."""
    first = group[0]
    if len(group) == 1:
        return first
    if any(item.answer.text != first.answer.text for item in group):
        return f"the id stands for different answers (lines {_lines(group)}); give each its own"
    final = [item for item in group if item.is_final]
    if len(final) == 1:
        return final[0]
    moments = [item.at for item in group if item.at is not None]
    if len(moments) == len(group):
        return max(group, key=lambda item: (item.at, item.line))
    if all(item.answer.spans == first.answer.spans for item in group):
        return first
    people = ", ".join(item.annotator or "nobody named" for item in group)
    return (
        f"{len(group)} people ({people}; lines {_lines(group)}) label {_differing(group)} words differently; "
        "mark one as ground truth, or choose with --annotator"
    )


def _lines(group: Sequence[Item]) -> str:
    return ", ".join(str(item.line) for item in group)


def _differing(group: Sequence[Item]) -> int:
    words = [list(word_labels(item.answer.text, item.answer.spans)) for item in group]
    return sum(len({word[2] for word in same}) > 1 for same in zip(*words, strict=True))
