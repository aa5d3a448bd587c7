"""Files in the shapes that the tools' own documentation and exports show."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.tokens import DocBin

from training.formats.fields import named
from training.formats.importing import Imported
from training.formats.records import Options, UnreadableData

from .strategies import imported

TEXT = "It died. I ran."
LABELS = [(0, 8, "SITUATION"), (9, 15, "ACTION")]
#: Both spans as Label Studio has them.
RESULTS = [
    {
        "value": {"start": start, "end": end, "text": TEXT[start:end], "labels": [label]},
        "id": f"gew3t9{start}",
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "origin": "manual",
    }
    for start, end, label in LABELS
]


def lines(*rows: Mapping[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def labels_of(found: Imported) -> list[list[tuple[int, int, str]]]:
    return [[named(span) for span in answer.spans] for answer in found.answers]


def told(found: Imported) -> str:
    return "\n".join(f"{line}: {answer_id}: {what}" for line, answer_id, what in found.messages)


# --- Prodigy ---------------------------------------------------------------------------------------------


def prodigy_row(**fields: Any) -> dict[str, Any]:
    words = [("It", 0, 2), ("died", 3, 7), (".", 7, 8), ("I", 9, 10), ("ran", 11, 14), (".", 14, 15)]
    return {
        "text": TEXT,
        "_input_hash": -1886625124,
        "_task_hash": 1541956129,
        "_is_binary": False,
        "tokens": [
            {"text": word, "start": start, "end": end, "id": number, "ws": number not in (1, 4, 5)}
            for number, (word, start, end) in enumerate(words)
        ],
        "_view_id": "spans_manual",
        "spans": [
            {"start": 0, "end": 8, "token_start": 0, "token_end": 2, "label": "SITUATION"},
            {"start": 9, "end": 15, "token_start": 3, "token_end": 5, "label": "ACTION"},
        ],
        "answer": "accept",
        "_timestamp": 1648559837,
        "_annotator_id": "star-anna",
        "_session_id": "star-anna",
        **fields,
    }


def test_prodigys_export_is_read(tmp_path: Path) -> None:
    found = imported("prodigy", lines(prodigy_row(meta={"source": "talk", "score": 0.5})), tmp_path)
    assert labels_of(found) == [LABELS]
    assert found.messages == ()
    (answer,) = found.answers
    assert answer.id == "team--1886625124"
    assert answer.meta == {"source": "talk", "score": "0.5"}
    assert answer.score is None, "a tool's score is no reader's"


def test_a_span_by_tokens_alone_ends_with_its_last_token(tmp_path: Path) -> None:
    spans = [
        {key: span[key] for key in ("token_start", "token_end", "label")} for span in prodigy_row()["spans"]
    ]
    assert labels_of(imported("prodigy", lines(prodigy_row(spans=spans)), tmp_path)) == [LABELS]


def test_token_end_behind_the_last_token_is_noticed(tmp_path: Path) -> None:
    spans = [dict(span, token_end=span["token_end"] + 1) for span in prodigy_row()["spans"]]
    found = imported("prodigy", lines(prodigy_row(spans=spans)), tmp_path)
    assert labels_of(found) == [LABELS]
    assert "token_end counts the token behind the span" in told(found)


@pytest.mark.parametrize("changed", [{"token_end": 3}, {"token_start": 1}, {"token_end": 99}])
def test_tokens_that_say_something_else_are_refused(changed: dict[str, int], tmp_path: Path) -> None:
    first, second = prodigy_row()["spans"]
    found = imported("prodigy", lines(prodigy_row(spans=[dict(first, **changed), second])), tmp_path)
    assert found.answers == ()
    assert len(found.refused) == 1
    assert "export it anew" in told(found)


@pytest.mark.parametrize("answer", ["reject", "ignore", None])
def test_only_what_was_accepted_counts_and_the_rest_is_said(answer: str | None, tmp_path: Path) -> None:
    found = imported("prodigy", lines(prodigy_row(), prodigy_row(answer=answer, _input_hash=1)), tmp_path)
    assert len(found.answers) == 1
    assert found.refused == ()
    assert [entry.line for entry in found.left_out] == [2]
    assert "only what was accepted is labelled" in told(found)


def test_two_annotators_of_one_text_are_two_labellings_of_one_answer(tmp_path: Path) -> None:
    other = [dict(prodigy_row()["spans"][0], end=15, token_end=5)]
    rows = lines(prodigy_row(), prodigy_row(spans=other, _annotator_id="star-ben", _session_id="star-ben"))
    found = imported("prodigy", rows, tmp_path)
    assert found.answers == ()
    assert "2 people (star-anna, star-ben; lines 1, 2) label 2 words differently" in told(found)
    chosen = imported("prodigy", rows, tmp_path, Options(annotator="star-ben"))
    assert labels_of(chosen) == [[(0, 15, "SITUATION")]]
    assert "another person labelled it" in told(chosen)


# --- doccano ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"id": 7, "text": TEXT, "label": [list(label) for label in LABELS], "Comments": []},
        {"id": 7, "text": TEXT, "labels": [list(label) for label in LABELS]},
        {"id": 7, "data": TEXT, "label": [list(label) for label in LABELS]},
        {"id": 7, "text": TEXT, "label": LABELS, "labels": LABELS},
        {
            "id": 7,
            "text": TEXT,
            "entities": [
                {"id": number, "label": label, "start_offset": start, "end_offset": end}
                for number, (start, end, label) in enumerate(LABELS)
            ],
            "relations": [],
            "Comments": [],
        },
    ],
)
def test_doccanos_exports_are_read(row: dict[str, Any], tmp_path: Path) -> None:
    found = imported("doccano", lines(row), tmp_path)
    assert labels_of(found) == [LABELS]
    assert found.messages == ()
    assert found.answers[0].id == "team-7"
    assert found.answers[0].meta == {}


def test_what_doccano_kept_beside_the_text_is_kept(tmp_path: Path) -> None:
    row = {"text": TEXT, "label": LABELS, "writer": "w3", "Comments": ["unsure"], "round": 2}
    (answer,) = imported("doccano", lines(row), tmp_path).answers
    assert answer.meta == {"writer": "w3", "Comments": '["unsure"]', "round": "2"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": TEXT, "label": LABELS, "labels": LABELS[:1]}, "say different things"),
        (
            {"text": TEXT, "annotations": [{"label": 2, "start_offset": 0, "end_offset": 8, "user": 1}]},
            "export it from doccano as 'JSONL (text label)'",
        ),
        ({"text": TEXT, "label": ["SITUATION"]}, "this is no export of doccano: label.0"),
        ({"label": LABELS}, "it has no text"),
        ({"text": TEXT, "label": []}, "no word has a label"),
    ],
)
def test_other_files_of_doccano_are_refused_by_line(row: dict[str, Any], reason: str, tmp_path: Path) -> None:
    found = imported("doccano", lines({"text": TEXT, "label": LABELS}, row), tmp_path)
    assert labels_of(found) == [LABELS]
    assert [entry.line for entry in found.refused] == [2]
    assert reason in told(found)


def test_relations_are_said_to_be_left_out(tmp_path: Path) -> None:
    row = {
        "text": TEXT,
        "label": LABELS,
        "relations": [{"id": 0, "from_id": 0, "to_id": 1, "type": "causes"}],
    }
    assert "note: its relations were left out" in told(imported("doccano", lines(row), tmp_path))


# --- Label Studio ----------------------------------------------------------------------------------------


def task(*annotations: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": 4,
        "annotations": [
            {
                "id": number,
                "completed_by": 1,
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": "2022-11-04T18:50:53.017134Z",
                "lead_time": 10.744,
                "task": 4,
                "parent_prediction": None,
                **annotation,
            }
            for number, annotation in enumerate(annotations)
        ],
        "file_upload": "d06c405d-answers.json",
        "drafts": [],
        "predictions": [{"model_version": "old", "score": 0.4, "result": RESULTS[:1]}],
        "data": {"text": TEXT, "question": "What happened?", "trade": "baker"},
        "meta": {},
        "inner_id": 1,
        "project": 3,
        "comment_authors": [],
        **fields,
    }


def studio(tasks: Sequence[Mapping[str, Any]], folder: Path, **options: Any) -> Imported:
    return imported("label-studio", json.dumps(tasks, indent=2), folder, Options(**options))


def without_text() -> list[dict[str, Any]]:
    return [
        dict(result, value={"start": start, "end": end, "labels": [label]})
        for result, (start, end, label) in zip(RESULTS, LABELS, strict=True)
    ]


@pytest.mark.parametrize("results", [RESULTS, without_text()], ids=["quoted", "lacking text"])
def test_label_studios_export_is_read(results: list[dict[str, Any]], tmp_path: Path) -> None:
    found = studio([task({"result": results})], tmp_path)
    assert labels_of(found) == [LABELS]
    assert found.messages == ()
    (answer,) = found.answers
    assert (answer.id, answer.question, answer.meta) == ("team-4", "What happened?", {"trade": "baker"})


def test_a_lone_task_and_the_older_name_of_annotations_are_read(tmp_path: Path) -> None:
    row = task({"result": RESULTS})
    row["completions"] = row.pop("annotations")
    assert labels_of(imported("label-studio", json.dumps(row), tmp_path)) == [LABELS]


def test_a_message_names_the_line_on_which_the_task_begins(tmp_path: Path) -> None:
    broken = task({"result": RESULTS[:1]}, id=5)
    rows = [task({"result": RESULTS}), broken]
    content = json.dumps(rows, indent=2)
    found = imported("label-studio", content, tmp_path)
    (entry,) = found.refused
    assert content.splitlines()[entry.line - 1] == "  {"
    assert '"id": 5' in content.splitlines()[entry.line]
    assert json.loads(json.dumps(entry.source)) == broken


def test_predictions_are_no_labels(tmp_path: Path) -> None:
    found = studio([task()], tmp_path)
    assert found.answers == ()
    assert "left out: nobody has labelled it; predictions are no labels" in told(found)


def test_a_skipped_task_is_left_out(tmp_path: Path) -> None:
    assert "it was skipped" in told(studio([task({"result": [], "was_cancelled": True})], tmp_path))


def test_annotators_who_agree_make_one_answer(tmp_path: Path) -> None:
    found = studio([task({"result": RESULTS}, {"result": RESULTS, "completed_by": 2})], tmp_path)
    assert labels_of(found) == [LABELS]
    assert found.refused == ()


def test_annotators_who_differ_are_refused_unless_one_is_chosen(tmp_path: Path) -> None:
    second = {
        "result": [dict(RESULTS[0], value={"start": 0, "end": 15, "labels": ["RESULT"]})],
        "completed_by": {"id": 2, "email": "ben@example.com", "first_name": "", "last_name": ""},
    }
    rows = [task({"result": RESULTS}, second)]
    found = studio(rows, tmp_path)
    assert found.answers == ()
    assert len(found.refused) == 2
    assert "2 people (1, 2; lines 2, 2) label 4 words differently" in told(found)
    assert "ben@example.com" not in told(found)
    assert labels_of(studio(rows, tmp_path, annotator="2")) == [[(0, 15, "RESULT")]]
    rows[0]["annotations"][1]["ground_truth"] = True
    assert labels_of(studio(rows, tmp_path)) == [[(0, 15, "RESULT")]]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"type": "labels", "value": {"start": 0, "end": 8, "labels": []}}, "it has 0 labels; give it one"),
        (
            {"type": "labels", "value": {"start": 0, "end": 8, "labels": ["TASK", "ACTION"]}},
            "it has 2 labels",
        ),
        ({"type": "labels", "value": {"start": 0.5, "end": 8, "labels": ["TASK"]}}, "no labelled span"),
        ({"type": "labels"}, "no labelled span of a text"),
        ({"type": "hypertextlabels", "value": {"start": "/p[1]/text()[1]"}}, "label it as plain text"),
    ],
)
def test_results_that_are_no_spans_are_refused(result: dict[str, Any], reason: str, tmp_path: Path) -> None:
    found = studio([task({"result": [result, RESULTS[1]]})], tmp_path)
    assert found.answers == ()
    assert reason in told(found)


def test_results_of_other_controls_are_said_to_be_left_out(tmp_path: Path) -> None:
    choice = {
        "type": "choices",
        "value": {"choices": ["behavioural"]},
        "from_name": "kind",
        "to_name": "text",
    }
    found = studio([task({"result": [*RESULTS, choice]})], tmp_path)
    assert labels_of(found) == [LABELS]
    assert "note: a result of type choices is no labelled span and was left out" in told(found)


def test_the_text_may_have_another_name(tmp_path: Path) -> None:
    row = task({"result": RESULTS}, data={"transcript": TEXT})
    assert "no text under text or answer; name it with --text-key" in told(studio([row], tmp_path))
    assert labels_of(studio([row], tmp_path, text_key="transcript")) == [LABELS]


def test_brackets_without_end_are_no_json(tmp_path: Path) -> None:
    for name in ("label-studio", "doccano"):
        content = "[" * 100_000
        if name == "doccano":
            assert "the line is not JSON" in told(imported(name, content, tmp_path))
        else:
            with pytest.raises(UnreadableData, match="this is not JSON"):
                imported(name, content, tmp_path)


def test_label_studios_short_form_and_other_json_are_refused(tmp_path: Path) -> None:
    short = {"id": 1, "text": TEXT, "label": [{"start": 0, "end": 8, "labels": ["SITUATION"]}]}
    assert "no task of Label Studio's 'JSON' export: data (missing)" in told(studio([short], tmp_path))
    with pytest.raises(UnreadableData, match=r"team\.data:2: this is not JSON"):
        imported("label-studio", "[\n{]", tmp_path)


# --- DocBin ----------------------------------------------------------------------------------------------


def doc_bin(key: str) -> bytes:
    nlp = spacy.blank("en")
    found = DocBin()
    for text in (TEXT, "We sat."):
        doc = nlp.make_doc(text)
        places = LABELS if text == TEXT else [(0, 7, "Action")]
        spans = [doc.char_span(start, end, label=label) for start, end, label in places]
        doc.spans[key] = [span for span in spans if span is not None]
        found.add(doc)
    return found.to_bytes()


def test_spans_that_spacy_wrote_are_read_by_their_key(tmp_path: Path) -> None:
    found = imported("docbin", doc_bin("star"), tmp_path, Options(spans_key="star"))
    assert labels_of(found) == [LABELS, [(0, 7, "ACTION")]]
    assert [answer.id for answer in found.answers] == ["team-1", "team-2"]
    assert told(found) == "2: team-2: mended: span 0-7: the label 'Action' is read as ACTION"


def test_another_key_is_refused_with_the_keys_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableData, match=r"no document has spans\['sc'\]; there are star; use --spans-key"
    ):
        imported("docbin", doc_bin("star"), tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a bin", doc_bin("sc")[:-20]], ids=["empty", "text", "cut"])
def test_a_damaged_bin_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match="this is no DocBin"):
        imported("docbin", content, tmp_path)


def test_a_label_whose_name_the_file_lacks_is_unknown(tmp_path: Path) -> None:
    damaged = zlib.decompress(doc_bin("sc")).replace(b"SITUATION", b"SITUATOIN")
    found = imported("docbin", zlib.compress(damaged), tmp_path)
    assert "1: team-1: refused: span 0-8: the label of 0 characters is unknown" in told(found)
    assert labels_of(found) == [[(0, 7, "ACTION")]]


# --- CSV -------------------------------------------------------------------------------------------------


def test_rows_of_one_id_are_one_answer(tmp_path: Path) -> None:
    content = "id,question,answer,label\na,Why?,It died.,SITUATION\na,,It was old.,SITUATION\na,,I ran.,ACTION\nb,,We sat.,ACTION\n"
    found = imported("csv", content, tmp_path)
    first, second = found.answers
    assert (first.id, first.question, first.text) == ("a", "Why?", "It died. It was old. I ran.")
    assert labels_of(found) == [[(0, 20, "SITUATION"), (21, 27, "ACTION")], [(0, 7, "ACTION")]]
    assert (second.id, second.question, second.text) == ("b", None, "We sat.")
    assert found.messages == ()


@pytest.mark.parametrize(
    "content",
    [
        'ID;Answer;Label\na;"It died.";SITUATION\na;I ran.;ACTION\n',
        "\ufefflabel\tid\tanswer\r\nSITUATION\ta\tIt died.\r\nACTION\ta\tI ran.\r\n",
    ],
    ids=["semicolons", "tabs and a byte order mark"],
)
def test_columns_stand_in_any_order_and_between_what_spreadsheets_use(content: str, tmp_path: Path) -> None:
    assert labels_of(imported("csv", content, tmp_path)) == [LABELS]


def test_a_message_names_the_line_of_the_row(tmp_path: Path) -> None:
    content = 'id,question,answer,label\na,,"It died,\nthen.",SITUATION\na,,I ran.,Handlung\na,,Fine.,\n'
    found = imported("csv", content, tmp_path)
    assert "2: a: refused: line 4, span 15-21: the label 'Handlung' is unknown" in told(found)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (
            "a,Why?,It died.,SITUATION\na,How?,I ran.,ACTION\n",
            "line 3: the question is another one than in line 2",
        ),
        ("a,,It died.,SITUATION\na,, ,ACTION\n", "line 3: the cell 'answer' is empty"),
        (",,It died.,SITUATION\n", "line 2: the cell 'id' is empty"),
        ("a,,It died.,\na,,I ran.,ACTION\n", "2 words have no label, the first at 0"),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(rows: str, reason: str, tmp_path: Path) -> None:
    found = imported("csv", f"id,question,answer,label\n{rows}", tmp_path)
    assert found.answers == ()
    assert reason in told(found)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", ":1: the first line must name the columns"),
        ("text,label\nx,ACTION\n", ":1: the first line must name the columns"),
        ("id,answer,label,label\n", ":1: a column comes twice"),
        ("id,answer,label,mood\n", ":1: there are other columns than"),
        ("id,answer,label\na,It died, then.,ACTION\n", ":2: the row has 4 columns, the header 3"),
        ('id,answer,label\na,x,ACTION\nb,"It died.,ACTION\n', ":3: the row that begins here can't be read"),
        (b"id,answer,label\na,caf\xe9,ACTION\n", ":2: this is not UTF-8"),
    ],
)
def test_a_table_whose_rows_cannot_be_told_is_refused(
    content: str | bytes, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableData, match=reason):
        imported("csv", content, tmp_path)


def test_the_meta_cell_must_fit_its_rows(tmp_path: Path) -> None:
    rows = 'id,question,answer,label,meta\na,,It died.,SITUATION,"{""gaps"": ["""", """", """"]}"\n'
    assert "the cell 'meta' tells of other rows; empty it" in told(imported("csv", rows, tmp_path))
    assert "the cell 'meta' is not as exported" in told(
        imported("csv", rows.replace("gaps", "gap"), tmp_path)
    )


