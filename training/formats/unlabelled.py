"""Answers without labels, from the files that a batch takes: JSON Lines with ``answer`` (or ``text``), or CSV."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from service.batch.rows import BadRow, Media, read_rows
from service.schemas import MAX_CHARACTERS
from training.corpus import LabelledAnswer
from training.formats.records import UnreadableData

_MEDIA: Mapping[str, Media] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def read_answers(path: Path) -> tuple[list[LabelledAnswer], list[str]]:
    """Return the answers of ``path``, and a line for each row that is none.

    An answer without an id is named after the file and its row. Raises ``UnreadableData`` for other files, and
    ``InvalidRequest`` where the rows can't be told apart.
    """
    media = _MEDIA.get(path.suffix.lower())
    if media is None:
        raise UnreadableData(
            f"{path.name}: answers are read from {', '.join(_MEDIA)}; name the file after its kind"
        )
    answers: dict[str, LabelledAnswer] = {}
    broken: list[str] = []
    with path.open("rb") as stream:
        for row in read_rows(stream, media):
            if isinstance(row, BadRow):
                broken.append(f"{path}: row {row.number}: {row.problem.detail}")
                continue
            text = row.data.get("answer", row.data.get("text"))
            given_id = row.data.get("id")
            question = row.data.get("question")
            answer_id = f"{path.stem}-{row.number}" if given_id in (None, "") else str(given_id)
            problem = _problem(text, is_twice=answer_id in answers)
            if problem is not None or not isinstance(text, str):
                broken.append(f"{path}: row {row.number}: {problem}")
                continue
            answers[answer_id] = LabelledAnswer(
                id=answer_id,
                question=question if isinstance(question, str) else None,
                text=text,
                spans=(),
                meta=_notes(row.data.get("meta")),
            )
    return list(answers.values()), broken


def _problem(text: object, *, is_twice: bool) -> str | None:
    if not isinstance(text, str) or not text.strip():
        return "there is no text under 'answer'"
    if len(text) > MAX_CHARACTERS:
        return f"the answer has more than {MAX_CHARACTERS} characters; none so long is judged"
    return "the id stood before; ids are unique" if is_twice else None


def _notes(meta: object) -> dict[str, str]:
    if not isinstance(meta, Mapping):
        return {}
    return {str(name): value for name, value in meta.items() if isinstance(value, str)}
