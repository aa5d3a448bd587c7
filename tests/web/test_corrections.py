"""Corrections: kept where that is switched on, as labelled answers that training reads; else nothing is."""

from __future__ import annotations

import errno
import json
import logging
import multiprocessing
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from service.corrections import NotKept, choices, corrected, keep
from service.errors import InvalidRequest
from service.feedback.catalogue import Catalogue, known_findings, load_catalogue
from service.labels import Label, QuestionType
from service.schemas import CorrectionRequest, offset_unit
from training.corpus import GoldSpan, word_labels
from training.formats.corrections import CORRECTIONS
from training.formats.importing import Imported, import_labels
from training.formats.records import Options

from .conftest import MakeApp, assert_problem
from .test_canary import Canary

TEXT = "I led 😀 a team of four.\nWe shipped it two weeks early."
SPANS = [
    {"start": 0, "end": 23, "label": "TASK"},
    {"start": 24, "end": 54, "label": "RESULT"},
]
ASKED: dict[str, Any] = {
    "answer": TEXT,
    "question": "Tell me about a time you led.",
    "spans": SPANS,
    "findings": ["action.missing", "result.measured"],
    "corrected_by": "Coach Ø",
    "model": "star-1+0123456789ab",
}
CATALOGUE = load_catalogue()
NOW = datetime(2026, 5, 4, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "corrections.jsonl"


@pytest.fixture
def client(make_app: MakeApp, file: Path) -> FlaskClient:
    return make_app(corrections_file=str(file)).test_client()


def imported(file: Path) -> Imported:
    return import_labels(file, CORRECTIONS, Options())


def request_of(**changes: Any) -> CorrectionRequest:
    return CorrectionRequest.model_validate(ASKED | changes)


def test_a_correction_comes_back_from_the_file_as_it_was_sent(client: FlaskClient, file: Path) -> None:
    response = client.post("/v1/corrections", json=ASKED | {"question_type": "behavioural"})
    assert response.status_code == 200
    reply = response.json
    assert reply is not None
    found = imported(file)
    assert found.messages == (), "nothing was mended or refused"
    (answer,) = found.answers
    assert (answer.id, answer.text, answer.question) == (reply["id"], TEXT, ASKED["question"])
    assert [{"start": s.start, "end": s.end, "label": s.label.value} for s in answer.spans] == SPANS
    assert answer.question_type == "behavioural"
    assert list(answer.findings) == ASKED["findings"]
    assert answer.meta == {
        "corrected_by": "Coach Ø",
        "corrected_at": reply["corrected_at"],
        "model": ASKED["model"],
    }
    age = datetime.now(UTC) - datetime.fromisoformat(reply["corrected_at"])
    assert timedelta() <= age < timedelta(minutes=1)


def test_the_reply_says_nothing_of_the_answer(client: FlaskClient) -> None:
    response = client.post("/v1/corrections", json=ASKED)
    assert response.json is not None
    assert set(response.json) == {"status", "id", "corrected_at"}
    assert b"led" not in response.data


def test_the_file_is_its_owner_s_only(client: FlaskClient, file: Path) -> None:
    client.post("/v1/corrections", json=ASKED)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o644)
    client.post("/v1/corrections", json=ASKED)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_is_on_the_disk_before_the_reply(
    client: FlaskClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    client.post("/v1/corrections", json=ASKED)
    assert synced == [file.stat().st_ino, file.parent.stat().st_ino]


def test_switched_off_it_is_not_there_and_nothing_is_read_or_written(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = make_app().test_client()
    problem = assert_problem(client.post("/v1/corrections", json=ASKED), 404, "corrections_off")
    assert problem["detail"] == "corrections are switched off: this service keeps no answer"
    assert b"orrection" not in client.get("/").data
    assert list(tmp_path.iterdir()) == []


def test_it_is_served_nowhere(client: FlaskClient, file: Path) -> None:
    canary = Canary()
    text = f"{canary.text} was here"
    asked = {
        "answer": text,
        "corrected_by": canary.text,
        "spans": [{"start": 0, "end": len(text), "label": "OTHER"}],
    }
    assert client.post("/v1/corrections", json=asked).status_code == 200
    assert canary.is_in(file.read_bytes())
    assert_problem(client.get("/v1/corrections"), 405, "method_not_allowed")
    for path in ("/", "/metrics", "/openapi.json", "/version", f"/static/{file.name}", f"/{file.name}", str(file),
                 f"/v1/corrections/{file.name}", "/static/../" + file.name):  # fmt: skip
        assert not canary.is_in(client.get(path).data)


def test_what_is_logged_holds_nothing_of_it(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    canary = Canary()
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/corrections", json=ASKED | {"corrected_by": canary.text, "question": canary.text})
        client.post("/v1/corrections", json=ASKED | {"findings": [canary.text], canary.text: 1})
    events = [(record.getMessage(), record.__dict__["fields"]) for record in caplog.records]
    assert [event for event, _ in events] == ["correction_kept", "request", "request"]
    assert not canary.is_in(repr(events).encode())


#: name: (changes, (pointer, code) of each problem)
REFUSED: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "start inside a word": ({"spans": [SPANS[0], SPANS[1] | {"start": 25}]}, [("/spans/1/start", "not_on_word")]),
    "end inside a word": ({"spans": [SPANS[0] | {"end": 22}, SPANS[1]]}, [("/spans/0/end", "not_on_word")]),
    "white space at the edge": ({"spans": [SPANS[0] | {"end": 24}, SPANS[1]]}, [("/spans/0/end", "not_on_word")]),
    "outside the answer": ({"spans": [SPANS[0], SPANS[1] | {"end": 99}]}, [("/spans/1/end", "not_on_word")]),
    "end before start": (
        {"spans": [*SPANS, {"start": 24, "end": 5, "label": "TASK"}]}, [("/spans/2", "empty_span")],
    ),
    "overlap": ({"spans": [SPANS[0], {"start": 18, "end": 54, "label": "RESULT"}]}, [("/spans/1", "overlap")]),
    "twice": ({"spans": [*SPANS, SPANS[0]]}, [("/spans/2", "overlap")]),
    "a word left out": ({"spans": [SPANS[0], SPANS[1] | {"start": 27}]}, [("/spans", "uncovered_words")]),
    "only white space": (
        {"answer": " \n ", "spans": [{"start": 0, "end": 1, "label": "TASK"}]},
        [("/spans/0/start", "not_on_word"), ("/spans/0/end", "not_on_word"), ("/answer", "no_words")],
    ),
    "unknown finding": ({"findings": ["result.missing", "x.y"]}, [("/findings/1", "unknown_finding")]),
    "criterion without its state": (
        {"findings": ["criterion.salary.range"]}, [("/findings/0", "unknown_finding")],
    ),
    "finding twice": ({"findings": ["result.missing"] * 2}, [("/findings/1", "finding_twice")]),
    "everything at once": (
        {"findings": ["x"], "spans": [SPANS[0] | {"end": 4}, SPANS[1] | {"start": 25}]},
        [("/findings/0", "unknown_finding"), ("/spans/0/end", "not_on_word"), ("/spans/1/start", "not_on_word")],
    ),
    "unknown label": ({"spans": [SPANS[0] | {"label": "ST"}]}, [("/spans/0/label", "literal_error")]),
    "no span": ({"spans": []}, [("/spans", "too_short")]),
    "nobody": ({"corrected_by": " "}, [("/corrected_by", "string_pattern_mismatch")]),
    "no name": ({"corrected_by": None}, [("/corrected_by", "string_type")]),
    "negative": ({"spans": [SPANS[0] | {"start": -1}, SPANS[1]]}, [("/spans/0/start", "greater_than_equal")]),
    "text for a number": ({"spans": [SPANS[0] | {"start": "0"}]}, [("/spans/0/start", "int_type")]),
    "unknown field": ({"score": 5}, [("", "extra_forbidden")]),
    "unknown type": ({"question_type": "x"}, [("/question_type", "literal_error")]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_every_place(client: FlaskClient, file: Path, name: str) -> None:
    changes, expected = REFUSED[name]
    response = client.post("/v1/corrections", json=ASKED | changes)
    problem = assert_problem(response, 422)
    assert [(item["pointer"], item["code"]) for item in problem["errors"]] == expected
    assert not file.exists()


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8"])
def test_offsets_count_in_the_unit_that_is_named(client: FlaskClient, file: Path, encoding: Any) -> None:
    unit = offset_unit(TEXT, encoding)
    spans = [span | {"start": unit(span["start"]), "end": unit(span["end"])} for span in SPANS]  # type: ignore[arg-type]
    response = client.post("/v1/corrections", json=ASKED | {"spans": spans, "offset_encoding": encoding})
    assert response.status_code == 200
    (answer,) = imported(file).answers
    assert [(span.start, span.end) for span in answer.spans] == [(0, 23), (24, 54)]


def test_neighbours_of_one_label_are_one_span_in_any_order(client: FlaskClient, file: Path) -> None:
    words = [(0, 5), (6, 7), (8, 9), (10, 14), (15, 17), (18, 23)]
    spans = [{"start": start, "end": end, "label": "TASK"} for start, end in words]
    assert client.post("/v1/corrections", json=ASKED | {"spans": [SPANS[1], *spans[::-1]]}).status_code == 200
    (answer,) = imported(file).answers
    assert [(span.start, span.end, span.label) for span in answer.spans] == [
        (0, 23, Label.TASK),
        (24, 54, Label.RESULT),
    ]


def test_of_corrections_of_one_answer_the_newest_counts(catalogue: Catalogue, file: Path) -> None:
    for minutes, label in ((0, "TASK"), (2, "ACTION"), (1, "OTHER")):
        asked = request_of(spans=[SPANS[0] | {"label": label}, SPANS[1]])
        keep(file, corrected(asked, catalogue, at=NOW + timedelta(minutes=minutes)).line())
    other = corrected(request_of(question="Another question?"), catalogue, at=NOW)
    keep(file, other.line())
    found = imported(file)
    assert [answer.spans[0].label for answer in found.answers] == [Label.ACTION, Label.TASK]
    assert [entry.line for entry in found.left_out] == [1, 3]
    assert found.refused == ()


@given(st.text(alphabet="ab.,é😀 \t\n\x1c\x85\u00a0\u2028\ufeff\u200b", min_size=1), st.data())
def test_any_labelling_of_the_words_comes_back(text: str, data: st.DataObject) -> None:
    words = [(start, end) for start, end, _ in word_labels(text, [])]
    labels = data.draw(st.lists(st.sampled_from(Label), min_size=len(words), max_size=len(words)))
    unit = offset_unit(text, "utf-16")
    spans = [
        {"start": unit(start), "end": unit(end), "label": label.value}
        for (start, end), label in zip(words, labels, strict=True)
    ]
    assume(spans)
    asked = request_of(answer=text, spans=spans, offset_encoding="utf-16")
    made = corrected(asked, CATALOGUE, at=NOW)
    back = word_labels(text, [GoldSpan(start, end, label) for start, end, label in made.spans])
    assert [label for _, _, label in back] == labels
    assert json.loads(made.line())["text"] == text
    assert made.line().count(b"\n") == 1


def test_a_torn_line_spoils_no_other(file: Path, catalogue: Catalogue) -> None:
    line = corrected(request_of(), catalogue, at=NOW).line()
    keep(file, line)
    with file.open("ab") as torn:
        torn.write(line[: len(line) // 2])
    keep(file, corrected(request_of(question=None), catalogue, at=NOW).line())
    found = imported(file)
    assert len(found.answers) == 2
    assert [entry.line for entry in found.refused] == [2]


def test_a_full_disk_leaves_no_half_of_a_line(
    client: FlaskClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/v1/corrections", json=ASKED)
    before = file.read_bytes()
    real = os.write
    calls: list[int] = []

    def write(descriptor: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data[:40])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        problem = assert_problem(client.post("/v1/corrections", json=ASKED), 503, "corrections_unavailable")
    assert problem["detail"] == "corrections can't be kept just now: No space left on device"
    assert len(calls) == 2
    assert file.read_bytes() == before
    assert client.post("/v1/corrections", json=ASKED).status_code == 200


@pytest.mark.parametrize("kind", ["link", "folder", "fifo", "parent is a file"])
def test_what_is_no_file_is_not_written_to(file: Path, kind: str) -> None:
    file.parent.mkdir()
    target = file.parent / "target"
    if kind == "link":
        target.touch()
        file.symlink_to(target)
    elif kind == "folder":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    else:
        target.touch()
        file = target / "corrections.jsonl"
    with pytest.raises(NotKept, match="can't be kept just now") as refusal:
        keep(file, b"{}\n")
    assert str(file) not in str(refusal.value)
    assert not target.exists() or target.read_bytes() == b""


def _keep_many(file: Path, mark: str) -> None:
    for number in range(50):
        keep(file, json.dumps({"of": mark, "number": number, "text": mark * 9_000}).encode() + b"\n")


def test_processes_take_turns(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_keep_many, args=(file, mark)) for mark in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert len(rows) == 150
    for mark in "abc":
        assert [row["number"] for row in rows if row["of"] == mark] == list(range(50))


def test_choices_are_the_findings_that_may_be_named(catalogue: Catalogue) -> None:
    found = choices(catalogue)
    assert {choice.id for choice in found} == known_findings(catalogue)
    assert all(choice.text and "{" not in choice.text for choice in found)
    behavioural = {choice.id for choice in found if QuestionType.BEHAVIOURAL in choice.types}
    assert "result.missing" in behavioural
    assert "criterion.salary.range:met" not in behavioural


def test_the_page_offers_them_where_corrections_are_taken(client: FlaskClient, catalogue: Catalogue) -> None:
    page = client.get("/").get_data(as_text=True)
    for choice in choices(catalogue):
        assert f'value="{choice.id}"' in page


def test_problems_hold_no_words_of_the_answer(catalogue: Catalogue) -> None:
    canary = Canary()
    asked = request_of(
        answer=canary.text, findings=[canary.text], spans=[{"start": 1, "end": 2, "label": "TASK"}]
    )
    with pytest.raises(InvalidRequest) as refusal:
        corrected(asked, catalogue, at=NOW)
    assert not canary.is_in(repr((refusal.value.detail, refusal.value.problems)).encode())


def test_the_published_document_is_true_of_it(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document is not None
    operation = document["paths"]["/v1/corrections"]["post"]
    assert {"200", "404", "413", "422", "429", "503"} <= set(operation["responses"])
    example = operation["requestBody"]["content"]["application/json"]["examples"]["example"]["value"]
    response = client.post("/v1/corrections", json=example)
    assert response.status_code == 200
    schema = {**document["components"]["schemas"]["CorrectionReply"], "components": document["components"]}
    Draft202012Validator(schema).validate(response.json)