# --- Corrections -----------------------------------------------------------------------------------------


def correction(at: str, label: str = "ACTION", **fields: Any) -> dict[str, Any]:
    return {
        "id": "a-1",
        "question": None,
        "text": TEXT,
        "spans": [
            {"start": 0, "end": 8, "label": "SITUATION"},
            {"start": 9, "end": 15, "label": label},
        ],
        "findings": ["result.missing"],
        "meta": {"corrected_by": "coach-7", "corrected_at": at, "model": "star-1"},
        **fields,
    }


def test_the_newest_correction_of_an_answer_counts(tmp_path: Path) -> None:
    rows = lines(
        correction("2026-03-31T10:00:00+02:00", "RESULT"),
        correction("2026-03-31T09:00:00Z"),
        correction("2026-03-31T08:30:00Z", "TASK"),
    )
    found = imported("corrections", rows, tmp_path)
    assert labels_of(found) == [LABELS]
    assert [entry.line for entry in found.left_out] == [1, 3]
    (answer,) = found.answers
    assert answer.findings == ("result.missing",)
    assert answer.meta["corrected_by"] == "coach-7"
    assert answer.meta["corrected_at"] == "2026-03-31T09:00:00+00:00"
    assert answer.meta["model"] == "star-1"


@pytest.mark.parametrize(
    "meta", [{}, {"corrected_by": "c"}, {"corrected_by": "c", "corrected_at": "2026-03-31T09:00:00"}]
)
def test_a_correction_says_who_and_when(meta: dict[str, str], tmp_path: Path) -> None:
    found = imported("corrections", lines(correction("", meta=meta)), tmp_path)
    assert found.answers == ()
    assert "this is no correction: meta.corrected_" in told(found)
