"""API keys: needed everywhere but for health and the page itself, known by their digest only."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from service.errors import SettingsRefused
from service.web.access import ApiKeys
from service.web.app import create_app
from service.web.problems import Unauthorised

from .conftest import SETTINGS, MakeApp, assert_problem
from .fakes import ANSWER, FakeReviewer

KEYS = ("first-key", "second key with spaces")
DIGESTS = ", ".join(hashlib.sha256(key.encode()).hexdigest() for key in KEYS)
GUARDED = [
    "/version", "/metrics", "/openapi.json", "/v1/feedback", "/v1/jobs", f"/v1/jobs/{'0' * 32}", "/files",
    "/nothing",
]  # fmt: skip


@pytest.fixture
def guarded(make_app: MakeApp) -> FlaskClient:
    return make_app(api_key_digests=DIGESTS).test_client()


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_without_a_key_every_guarded_route_is_401(guarded: FlaskClient, method: str, path: str) -> None:
    response = guarded.open(path, method=method)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    if method != "HEAD":
        assert_problem(response, 401, "unauthorised")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/static/page.js"])
def test_health_and_the_page_need_no_key(guarded: FlaskClient, path: str) -> None:
    with guarded.get(path) as response:
        assert response.status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_is_sent_to_the_page_without_a_key(guarded: FlaskClient, method: str) -> None:
    assert_problem(guarded.open("/", method=method), 401, "unauthorised")


def test_the_page_asks_for_a_key_only_where_keys_are_set(guarded: FlaskClient, make_app: MakeApp) -> None:
    assert b'id="access-key"' in guarded.get("/").data
    assert b'id="access-key"' not in make_app().test_client().get("/").data


@pytest.mark.parametrize("key", KEYS)
def test_each_key_opens(guarded: FlaskClient, key: str) -> None:
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {key}"}
        assert guarded.post("/v1/feedback", json={"answer": ANSWER}, headers=headers).status_code == 200
        assert guarded.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        "", "Bearer", "Bearer ", "first-key", "Basic Zmlyc3Qta2V5", "Token first-key", "Bearer first-ke",
        "Bearer first-key2", "Bearer FIRST-KEY", "Bearer é", "Bearer " + "a" * 8_000,
        "Bearer " + hashlib.sha256(b"first-key").hexdigest(),
    ],
)  # fmt: skip
def test_other_credentials_are_401(guarded: FlaskClient, given: str) -> None:
    response = guarded.post("/v1/feedback", json={"answer": ANSWER}, headers={"Authorization": given})
    assert_problem(response, 401, "unauthorised")


def test_a_digest_counts_whole() -> None:
    keys = ApiKeys(DIGESTS)
    for number in range(3_000):  # some of whose digests begin as the right ones do
        with pytest.raises(Unauthorised):
            keys.identify(f"Bearer {number}", None)


def test_key_in_the_query_is_no_key(guarded: FlaskClient) -> None:
    assert_problem(guarded.get("/version?key=first-key&access_token=first-key"), 401, "unauthorised")


@pytest.mark.parametrize("digests", ["first-key", "0" * 63, "g" * 64, "0" * 64 + ";" + "0" * 64])
def test_malformed_digest_is_refused_at_start(digests: str) -> None:
    with pytest.raises(SettingsRefused, match="64 hexadecimal digits"):
        create_app(replace(SETTINGS, api_key_digests=digests), FakeReviewer())


def test_each_key_has_its_own_rate(make_app: MakeApp) -> None:
    client = make_app(api_key_digests=DIGESTS, rate_requests=1).test_client()
    first, second = ({"Authorization": f"Bearer {key}"} for key in KEYS)
    assert client.post("/v1/feedback", json={"answer": "a"}, headers=first).status_code == 200
    assert_problem(client.post("/v1/feedback", json={"answer": "a"}, headers=first), 429, "rate_exceeded")
    assert client.post("/v1/feedback", json={"answer": "a"}, headers=second).status_code == 200
