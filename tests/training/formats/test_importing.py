"""Nothing is lost on the way: every answer is taken, refused with a reason, or left out by the labeller's will."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.labels import Label
from training.corpus import GoldSpan, read_jsonl
from training.formats.importing import export_labels, import_labels, write_imported
from training.formats.records import CannotWrite, Options, Task
from training.formats.registry import EXPORTS, FORMATS, SUGGESTIONS

from ..answers import marked
from .strategies import imported

GOOD = {"text": "I ran.", "label": [[0, 6, "ACTION"]]}
BROKEN = {"text": "I ran home.", "label": [[0, 4, "ACTION"]]}


def content(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_what_is_refused_goes_beside_with_its_reasons(tmp_path: Path) -> None:
    found = imported(
        "doccano", content(GOOD, BROKEN, ["no object"]) + "{broken\n\n" + content(GOOD), tmp_path
    )
    out = tmp_path / "new.jsonl"
    beside = write_imported(found, out)
    assert beside == tmp_path / "new.rejected.jsonl"
    assert [answer.id for answer in read_jsonl(out)] == ["team-1", "team-6"]
    rows = [json.loads(line) for line in beside.read_bytes().splitlines()]
    assert [row["line"] for row in rows] == [2, 3, 4]
    assert rows[0]["source"] == BROKEN
    assert rows[0]["reasons"] == ["span 0-4: it cuts a word; move its edge to the word's"]
    assert rows[2]["reasons"] == ["the line is not JSON; export it anew"]


def test_an_earlier_file_of_the_refused_does_not_stay(tmp_path: Path) -> None:
    out = tmp_path / "new.jsonl"
    assert write_imported(imported("doccano", content(BROKEN), tmp_path), out) is not None
    assert write_imported(imported("doccano", content(GOOD), tmp_path), out) is None
    assert not (tmp_path / "new.rejected.jsonl").exists()


def test_no_message_holds_words_of_an_answer(tmp_path: Path) -> None:
    word_of_theirs = "zanzibarquux"
    rows = [
        {
            "text": f"I {word_of_theirs} it.",
            "label": [[0, 4, "ACTION"], [8, 3, word_of_theirs * 4], [0, 99, "TASK"]],
        },
        {"text": f"I {word_of_theirs} it.", "label": [[0, 4, "ACTION"]]},
        {"text": word_of_theirs, "label": word_of_theirs},
        {"text": word_of_theirs, "label": [], "meta": {"star_feedback": {word_of_theirs: 1}}},
    ]
    found = imported("doccano", content(*rows) + word_of_theirs, tmp_path)
    assert len(found.refused) == 5
    messages = [what for _, _, what in found.messages]
    # The name of a field that does not belong there may be shown; it is no part of the answer.
    assert not any(word_of_theirs in what for what in messages if "star_feedback" not in what)


def test_half_a_surrogate_pair_is_refused_and_kept(tmp_path: Path) -> None:
    found = imported("doccano", '{"text": "I \\ud800 ran.", "label": [[0, 8, "ACTION"]]}\n', tmp_path)
    assert "half of a surrogate pair" in found.messages[0][2]
    beside = write_imported(found, tmp_path / "new.jsonl")
    assert beside is not None
    assert b"ud800" in beside.read_bytes()


def test_one_id_for_two_answers_is_refused(tmp_path: Path) -> None:
    rows = [
        {**GOOD, "meta": {"id": "x"}},
        {"text": "I sat.", "label": [[0, 6, "ACTION"]], "meta": {"id": "x"}},
    ]
    found = imported("doccano", content(*rows), tmp_path)
    assert found.answers == ()
    assert len(found.refused) == 2
    assert "the id stands for different answers (lines 1, 2)" in found.messages[0][2]


def test_a_rating_that_no_export_wrote_is_refused(tmp_path: Path) -> None:
    row = {**GOOD, "meta": {"star_feedback": {"score": "much"}}}
    assert "meta.star_feedback is not as an export of ours has it: score" in str(
        imported("doccano", content(row), tmp_path).messages
    )


@given(st.lists(st.sampled_from(["good", "broken", "reject", "junk", "twice"]), max_size=8))
def test_rows_in_are_rows_taken_refused_and_left_out(kinds: list[str]) -> None:
    token = {"text": "I ran.", "spans": [{"start": 0, "end": 6, "label": "ACTION"}], "answer": "accept"}
    rows: dict[str, object] = {
        "good": token,
        "broken": {**token, "spans": [{"start": 0, "end": 4, "label": "ACTION"}]},
        "reject": {**token, "answer": "reject"},
        "junk": [],
        "twice": {**token, "meta": {"id": "same"}},
    }
    with tempfile.TemporaryDirectory() as folder:
        found = imported("prodigy", content(*(rows[kind] for kind in kinds)), Path(folder))
    assert len(found.answers) + len(found.refused) + len(found.left_out) == len(kinds)
    told = {line for line, _, _ in found.messages}
    silent = [number for number, kind in enumerate(kinds, start=1) if number not in told]
    assert len(silent) == len(found.answers)


@pytest.mark.parametrize("name", ["prodigy", "docbin"])
def test_a_span_that_cuts_a_word_is_not_written_for_spacy(name: str, tmp_path: Path) -> None:
    task = Task(marked(spans=(GoldSpan(0, 5, Label.ACTION),)))
    with pytest.raises(CannotWrite, match="span 0-5 of t-1 cuts a token"):
        export_labels(tmp_path / "x", FORMATS[name], [task], Options())


def test_a_table_holds_an_id_once(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="the id t-1 stands for two answers"):
        export_labels(tmp_path / "x.csv", FORMATS["csv"], [Task(marked()), Task(marked())], Options())


def test_corrections_are_only_imported(tmp_path: Path) -> None:
    assert set(EXPORTS) == set(FORMATS) - {"corrections"}
    with pytest.raises(CannotWrite, match="corrections is a format to import from only"):
        export_labels(tmp_path / "x", FORMATS["corrections"], [], Options())


def test_a_table_of_formulas_calculates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    task = Task(marked("[S] =cmd|'/C calc'!A0 it. [A] @SUM(1) ran.", id="=1+1", question="+A1"))
    export_labels(path, FORMATS["csv"], [task], Options())
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'=1+1" in cells
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert import_labels(path, FORMATS["csv"], Options()).answers == (task.answer,)


@pytest.mark.parametrize("name", SUGGESTIONS)
def test_a_guess_is_written_as_a_guess(name: str, tmp_path: Path) -> None:
    answer = marked()
    path = tmp_path / "x"
    export_labels(path, FORMATS[name], [Task(answer, "star-1+abc", (0.5, 0.7, 0.9, 0.3))], Options())
    written = path.read_text(encoding="utf-8")
    found = import_labels(path, FORMATS[name], Options())
    if name == "prodigy":
        row = json.loads(written)
        assert "answer" not in row
        first = row["spans"][0]
        assert row["tokens"][first["token_end"]]["end"] == first["end"]
        assert len(found.left_out) == 1
    elif name == "label-studio":
        (task,) = json.loads(written)
        assert "annotations" not in task
        (prediction,) = task["predictions"]
        assert (prediction["model_version"], prediction["score"]) == ("star-1+abc", 0.6)
        assert [result["score"] for result in prediction["result"]] == [0.5, 0.7, 0.9, 0.3]
        assert len(found.left_out) == 1
    else:
        assert json.loads(written)["label"] == [[s.start, s.end, s.name] for s in answer.spans]
        assert found.answers == (answer,)
