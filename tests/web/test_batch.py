"""Many answers in one request: a line for each row in order, then the summary; nothing held, nothing lost."""

from __future__ import annotations

import csv
import http.client
import io
import json
import logging
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from service.errors import InvalidRequest, ModelRefused, Problem
from service.settings import Settings
from tests.batch.broken import FILES, Bad, Refused
from tests.batch.conftest import answers, jsonl
from tests.batch.fakes import ObedientReviewer

from .conftest import MakeApp, assert_problem, strict_loads
from .fakes import ANSWER, FakeReviewer
from .test_canary import Canary
from .test_gunicorn import FAKE, Server, running

PATH = "/v1/feedback/batch"
NDJSON = "application/x-ndjson"
MEDIA = {"csv": "text/csv", "jsonl": NDJSON}


def post(client: FlaskClient, body: bytes, media_type: str = NDJSON) -> TestResponse:
    return client.post(PATH, data=body, content_type=media_type)


def lines_of(response: TestResponse) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the lines for the rows, and the summary, which must add up."""
    assert response.status_code == 200, response.data
    assert response.content_type == NDJSON
    assert response.data.endswith(b"\n")
    *rows, last = (strict_loads(line) for line in response.data[:-1].split(b"\n"))
    assert list(last) == ["summary"]
    summary = last["summary"]
    assert list(summary) == ["rows", "scored", "abstained", "errors", "seconds"]
    counts = Counter("error" if "error" in row else row["status"] for row in rows)
    assert summary["rows"] == len(rows) == summary["scored"] + summary["abstained"] + summary["errors"]
    assert (summary["scored"], summary["abstained"], summary["errors"]) == (
        counts["scored"],
        counts["abstained"],
        counts["error"],
    )
    return rows, summary


@pytest.fixture
def obedient(make_app: MakeApp) -> FlaskClient:
    """Talk to an application whose reviewer does what the answers say."""
    return make_app(ObedientReviewer()).test_client()


def test_each_line_is_the_reply_to_the_single_request(obedient: FlaskClient) -> None:
    response = post(obedient, jsonl(answers(30)))
    rows, summary = lines_of(response)
    assert summary["rows"] == 30
    for number, (text, line) in enumerate(
        zip(answers(30), response.data.split(b"\n"), strict=False), start=1
    ):
        alone = obedient.post("/v1/feedback", json={"answer": text, "id": f"r{number}"})
        if alone.status_code == 200:
            assert line == alone.data
        else:
            assert rows[number - 1]["row"] == number
            assert rows[number - 1]["id"] == f"r{number}"
            assert rows[number - 1]["error"]["status"] == alone.status_code
    assert {row["error"]["status"] for row in rows if "error" in row} == {413, 500, 503}


def test_csv_and_ndjson_give_the_same(obedient: FlaskClient) -> None:
    table = io.StringIO(newline="")
    csv.writer(table).writerows(
        [("Id", "ANSWER"), *((f"r{number}", text) for number, text in enumerate(answers(20), start=1))]
    )
    of_csv = lines_of(post(obedient, table.getvalue().encode(), "text/csv; charset=utf-8"))[0]
    assert of_csv == lines_of(post(obedient, jsonl(answers(20))))[0]


@pytest.mark.parametrize(
    ("name", "media_type", "body"),
    [
        ("answers.csv", "application/vnd.ms-excel", b"answer\nI led.\n"),
        ("ANSWERS.CSV", "application/octet-stream", b"answer\nI led.\n"),
        ("answers.jsonl", "text/plain", b'{"answer":"I led."}\n'),
        ("answers.ndjson", NDJSON, b'{"answer":"I led."}\n'),
        ("answers", "text/csv", b"answer\nI led.\n"),
        ("../../etc/answers.csv", "text/csv", b"answer\nI led.\n"),
        ("a\u202e<img onerror=alert(1)>.csv", "text/csv", b"answer\nI led.\n"),
        ("C" * 5_000 + ".csv", "text/csv", b"answer\nI led.\n"),
        ("CON.csv", "text/csv", b"answer\nI led.\n"),
    ],
)
def test_a_form_may_hold_either(obedient: FlaskClient, name: str, media_type: str, body: bytes) -> None:
    response = obedient.post(PATH, data={"file": (io.BytesIO(body), name, media_type)})
    assert lines_of(response)[1]["scored"] == 1


def _form(*parts: tuple[str, str]) -> bytes:
    return "".join(
        f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n" for head, body in parts
    ).encode()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "one_file"),
        (b"--b--\r\n", 422, "one_file"),
        (b"secret", 400, "broken_form"),
        (_form(('name="f"; filename="a.csv"', "answer\nsecret")), 400, "broken_form"),
        (_form(('name="f"', "answer\nsecret")) + b"--b--", 422, "one_file"),
        (_form(*[('name="f"; filename="a.csv"', "answer\nsecret")] * 2) + b"--b--", 422, "one_file"),
        (_form(('name="f"; filename="a.csv"', "answer\nsecret"), ('name="x"', "y")) + b"--b--", 422, "one_file"),
        (_form(*[('name="f"; filename="a.csv"', "answer\nsecret")] * 1_500) + b"--b--", 400, "broken_form"),
        (_form(('name="f"', "secret" * 100_000)) + b"--b--", 400, "broken_form"),
        (_form(('name="f"; filename="a.pdf"', "secret")) + b"--b--", 415, "unsupported_media_type"),
        (_form(('name="f"; filename="secret"', "secret")) + b"--b--", 415, "unsupported_media_type"),
        (b"\r\n" * 100_000, 400, "broken_form"),
    ],
)  # fmt: skip
def test_another_form_is_refused(obedient: FlaskClient, body: bytes, status: int, code: str) -> None:
    response = post(obedient, body, "multipart/form-data; boundary=b")
    assert_problem(response, status, code)
    assert b"secret" not in response.data


@pytest.mark.parametrize(
    "media_type", ["multipart/form-data", "multipart/form-data; boundary=é", "multipart/form-data; boundary="]
)
def test_a_form_needs_its_boundary(obedient: FlaskClient, media_type: str) -> None:
    assert_problem(post(obedient, b"--b--", media_type), 400, "broken_form")


@pytest.mark.parametrize(
    ("media_type", "headers", "code"),
    [
        ("application/json", {}, "unsupported_media_type"),
        ("text/plain", {}, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", {}, "unsupported_media_type"),
        ("text/csv; charset=cp1252", {}, "unsupported_charset"),
        ("text/csv", {"Content-Encoding": "gzip"}, "unsupported_encoding"),
    ],
)
def test_other_kinds_of_body_are_unsupported(
    client: FlaskClient, media_type: str, headers: dict[str, str], code: str
) -> None:
    response = client.post(PATH, data=b"answer\nI led.", content_type=media_type, headers=headers)
    assert_problem(response, 415, code)


@pytest.mark.parametrize("name", FILES)
def test_every_broken_file_is_refused_or_wholly_accounted_for(obedient: FlaskClient, name: str) -> None:
    file = FILES[name]
    response = post(obedient, file.body, MEDIA[file.media])
    if isinstance(file.comes, Refused):
        status = 413 if file.comes.code in ("row_too_long", "cell_too_long") else 400
        problem = assert_problem(response, status, file.comes.code)
        assert problem["detail"].startswith(f"line {file.comes.line}, column {file.comes.column}: ")
        return
    rows, _ = lines_of(response)
    assert len(rows) == len(file.comes)
    for row, expected in zip(rows, file.comes, strict=True):
        if isinstance(expected, Bad):
            assert row["error"]["errors"][0]["code"] == expected.code
        else:
            assert row["status"] == "scored"


def test_too_large_or_too_many_is_refused_and_says_what_to_do(make_app: MakeApp) -> None:
    client = make_app(max_upload_bytes=1_000, max_batch_rows=10).test_client()
    assert lines_of(post(client, jsonl(["a"] * 10)))[1]["rows"] == 10
    for body, code in ((jsonl(["a"] * 11), "too_many_rows"), (jsonl(["a" * 1_000]), "body_too_large")):
        problem = assert_problem(post(client, body), 413, code)
        assert "use the command line" in problem["detail"]
    rows = b"answer\n" + b"a\n" * 11
    assert_problem(post(client, rows, "text/csv"), 413, "too_many_rows")


def test_a_batch_may_be_larger_than_a_single_request(obedient: FlaskClient) -> None:
    assert Settings().max_upload_bytes > 8 * Settings().max_body_bytes
    rows, _ = lines_of(post(obedient, jsonl(["I led. " * 2_000] * 40)))
    assert {row["status"] for row in rows} == {"scored"}


def test_without_a_model_it_is_unavailable(make_app: MakeApp) -> None:
    assert_problem(post(make_app(ModelRefused("no model")).test_client(), jsonl(["a"])), 503, "not_ready")


def test_keys_are_asked_for(make_app: MakeApp) -> None:
    assert_problem(post(make_app(api_key_digests="0" * 64).test_client(), jsonl(["a"])), 401)


def test_bytes_and_requests_count_towards_the_rate(make_app: MakeApp) -> None:
    client = make_app(rate_requests=2).test_client()
    for _ in range(2):
        assert post(client, jsonl(["a"])).status_code == 200
    assert_problem(post(client, jsonl(["a"])), 429, "rate_exceeded")
    client = make_app(rate_bytes=100).test_client()
    assert post(client, jsonl(["a" * 500])).status_code == 200
    assert_problem(post(client, jsonl(["a"])), 429, "rate_exceeded")


def test_lines_come_as_they_are_ready(make_app: MakeApp) -> None:
    reviewer = FakeReviewer()
    client = make_app(reviewer).test_client()
    response = client.post(PATH, data=jsonl(["a"] * 50), content_type=NDJSON, buffered=False)
    stream = response.iter_encoded()
    for number in range(1, 11):
        strict_loads(next(stream))
        assert reviewer.reviewed <= number + 1
    response.close()
    assert reviewer.reviewed < 20, "nobody listens any more"


def test_only_so_many_batches_at_once_and_a_place_is_given_back(make_app: MakeApp) -> None:
    client = make_app(max_batches=2).test_client()
    open_ones = [
        client.post(PATH, data=jsonl(["a"] * 3), content_type=NDJSON, buffered=False) for _ in range(2)
    ]
    refused = post(client, jsonl(["a"]))
    assert_problem(refused, 429, "batches_full")
    assert client.post("/v1/feedback", json={"answer": "a"}).status_code == 200
    for response in open_ones:
        response.close()
    # One that is refused for what it holds gives its place back too.
    for _ in range(5):
        assert post(client, b"").status_code == 400
    assert lines_of(post(client, jsonl(["a"] * 3)))[1]["rows"] == 3


def test_single_answers_get_through_between_rows(make_app: MakeApp) -> None:
    app = make_app(FakeReviewer(seconds=0.02), waiting_line=2)
    with ThreadPoolExecutor(4) as threads:
        batch = threads.submit(lambda: lines_of(post(app.test_client(), jsonl(["a"] * 40)))[1])
        singles = []
        while not batch.done():
            began = time.monotonic()
            status = app.test_client().post("/v1/feedback", json={"answer": ANSWER}).status_code
            singles.append((status, time.monotonic() - began))
    assert len(singles) >= 10
    assert {status for status, _ in singles} == {200}
    assert batch.result()["scored"] == 40


def test_a_row_waits_where_the_line_is_full_and_says_so_if_it_never_empties(make_app: MakeApp) -> None:
    app = make_app(FakeReviewer(seconds=0.3), waiting_line=0)
    with ThreadPoolExecutor(2) as threads:
        single = threads.submit(app.test_client().post, "/v1/feedback", json={"answer": ANSWER})
        time.sleep(0.1)
        assert lines_of(post(app.test_client(), jsonl(["a"])))[1]["scored"] == 1
        assert single.result().status_code == 200
    app = make_app(FakeReviewer(seconds=0.4), waiting_line=0, deadline=0.5)
    block = threading.Event()
    with ThreadPoolExecutor(2) as threads:

        def occupy() -> None:
            while not block.is_set():
                app.test_client().post("/v1/feedback", json={"answer": ANSWER})

        others = [threads.submit(occupy) for _ in range(2)]
        time.sleep(0.05)
        rows, summary = lines_of(post(app.test_client(), jsonl(["a"])))
        block.set()
        for other in others:
            other.result()
    assert summary["rows"] == 1
    assert summary["scored"] or rows[0]["error"]["status"] in (429, 503)


def test_each_row_has_a_deadline_of_its_own(make_app: MakeApp) -> None:
    client = make_app(FakeReviewer(seconds=0.06), deadline=0.3).test_client()
    assert lines_of(post(client, jsonl(["a"] * 8)))[1]["scored"] == 8
    client = make_app(FakeReviewer(seconds=5), deadline=0.1).test_client()
    rows, _ = lines_of(post(client, jsonl(["a"] * 2)))
    assert [row["error"]["errors"][0]["code"] for row in rows] == ["deadline", "deadline"]
    assert [row["row"] for row in rows] == [1, 2]


def test_answers_and_stages_are_counted(obedient: FlaskClient) -> None:
    lines_of(post(obedient, jsonl(["I led.", "NOTHING", "TOKENS", "I led."])))
    found = obedient.get("/metrics").text
    assert 'star_feedback_answers_total{question_type="behavioural",status="scored"} 2.0' in found
    assert 'star_feedback_answers_total{question_type="behavioural",status="abstained"} 1.0' in found
    assert f'star_feedback_requests_total{{route="{PATH}",status="2xx"}} 1.0' in found
    assert 'star_feedback_stage_seconds_count{stage="review"} 4.0' in found


def test_a_batch_is_logged_by_numbers_only(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    client = make_app(ObedientReviewer()).test_client()
    with caplog.at_level(logging.INFO):
        response = client.post(
            PATH, data=jsonl(["I led.", "FAULT"]), content_type=NDJSON, headers={"X-Request-Id": "b-1"}
        )
        lines_of(response)
    events = [record for record in caplog.records if record.name == "service.web"]
    assert [event.getMessage() for event in events] == ["request", "batch"]
    request, batch = (event.__dict__["fields"] for event in events)
    assert (request["route"], request["status"], request["id"]) == (PATH, 200, "b-1")
    assert request["bytes_in"] == len(jsonl(["I led.", "FAULT"]))
    assert {name: batch[name] for name in ("id", "rows", "scored", "abstained", "errors")} == {
        "id": "b-1", "rows": 2, "scored": 1, "abstained": 0, "errors": 1,
    }  # fmt: skip


def test_a_canary_is_in_no_log_no_error_no_metric_and_no_file(
    make_app: MakeApp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    canary = Canary()
    text = canary.text
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made: list[object] = []
    opened = os.open

    def watched(path: Any, *arguments: Any, **options: Any) -> int:
        made.append(path)
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", watched)
    client = make_app(ObedientReviewer()).test_client()
    words = ("a", "NOTHING", "TOKENS", "FAULT", "LATE", "a" * 20_001)
    rows = jsonl([f"{text} {word}" for word in words]) + f'{text}\n{{"{text}":NaN}}\n'.encode()
    large = f"answer,{text}\r\n".encode() + f"{text * 30},{text}\r\n".encode() * 2_000
    bodies = [
        (rows, NDJSON),
        (f"answer\n{text}\n{text},{text}\n".encode(), "text/csv"),
        (f'answer\n"{text}\n'.encode(), "text/csv"),
        (f"{text}\n{text}\n".encode(), "text/csv"),
        (f"answer\n{text}\xff".encode("latin-1"), "text/csv"),
        (large, "text/csv"),
    ]
    with caplog.at_level(logging.DEBUG):
        for body, media_type in bodies:
            name = f"{text}.{'csv' if media_type == 'text/csv' else 'jsonl'}"
            # Not with the test client's own form, which would use a temporary file.
            head = f'--b\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'
            form = head.encode() + body + b"\r\n--b--"
            alone, formed = (
                post(client, body, media_type),
                post(client, form, "multipart/form-data; boundary=b"),
            )
            assert alone.status_code == formed.status_code
            for response in (alone, formed):
                if response.status_code == 200:
                    errors = [line for line in response.data.split(b"\n") if b'"error"' in line]
                    assert errors
                    assert not canary.is_in(b"".join(errors))
                elif b"unknown_column" not in response.data:
                    # An unknown column beside known ones is told by its name.
                    assert not canary.is_in(response.data), response.data
        metrics = client.get("/metrics").data
    out, err = capfd.readouterr()
    for found in (caplog.text, out, err, *(repr(record.__dict__) for record in caplog.records)):
        assert not canary.is_in(found.encode())
    assert not canary.is_in(metrics)
    assert list(tmp_path.iterdir()) == []
    assert not [path for path in made if str(path).startswith(str(tmp_path))]


def test_the_document_describes_the_lines(make_app: MakeApp) -> None:
    client = make_app(ObedientReviewer()).test_client()
    document = client.get("/openapi.json").json
    assert document is not None
    operation = document["paths"][PATH]["post"]
    content = operation["responses"]["200"]["content"][NDJSON]["schema"]
    schema = Draft202012Validator({**content, "components": document["components"]})
    response = post(client, jsonl([*answers(10), ""]))
    for line in response.data[:-1].split(b"\n"):
        schema.validate(strict_loads(line))
    wrong_lines: list[dict[str, object]] = [
        {},
        {"row": 1},
        {"row": 1, "id": None, "error": {}},
        {"summary": {"rows": 1}},
    ]
    for wrong in wrong_lines:
        assert not schema.is_valid(wrong)
    assert set(operation["requestBody"]["content"]) == {NDJSON, "text/csv", "multipart/form-data"}
    assert {"413", "415", "422", "429", "503"} < set(operation["responses"])
    for media_type in (NDJSON, "text/csv"):
        example = operation["requestBody"]["content"][media_type]["examples"]["example"]["value"]
        body = example if isinstance(example, str) else json.dumps(example)
        assert lines_of(post(client, body.encode(), media_type))[1]["scored"] == 1


def test_a_refusal_by_the_reviewer_is_the_rows(make_app: MakeApp) -> None:
    refusing = FakeReviewer(
        failure=InvalidRequest(413, "too many", (Problem("/answer", "too_many_tokens", "too many"),))
    )
    rows, summary = lines_of(post(make_app(refusing).test_client(), jsonl(["a", "b"])))
    assert summary["errors"] == 2
    alone = make_app(refusing).test_client().post("/v1/feedback", json={"answer": "a"})
    assert rows[0]["error"] == alone.json


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a real server whose deadline is far shorter than a batch."""
    folder = tmp_path_factory.mktemp("server")
    with running(
        folder, FAKE, workers=1, deadline=1, rate_requests=0, rate_bytes=0, _seconds=0.05
    ) as started:
        yield started


