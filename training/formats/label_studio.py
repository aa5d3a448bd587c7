"""Label Studio's JSON: tasks with ``annotations``, each with the ``result`` of one person.

``predictions`` are a model's and never count as labels. Where several people labelled a task, the one marked as ground
truth counts. Exports may lack the quoted ``text`` of a result; where it is there, the offsets are held against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from training.corpus import LabelledAnswer, told
from training.formats.fields import answer_of, meta_of
from training.formats.lines import read_text
from training.formats.records import (
    Entry,
    ForeignSpan,
    Format,
    Item,
    LeftOut,
    Options,
    Refused,
    Task,
    UnreadableData,
)

#: Names of the control and of the text in the labelling configuration, as in Label Studio's own templates.
FROM_NAME, TO_NAME = "label", "text"
_TEXT_KEYS = ("text", "answer")
_OTHER_SPANS = ("hypertextlabels", "paragraphlabels")
#: From the end of one task of the array to the next one.
_NEXT = re.compile(r"[\[,\s]*")


class _Value(BaseModel):
    start: int
    end: int
    labels: list[str]
    text: str | None = None


class _Result(BaseModel):
    type: str | None = None
    value: dict[str, object] | None = None


class _Annotation(BaseModel):
    result: list[_Result] = []
    completed_by: int | str | dict[str, object] | None = None
    was_cancelled: bool | None = None
    ground_truth: bool | None = None


class _Task(BaseModel):
    model_config = ConfigDict(extra="allow")

    data: dict[str, object]
    id: int | str | None = None
    meta: dict[str, object] | None = None
    annotations: list[_Annotation] = Field(
        default=[], validation_alias=AliasChoices("annotations", "completions")
    )


def _read(path: Path, options: Options) -> Iterator[Entry]:
    for number, (line, source) in enumerate(_tasks(path), start=1):
        default_id = f"{path.stem}-{number}"
        try:
            task = _Task.model_validate(source)
            answer = _answer(task, f"{path.stem}-{task.id or number}", options)
        except ValidationError as error:
            reason = f"this is no task of Label Studio's 'JSON' export: {told(error)}"
            yield Refused(line, default_id, (reason,), source)
            continue
        except ValueError as error:
            yield Refused(line, default_id, (str(error),), source)
            continue
        if not task.annotations:
            yield LeftOut(line, answer.id, "nobody has labelled it; predictions are no labels")
        for annotation in task.annotations:
            yield _entry(line, annotation, answer, source)


def _tasks(path: Path) -> Iterator[tuple[int, object]]:
    """Yield each task of the file, which is an array or one task, with the line on which it begins."""
    content = read_text(path)
    reason = "this is not JSON; export it from Label Studio as 'JSON'"
    try:
        whole = json.loads(content)
    except json.JSONDecodeError as error:
        raise UnreadableData(f"{path}:{error.lineno}: {reason}") from None
    except (ValueError, RecursionError):
        raise UnreadableData(f"{path}: {reason}") from None
    if not isinstance(whole, list):
        yield 1, whole
        return
    decoder = json.JSONDecoder()
    position = 0
    for _ in whole:
        start = _NEXT.match(content, position)
        position = 0 if start is None else start.end()
        line = content.count("\n", 0, position) + 1
        task, position = decoder.raw_decode(content, position)
        yield line, task


def _answer(task: _Task, default_id: str, options: Options) -> LabelledAnswer:
    keys = _TEXT_KEYS if options.text_key is None else (options.text_key,)
    key = next((key for key in keys if isinstance(task.data.get(key), str)), None)
    if key is None:
        raise ValueError(f"its data has no text under {' or '.join(keys)}; name it with --text-key")
    asked = task.data.get("question")
    meta = task.data.get("meta")
    own = meta if isinstance(meta, dict) else task.meta or {}
    return answer_of(
        str(task.data[key]),
        own,
        default_id=default_id,
        question=asked if isinstance(asked, str) and asked else None,
        more={name: value for name, value in task.data.items() if name not in (key, "question", "meta")},
    )


def _entry(line: int, annotation: _Annotation, answer: LabelledAnswer, source: object) -> Entry:
    if annotation.was_cancelled:
        return LeftOut(line, answer.id, "it was skipped in Label Studio")
    spans: list[ForeignSpan] = []
    reasons: list[str] = []
    others: list[str] = []
    for result in annotation.result:
        if result.type in _OTHER_SPANS:
            reasons.append(f"its {result.type} do not count characters of the text; label it as plain text")
        elif result.type != "labels":
            others.append(str(result.type))
        else:
            value = _value(result)
            if isinstance(value, str):
                reasons.append(value)
            else:
                spans.append(ForeignSpan(value.start, value.end, value.labels[0], value.text))
    if reasons:
        return Refused(line, answer.id, tuple(reasons), source)
    notes = tuple(f"a result of type {kind} is no labelled span and was left out" for kind in others)
    by = annotation.completed_by
    # Of a person only the number is taken, not the address.
    person = by.get("id") if isinstance(by, dict) else by
    return Item(
        line,
        answer,
        tuple(spans),
        source,
        annotator=None if person is None else str(person),
        is_final=bool(annotation.ground_truth),
        notes=notes,
    )


def _value(result: _Result) -> _Value | str:
    """Return what a result labels, or why that can't be told."""
    try:
        value = _Value.model_validate(result.value)
    except ValidationError as error:
        return f"a result is no labelled span of a text: {told(error)}"
    if len(value.labels) != 1:
        return f"span {value.start}-{value.end}: it has {len(value.labels)} labels; give it one"
    return value


def _write(path: Path, tasks: Sequence[Task], _options: Options) -> None:
    rows = [json.dumps(_row(task), ensure_ascii=False) for task in tasks]
    path.write_bytes(("[" + ",\n".join(rows) + "]\n").encode())


def _row(task: Task) -> dict[str, object]:
    answer = task.answer
    data = {"text": answer.text, "question": answer.question or "", "meta": meta_of(answer)}
    if task.suggested_by is None:
        return {"data": data, "annotations": [{"result": list(_results(task))}]}
    trust = round(sum(task.confidences) / len(task.confidences), 3) if task.confidences else 0.0
    prediction = {"model_version": task.suggested_by, "score": trust, "result": list(_results(task))}
    return {"data": data, "predictions": [prediction]}


def _results(task: Task) -> Iterator[dict[str, object]]:
    for number, span in enumerate(task.answer.spans):
        result: dict[str, object] = {
            "id": f"span-{number + 1}",
            "from_name": FROM_NAME,
            "to_name": TO_NAME,
            "type": "labels",
            "value": {
                "start": span.start,
                "end": span.end,
                "text": task.answer.text[span.start : span.end],
                "labels": [span.name],
            },
        }
        if task.confidences:
            result["score"] = round(task.confidences[number], 3)
        yield result


LABEL_STUDIO = Format("label-studio", _read, _write, counts_utf16=True, takes_suggestions=True)
