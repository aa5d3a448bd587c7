"""Jobs over HTTP: taken in, followed, handed out, erased; to whom they belong and to nobody else."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import html5lib
import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from service.jobs.store import open_store
from service.settings import Settings
from service.web.app import create_app
from tests.batch.conftest import answers, jsonl
from tests.jobs.uploads import expected
from tests.jobs.working import work_off

from .conftest import SETTINGS, assert_problem, strict_loads
from .fakes import FakeReviewer
from .test_canary import Canary

NDJSON = {"content_type": "application/x-ndjson"}
CSV = "client,date,attempt,question,answer\r\n" + "".join(
    f'{client},2026-03-{day:02},1,Tell me about a time.,"I led team {client} on day {day}."\r\n'
    for client in ("Ann", "Bob")
    for day in (1, 2, 3)
)
NO_JOB = "0" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(SETTINGS, jobs_dir=str(tmp_path / "jobs"))


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings, FakeReviewer())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def send(client: FlaskClient, body: bytes | str = CSV, **options: Any) -> dict[str, Any]:
    """Send a file as a job; return what is told of it."""
    response = client.post("/v1/jobs", data=body, **({"content_type": "text/csv"} | options))
    assert response.status_code == 202, response.data
    assert response.content_type == "application/json"
    told = dict(strict_loads(response.data))
    assert response.headers["Location"] == told["url"]
    return told


def state(client: FlaskClient, url: str) -> dict[str, Any]:
    response = client.get(url)
    assert response.status_code == 200
    return dict(strict_loads(response.data))


def test_a_job_from_its_upload_to_its_deletion(client: FlaskClient, settings: Settings) -> None:
    told = send(client, jsonl(answers(20)), **NDJSON)
    assert (told["state"], told["rows"], told["results"], told["reports"]) == ("queued", 20, None, None)
    assert told["url"] == f"/v1/jobs/{told['id']}"
    assert_problem(client.get(f"{told['url']}/results"), 409, "not_done")
    assert_problem(client.get(f"{told['url']}/reports.zip"), 409, "not_done")
    assert work_off(settings) == ["job"]
    done = state(client, told["url"])
    assert done["state"] == "done"
    assert done["scored"] + done["abstained"] + done["errors"] == done["rows"] == 20
    assert done["seconds"] >= 0
    with client.get(done["results"]) as response:
        assert response.content_type == "application/x-ndjson"
        assert response.headers["Content-Disposition"] == 'attachment; filename="results.jsonl"'
        assert response.data.splitlines() == expected(20)
    assert client.delete(told["url"]).json == {"id": told["id"], "rows": 20, "off_disk": True}
    assert_problem(client.get(told["url"]), 404, "no_such_job")
    assert_problem(client.delete(told["url"]), 404, "no_such_job")


def test_results_are_what_single_requests_get(client: FlaskClient, settings: Settings) -> None:
    asked = {"answer": "I led 😀 a team.", "question_type": "salary", "id": "a", "offset_encoding": "utf-16"}
    told = send(client, json.dumps(asked), **NDJSON)
    work_off(settings)
    with client.get(f"{told['url']}/results") as response:
        assert response.data == client.post("/v1/feedback", json=asked).data + b"\n"


def test_tables_and_reports(client: FlaskClient, settings: Settings) -> None:
    told = send(client)
    work_off(settings)
    with client.get(f"{told['url']}/results?format=csv") as response:
        assert response.content_type == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(response.get_data(as_text=True), newline="")))
    assert [row["client"] for row in rows] == ["Ann"] * 3 + ["Bob"] * 3
    with client.get(f"{told['url']}/results?format=xlsx") as response:
        assert response.content_length == len(response.data)
        sheet = openpyxl.load_workbook(io.BytesIO(response.data)).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]][2] == "Ann"
    with client.get(f"{told['url']}/reports.zip") as response:
        assert response.content_type == "application/zip"
        assert response.headers["Content-Disposition"] == 'attachment; filename="reports.zip"'
        archive = zipfile.ZipFile(io.BytesIO(response.data))
        again = client.get(f"{told['url']}/reports.zip")
        assert again.data == response.data, "equal reports are equal bytes"
        again.close()
    assert archive.testzip() is None
    names = set(archive.namelist())
    pages = {
        "index.html",
        "client-001.html",
        "client-002.html",
        "figures.csv",
        "figures.xlsx",
        "orders/gap.html",
    }
    assert {f"reports/{name}" for name in pages} <= names
    assert "on day 2." in archive.read("reports/client-001.html").decode()
    assert "fake+1" in archive.read("reports/index.html").decode()
    assert [path for path in Path(settings.jobs_dir).iterdir() if path.is_dir()] == []


def test_a_file_without_rows_is_done_and_handed_out(client: FlaskClient, settings: Settings) -> None:
    told = send(client, "answer\r\n")
    work_off(settings)
    assert state(client, told["url"])["state"] == "done"
    for path in ("results", "results?format=csv", "results?format=xlsx", "reports.zip"):
        with client.get(f"{told['url']}/{path}") as response:
            assert response.status_code == 200


def test_another_format_is_refused(client: FlaskClient, settings: Settings) -> None:
    told = send(client)
    work_off(settings)
    for name in ("pdf", "", "JSONL", "../etc"):
        assert_problem(
            client.get(f"{told['url']}/results", query_string={"format": name}), 400, "unknown_format"
        )


def test_a_form_with_one_file_is_taken(client: FlaskClient) -> None:
    form = {"file": (io.BytesIO(CSV.encode()), "../../my answers.CSV")}
    response = client.post("/v1/jobs", data=form)
    assert response.status_code == 202
    assert response.json is not None
    assert response.json["rows"] == 6


@pytest.mark.parametrize(
    ("body", "options", "status", "code"),
    [
        (b"{}", {"content_type": "application/json"}, 415, "unsupported_media_type"),
        (b"x", {"content_type": "text/csv; charset=latin-1"}, 415, "unsupported_charset"),
        (b"", {"content_type": "text/csv"}, 400, "empty_file"),
        (b"id\r\n1\r\n", {"content_type": "text/csv"}, 400, "no_answer_column"),
        (b'answer\r\n"open', {"content_type": "text/csv"}, 400, "unclosed_quote"),
        (b"answer\r\n" + b"a\r\n" * 11, {"content_type": "text/csv"}, 413, "too_many_rows"),
        (b"answer\r\n" + b"a" * 3_000, {"content_type": "text/csv"}, 413, "body_too_large"),
    ],
)
def test_what_is_no_file_of_answers_is_no_job(
    settings: Settings, body: bytes, options: dict[str, str], status: int, code: str
) -> None:
    small = replace(settings, max_batch_rows=10, max_upload_bytes=2_000)
    client = create_app(small, FakeReviewer()).test_client()
    assert_problem(client.post("/v1/jobs", data=body, **options), status, code)
    assert work_off(small) == []


def test_a_bad_row_is_in_error_and_the_others_are_not(client: FlaskClient, settings: Settings) -> None:
    told = send(client, b'{"answer": "a"}\n{"answer": 1}\n{broken\n{"answer": "b"}\n', **NDJSON)
    work_off(settings)
    done = state(client, told["url"])
    assert (done["scored"], done["errors"]) == (2, 2)


def test_the_same_file_twice_is_one_job(client: FlaskClient, settings: Settings) -> None:
    first = send(client)
    assert send(client)["id"] == first["id"]
    form = {"file": (io.BytesIO(CSV.encode()), "a.csv")}
    assert client.post("/v1/jobs", data=form).json == first, "however it is sent"
    work_off(settings)
    assert send(client)["state"] == "done"
    client.delete(first["url"])
    assert send(client)["id"] != first["id"]


def test_a_key_makes_fifty_uploads_at_once_one_job(app: Flask, settings: Settings) -> None:
    headers = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
    body = jsonl(answers(5))

    def post(_: int) -> bytes:
        client = app.test_client()
        response = client.post("/v1/jobs", data=body, headers=headers, **NDJSON)
        # Only so many files are read at once; who is told to, comes again.
        while response.status_code == 429:
            response = client.post("/v1/jobs", data=body, headers=headers, **NDJSON)
        return bytes(response.data)

    with ThreadPoolExecutor(10) as threads:
        replies = set(threads.map(post, range(50)))
    assert len(replies) == 1
    assert work_off(settings) == ["job"]


def test_a_key_for_another_file_is_refused(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first = send(client, headers=headers)
    assert_problem(
        client.post("/v1/jobs", data=b"answer\r\nother\r\n", content_type="text/csv", headers=headers),
        422,
        "idempotency_key_reused",
    )
    assert send(client, headers={"Idempotency-Key": "two"})["id"] != first["id"]


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 256, "é"])
def test_a_malformed_key_is_refused(client: FlaskClient, key: str) -> None:
    response = client.post(
        "/v1/jobs",
        data=CSV,
        content_type="text/csv",
        headers={"Idempotency-Key": key.encode().decode("latin-1")},
    )
    assert_problem(response, 400, "bad_idempotency_key")


def test_too_many_unfinished_jobs_are_refused_until_some_are_done(settings: Settings) -> None:
    client = create_app(replace(settings, max_jobs_per_key=2), FakeReviewer()).test_client()
    for number in range(2):
        send(client, f"answer\r\n{number}\r\n")
    refused = client.post("/v1/jobs", data="answer\r\nthird\r\n", content_type="text/csv")
    assert_problem(refused, 429, "queue_full")
    work_off(settings)
    send(client, "answer\r\nthird\r\n")


def test_a_job_costs_one_request_of_the_rate_and_no_bytes(settings: Settings) -> None:
    client = create_app(replace(settings, rate_requests=2, rate_bytes=100), FakeReviewer()).test_client()
    send(client)
    assert client.post("/v1/feedback", json={"answer": "a"}).status_code == 200
    assert_problem(client.post("/v1/jobs", data=CSV, content_type="text/csv"), 429, "rate_exceeded")


KEYS = ("first", "second")
DIGESTS = ",".join(hashlib.sha256(key.encode()).hexdigest() for key in KEYS)
ROUTES = [
    ("GET", "/v1/jobs/{id}"),
    ("DELETE", "/v1/jobs/{id}"),
    ("GET", "/v1/jobs/{id}/results"),
    ("GET", "/v1/jobs/{id}/results?format=csv"),
    ("GET", "/v1/jobs/{id}/results?format=xlsx"),
    ("GET", "/v1/jobs/{id}/reports.zip"),
    ("GET", "/files/{id}"),
    ("POST", "/files/{id}/erase"),
]


@pytest.mark.parametrize("state_", ["queued", "done"])
@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_no_key_learns_of_the_jobs_of_another(
    settings: Settings, method: str, route: str, state_: str
) -> None:
    """Each route, each other key, ids that are known, guessed and malformed: the same answer, to the byte."""
    app = create_app(replace(settings, api_key_digests=DIGESTS), FakeReviewer())
    owner, other = ({"Authorization": f"Bearer {key}"} for key in KEYS)
    client = app.test_client()
    told = send(client, headers=owner)
    if state_ == "done":
        work_off(settings)
    known = told["id"]
    guesses = [
        NO_JOB,
        known.upper(),
        known[:-1],
        known + "0",
        f" {known}",
        "%",
        "_" * 32,
        "' OR 1=1 --",
        "..",
        "1",
    ]
    replies: list[TestResponse] = [
        client.open(route.format(id=job_id), method=method, headers=other) for job_id in (known, *guesses)
    ]
    assert {reply.status_code for reply in replies} == {404}
    # A dot segment or a blank is no id, and finds no route.
    bodies = {reply.data for reply in replies if b"not_found" not in reply.data}
    assert len(bodies) == 1
    assert_problem(client.open(route.format(id=known), method=method), 401, "unauthorised")
    kept = client.get(f"/v1/jobs/{known}", headers=owner).json
    assert kept is not None
    assert (kept["id"], kept["state"]) == (known, state_), "it is still there"


def test_equal_files_of_two_keys_are_two_jobs(settings: Settings) -> None:
    client = create_app(replace(settings, api_key_digests=DIGESTS), FakeReviewer()).test_client()
    first, second = (
        send(client, headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "same"}) for key in KEYS
    )
    assert first["id"] != second["id"]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/files", f"/files/{NO_JOB}/erase"])
def test_a_page_of_another_site_sends_nothing(
    client: FlaskClient, settings: Settings, path: str, site: str
) -> None:
    form = {"file": (io.BytesIO(CSV.encode()), "a.csv")}
    response = client.post(path, data=form, headers={"Sec-Fetch-Site": site})
    assert response.status_code == 403
    assert work_off(settings) == []


def test_switched_off_there_is_no_job_and_no_form(settings: Settings, tmp_path: Path) -> None:
    client = create_app(replace(settings, jobs_dir=""), FakeReviewer()).test_client()
    assert_problem(client.post("/v1/jobs", data=CSV, content_type="text/csv"), 404, "jobs_off")
    for method, route in (*ROUTES, ("GET", "/files"), ("POST", "/files")):
        assert_problem(client.open(route.format(id=NO_JOB), method=method), 404, "jobs_off")
    assert b"/files" not in client.get("/").data
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_is_kept_there_is_no_job_and_why(settings: Settings, tmp_path: Path) -> None:
    client = create_app(replace(settings, jobs_retention=0), FakeReviewer()).test_client()
    problem = assert_problem(client.post("/v1/jobs", data=CSV, content_type="text/csv"), 409, "nothing_kept")
    assert "/v1/feedback/batch" in problem["detail"]
    for method, route in (*ROUTES, ("GET", "/files"), ("POST", "/files")):
        assert_problem(client.open(route.format(id=NO_JOB), method=method), 409, "nothing_kept")
    assert b"/files" not in client.get("/").data
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_jobs_answers_are_scored_and_jobs_come_back(settings: Settings) -> None:
    folder = Path(settings.jobs_dir)
    folder.mkdir()
    folder.chmod(0o755)
    client = create_app(settings, FakeReviewer()).test_client()
    problem = assert_problem(
        client.post("/v1/jobs", data=CSV, content_type="text/csv"), 503, "jobs_unavailable"
    )
    assert "nobody else" in problem["detail"]
    assert str(folder) not in json.dumps(problem)
    assert client.post("/files", data={"file": (io.BytesIO(CSV.encode()), "a.csv")}).status_code == 503
    assert client.get("/").status_code == client.get("/files").status_code == 200
    assert client.post("/v1/feedback", json={"answer": "a"}).status_code == 200
    folder.chmod(0o700)
    send(client)


# --- The pages -------------------------------------------------------------------------------------------


def parsed(response: TestResponse) -> Any:
    """Parse a page strictly."""
    assert response.content_type == "text/html; charset=utf-8"
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(
        response.get_data(as_text=True)
    )


def text_of(page: Any) -> str:
    return " ".join(" ".join(page.itertext()).split())


def send_form(client: FlaskClient, body: bytes = CSV.encode(), name: str = "a.csv") -> TestResponse:
    return client.post("/files", data={"file": (io.BytesIO(body), name)})


def test_the_way_through_the_pages_without_a_script(client: FlaskClient, settings: Settings) -> None:
    assert b'href="/files"' in client.get("/").data
    page = parsed(client.get("/files"))
    (form,) = page.iter("form")
    assert (form.get("method"), form.get("action"), form.get("enctype")) == (
        "post",
        "/files",
        "multipart/form-data",
    )
    assert "10,000 answers and 10 MB" in text_of(page)
    assert "for 24 hours or until you delete it" in text_of(page)

    sent = send_form(client)
    assert sent.status_code == 303
    address = sent.headers["Location"]
    page = parsed(client.get(address))
    assert "Waiting for its turn." in text_of(page)
    assert "0 of 6 answers" in text_of(page)
    (bar,) = page.iter("progress")
    assert (bar.get("value"), bar.get("max")) == ("0", "6")
    again = next(link for link in page.iter("a") if link.get("id") == "again")
    assert again.get("href") == ""

    work_off(settings)
    page = parsed(client.get(address))
    assert "Scored 6" in text_of(page)
    assert list(page.iter("script")) == list(page.iter("progress")) == []
    links = [link.get("href") for link in page.iter("a") if link.get("download") is not None]
    assert len(links) == 4
    for link in links:
        with client.get(link) as response:
            assert response.status_code == 200
            assert response.headers["Content-Disposition"].startswith("attachment")

    (form,) = page.iter("form")
    erased = client.post(form.get("action"))
    assert erased.status_code == 303
    assert "The file was deleted" in text_of(parsed(client.get(erased.headers["Location"])))
    gone = client.get(address)
    assert gone.status_code == 404
    assert "it was deleted, or its time is over" in text_of(parsed(gone))
    assert client.post(form.get("action")).status_code == 404


@pytest.mark.parametrize(
    ("body", "name", "status", "words"),
    [
        (b"id\r\n1\r\n", "a.csv", 400, "Line 1, column 1: this line names no column 'answer'"),
        ("answer\r\ncafé\r\n".encode("cp1252"), "a.csv", 400, "is not UTF-8; the file may be Windows-1252"),
        (b"PK\x03\x04" + b"\0" * 100, "a.csv", 400, "an Excel workbook or a ZIP file"),
        (CSV.encode(), "a.pdf", 415, "must end in .csv"),
        (b"answer\r\n" + b"a\r\n" * 20, "a.csv", 413, "There are more than 10 rows"),
    ],
)
def test_a_file_that_is_not_accepted_is_explained_at_the_form(
    settings: Settings, body: bytes, name: str, status: int, words: str
) -> None:
    client = create_app(replace(settings, max_batch_rows=10), FakeReviewer()).test_client()
    response = send_form(client, body, name)
    assert response.status_code == status
    page = parsed(response)
    assert words in text_of(page)
    (alert,) = [element for element in page.iter() if element.get("role") == "alert"]
    field = next(page.iter("input"))
    assert alert.get("id") in str(field.get("aria-describedby")).split()
    assert field.get("aria-invalid") == "true"


def test_a_full_queue_is_explained_at_the_form(settings: Settings) -> None:
    client = create_app(replace(settings, max_jobs_per_key=1), FakeReviewer()).test_client()
    send_form(client)
    response = send_form(client, b"answer\r\nother\r\n")
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) >= 1
    assert "As many jobs as a key may have, 1, are not finished." in text_of(parsed(response))


def test_a_job_that_failed_says_so(client: FlaskClient, settings: Settings) -> None:

    address = send_form(client).headers["Location"]
    store = open_store(settings)
    for _ in range(3):
        lease = store.claim("one")
        assert lease is not None
        store.note_fault(lease)
    store.close()
    assert "The service failed on it several times" in text_of(parsed(client.get(address)))
    assert_problem(client.get(address.replace("/files/", "/v1/jobs/") + "/results"), 409, "not_done")


def test_nothing_of_a_file_is_on_a_page_in_an_error_a_log_or_a_metric(
    client: FlaskClient,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    canary = Canary()
    text = canary.text
    bodies = [
        f"answer,client,id,question\r\n{text},{text},{text},{text}\r\n".encode(),
        f"{text}\r\nx\r\n".encode(),
        f'answer\r\n"{text}'.encode(),
        f'answer\r\n"{text}"{text}\r\n'.encode(),
        f"answer\r\n{text},{text}\r\n".encode(),
        f"answer\r\n{text}\0\r\n".encode(),
    ]
    seen: list[bytes] = []
    with caplog.at_level(logging.DEBUG):
        for body in bodies:
            response = send_form(client, body, f"{text}.csv")
            seen += [response.data, client.post("/v1/jobs", data=body, content_type="text/csv").data]
            if response.status_code == 303:
                seen.append(client.get(response.headers["Location"]).data)
        work_off(settings)
        seen.append(client.get(f"/v1/jobs/{text}?{text}").data)
        seen.append(client.get(f"/files/{text}").data)
        seen.append(client.get("/files", query_string={"erased": text}).data)
        seen.append(client.get("/metrics").data)
        # Every statement fails, also one that was given a text.
        for path in Path(settings.jobs_dir).glob("jobs.sqlite*"):
            path.write_bytes(b"\xff" * 8_192)
        broken = create_app(settings, FakeReviewer()).test_client()
        failed = broken.post("/v1/jobs", data=bodies[0], content_type="text/csv")
        assert_problem(failed, 503, "jobs_unavailable")
        seen.append(failed.data)
    out, err = capfd.readouterr()
    seen += [
        out.encode(),
        err.encode(),
        caplog.text.encode(),
        *(repr(r.__dict__).encode() for r in caplog.records),
    ]
    assert len(caplog.records) > 15
    for found in seen:
        assert not canary.is_in(found), found


def test_replies_fit_their_schemas(client: FlaskClient, settings: Settings) -> None:
    document = client.get("/openapi.json").json
    assert document is not None

    def check(name: str, reply: Any) -> None:
        schema = {**document["components"]["schemas"][name], "components": document["components"]}
        Draft202012Validator(schema).validate(reply)

    told = send(client)
    check("JobReply", told)
    work_off(settings)
    check("JobReply", state(client, told["url"]))
    check("ErasedReply", client.delete(told["url"]).json)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (86_400, "24 hours"),
        (7 * 86_400, "7 days"),
        (3_600, "60 minutes"),
        (36 * 3_600, "36 hours"),
        (0.5, "0.5 seconds"),
        (90, "90 seconds"),
    ],
)
def test_the_page_names_the_retention_that_is_set(settings: Settings, seconds: float, words: str) -> None:
    client = create_app(replace(settings, jobs_retention=seconds), FakeReviewer()).test_client()
    assert f"for {words} or until you delete it" in text_of(parsed(client.get("/files")))