def test_a_real_server_streams_beyond_the_deadline_and_answers_others(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    began = time.monotonic()
    connection.request("POST", PATH, jsonl(["a"] * 60), {"Content-Type": NDJSON})
    response = connection.getresponse()
    first = response.readline()
    first_after = time.monotonic() - began
    statuses = [server.ask("POST", "/v1/feedback", {"answer": ANSWER})[0] for _ in range(5)]
    health = server.ask("GET", "/healthz")[0]
    rest = response.read()
    whole = time.monotonic() - began
    connection.close()
    assert (response.status, response.headers["Transfer-Encoding"]) == (200, "chunked")
    lines = (first + rest)[:-1].split(b"\n")
    assert [strict_loads(line)["status"] for line in lines[:-1]] == ["scored"] * 60
    assert strict_loads(lines[-1])["summary"]["rows"] == 60
    assert statuses == [200] * 5
    assert health == 200
    assert whole > 2, "longer than the deadline"
    assert first_after < whole / 3


def test_a_client_that_goes_leaves_its_place_to_others(server: Server) -> None:
    for _ in range(2 * Settings().max_batches):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", PATH, jsonl(["a" * 10_000] * 30), {"Content-Type": NDJSON})
        response = connection.getresponse()
        assert response.status in (200, 429)
        connection.close()
        response.close()
    latest = time.monotonic() + 20
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", PATH, jsonl(["a"]), {"Content-Type": NDJSON})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status == 200:
            break
        assert time.monotonic() < latest, "a place was never given back"
        time.sleep(0.1)
    assert b'"summary"' in body
