"""Bodies that have made services fail: every one is a 4xx with a problem body."""

from __future__ import annotations

import gzip
import json

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .conftest import SETTINGS, MakeApp, assert_problem, strict_loads
from .fakes import ANSWER

JSON = "application/json"
_LIMIT = SETTINGS.max_body_bytes


def _nested(opening: str, closing: str, depth: int) -> bytes:
    return ('{"answer":' + opening * depth + closing * depth + "}").encode()


#: name: (body, status, codes of the errors, pointer of the first error)
BODIES: dict[str, tuple[bytes, int, tuple[str, ...], str]] = {
    "empty": (b"", 400, ("empty_body",), ""),
    "blank": (b" \n\t", 400, ("not_json",), ""),
    "words": (b"hello", 400, ("not_json",), ""),
    "cut short": (b'{"answer": "a', 400, ("not_json",), ""),
    "no closing brace": (b'{"answer": "a"', 400, ("not_json",), ""),
    "two documents": (b'{"answer": "a"}{"answer": "b"}', 400, ("not_json",), ""),
    "trailing comma": (b'{"answer": "a",}', 400, ("not_json",), ""),
    "single quotes": (b"{'answer': 'a'}", 400, ("not_json",), ""),
    "comment": (b'{"answer": "a" /* b */}', 400, ("not_json",), ""),
    "bare name": (b'{answer: "a"}', 400, ("not_json",), ""),
    "raw line end in string": (b'{"answer": "a\nb"}', 400, ("not_json",), ""),
    "raw NUL in string": (b'{"answer": "a\0b"}', 400, ("not_json",), ""),
    "raw NUL after": (b'{"answer": "a"}\0', 400, ("not_json",), ""),
    "bad escape": (b'{"answer": "\\x41"}', 400, ("not_json",), ""),
    "cut escape": (b'{"answer": "\\u00"}', 400, ("not_json",), ""),
    "form": (b"answer=a&question=b", 400, ("not_json",), ""),
    "XML": (b"<answer>a</answer>", 400, ("not_json",), ""),
    "XML entity": (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/a">]><a>&b;</a>', 400, ("not_json",), ""),
    "pickle": (b"cos\nsystem\n(S'true'\ntR.", 400, ("not_json",), ""),
    "gzip undeclared": (gzip.compress(b'{"answer": "a"}', mtime=0), 400, ("not_utf8",), ""),
    "byte order mark": (b'\xef\xbb\xbf{"answer": "a"}', 400, ("byte_order_mark",), ""),
    "UTF-16 with mark": ('{"answer": "a"}'.encode("utf-16"), 400, ("not_utf8",), ""),
    "UTF-16 without": ('{"answer": "a"}'.encode("utf-16-le"), 400, ("not_json",), ""),
    "UTF-32": ('{"answer": "a"}'.encode("utf-32"), 400, ("not_utf8",), ""),
    "Latin-1": ('{"answer": "caf\u00e9"}'.encode("latin-1"), 400, ("not_utf8",), ""),
    "overlong slash": (b'{"answer": "\xc0\xaf"}', 400, ("not_utf8",), ""),
    "surrogate in UTF-8": (b'{"answer": "\xed\xa0\x80"}', 400, ("not_utf8",), ""),
    "beyond Unicode": (b'{"answer": "\xf4\x90\x80\x80"}', 400, ("not_utf8",), ""),
    "character cut": (b'{"answer": "\xf0\x9f\x98"}', 400, ("not_utf8",), ""),
    "high surrogate": (b'{"answer": "a\\ud800b"}', 400, ("lone_surrogate",), "/answer"),
    "low surrogate": (b'{"answer": "\\udc00"}', 400, ("lone_surrogate",), "/answer"),
    "surrogates swapped": (b'{"answer": "\\ude00\\ud83d"}', 400, ("lone_surrogate",), "/answer"),
    "surrogate in id": (b'{"answer": "a", "id": "\\ud800"}', 400, ("lone_surrogate",), "/id"),
    "surrogate in a name": (b'{"answer": "a", "\\ud800": 1}', 400, ("lone_surrogate",), ""),
    "escaped NUL": (b'{"answer": "a\\u0000b"}', 400, ("nul_character",), "/answer"),
    "NUL in id": (b'{"answer": "a", "id": "\\u0000"}', 400, ("nul_character",), "/id"),
    "NUL in a name": (b'{"answer": "a", "\\u0000": 1}', 400, ("nul_character",), ""),
    "NUL under an unknown name": (b'{"answer": "a", "secret": [["\\u0000"]]}', 400, ("nul_character",), ""),
    "NaN": (b'{"answer": NaN}', 400, ("not_finite",), "/answer"),
    "Infinity": (b'{"answer": Infinity}', 400, ("not_finite",), "/answer"),
    "minus Infinity": (b'{"answer": "a", "id": -Infinity}', 400, ("not_finite",), "/id"),
    "1e999": (b'{"answer": 1e999}', 400, ("not_finite",), "/answer"),
    "minus 1e999 in a list": (b'{"answer": [0, -1e999]}', 400, ("not_finite",), "/answer/1"),
    "1 e many nines": (b'{"answer": 1e' + b"9" * 50_000 + b"}", 400, ("not_finite",), "/answer"),
    "huge integer": (b'{"answer": ' + b"9" * 100_000 + b"}", 400, ("number_too_long",), "/answer"),
    "20 digits": (b'{"answer": 10000000000000000000}', 400, ("number_too_long",), "/answer"),
    "name twice": (b'{"answer": "a", "answer": "b"}', 400, ("duplicate_name",), ""),
    "name twice, escaped": (b'{"answer": "a", "\\u0061nswer": "b"}', 400, ("duplicate_name",), ""),
    "name twice, deeper": (b'{"answer": {"a": 1, "a": 2}}', 400, ("duplicate_name",), "/answer"),
    "two faults": (b'{"answer": "\\u0000\\ud800"}', 400, ("nul_character", "lone_surrogate"), "/answer"),
    "21 deep": (_nested("[", "]", 20), 400, ("too_deep",), ""),
    "100,000 lists deep": (_nested("[", "]", 100_000), 400, ("too_deep",), ""),
    "40,000 objects deep": (_nested('{"a":', "}", 40_000), 400, ("too_deep",), ""),
    "open lists": (b"[" * _LIMIT, 400, ("too_deep",), ""),
    "open string of quotes": (b'"' + b'\\"' * 130_000, 400, ("not_json",), ""),
    "list": (b"[]", 422, ("model_type",), ""),
    "string": (b'"answer"', 422, ("model_type",), ""),
    "number": (b"1", 422, ("model_type",), ""),
    "null": (b"null", 422, ("model_type",), ""),
    "no answer": (b"{}", 422, ("missing",), "/answer"),
    "answer null": (b'{"answer": null}', 422, ("string_type",), "/answer"),
    "answer empty": (b'{"answer": ""}', 422, ("string_too_short",), "/answer"),
    "answer number": (b'{"answer": 1}', 422, ("string_type",), "/answer"),
    "answer list": (b'{"answer": ["a"]}', 422, ("string_type",), "/answer"),
    "20 deep": (_nested("[", "]", 19), 422, ("string_type",), "/answer"),
    "unknown name": (b'{"answer": "a", "score": 100}', 422, ("extra_forbidden",), ""),
    "prototype": (b'{"answer": "a", "__proto__": {"x": 1}}', 422, ("extra_forbidden",), ""),
    "unknown type": (b'{"answer": "a", "question_type": "x"}', 422, ("literal_error",), "/question_type"),
    "unknown unit": (b'{"answer": "a", "offset_encoding": 8}', 422, ("literal_error",), "/offset_encoding"),
    "two fields wrong": (b'{"answer": 1, "id": 2}', 422, ("string_type", "string_type"), "/answer"),
    "answer too long": (json.dumps({"answer": "a" * 20_001}).encode(), 413, ("string_too_long",), "/answer"),
    "context too long": (
        json.dumps({"answer": "a", "context": "a" * 20_001}).encode(),
        413,
        ("string_too_long",),
        "/context",
    ),
    "body too large": (b'{"answer": "' + b"a" * _LIMIT + b'"}', 413, ("body_too_large",), ""),
    "blanks too large": (b" " * (_LIMIT + 1), 413, ("body_too_large",), ""),
}  # fmt: skip

#: name: (Content-Type, other headers, code)
KINDS: dict[str, tuple[str | None, dict[str, str], str]] = {
    "no type": (None, {}, "unsupported_media_type"),
    "text": ("text/plain", {}, "unsupported_media_type"),
    "form": ("application/x-www-form-urlencoded", {}, "unsupported_media_type"),
    "multipart": ("multipart/form-data; boundary=a", {}, "unsupported_media_type"),
    "long boundary": ("multipart/form-data; boundary=" + "a" * 5_000, {}, "unsupported_media_type"),
    "XML": ("application/xml", {}, "unsupported_media_type"),
    "problem": ("application/problem+json", {}, "unsupported_media_type"),
    "type list": ("application/json, text/plain", {}, "unsupported_media_type"),
    "UTF-16": ("application/json; charset=utf-16", {}, "unsupported_charset"),
    "UTF-7": ("application/json; charset=utf-7", {}, "unsupported_charset"),
    "Latin-1": ('application/json; charset="iso-8859-1"', {}, "unsupported_charset"),
    "rot13": ("application/json; charset=rot13", {}, "unsupported_charset"),
    "gzip": (JSON, {"Content-Encoding": "gzip"}, "unsupported_encoding"),
    "deflate": (JSON, {"Content-Encoding": "deflate"}, "unsupported_encoding"),
    "brotli": (JSON, {"Content-Encoding": "br"}, "unsupported_encoding"),
    "zstd and identity": (JSON, {"Content-Encoding": "zstd, identity"}, "unsupported_encoding"),
}


@pytest.mark.parametrize("name", BODIES)
def test_hostile_body_is_a_problem(client: FlaskClient, name: str) -> None:
    body, status, codes, pointer = BODIES[name]
    response = client.post("/v1/feedback", data=body, content_type=JSON)
    problem = assert_problem(response, status, *codes)
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("name", KINDS)
def test_other_kind_of_body_is_unsupported(client: FlaskClient, name: str) -> None:
    media_type, headers, code = KINDS[name]
    body = json.dumps({"answer": ANSWER}).encode()
    response = client.post("/v1/feedback", data=body, content_type=media_type, headers=headers)
    assert_problem(response, 415, code)


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=UTF-8", 'application/json; charset="utf-8"']
)
def test_plain_json_is_taken(client: FlaskClient, media_type: str) -> None:
    response = client.post("/v1/feedback", data=b'{"answer": "a"}', content_type=media_type)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "text", ["😀", "\u202e right to left", "e" + "\u0301" * 200, "\ufffe\x7f\x01", "\u2028"]
)
def test_odd_characters_pass_unchanged(client: FlaskClient, text: str) -> None:
    response = client.post("/v1/feedback", json={"answer": text})
    assert response.status_code == 200
    assert strict_loads(response.data)["spans"][0]["text"] == text


def test_body_of_nothing_but_faults_gets_a_short_reply(client: FlaskClient) -> None:
    many_names = json.dumps({"answer": "a", **{f"n{i}": 0 for i in range(15_000)}}).encode()
    many_nans = b'{"answer": [' + b"NaN," * 50_000 + b"0]}"
    for body, status in ((many_names, 422), (many_nans, 400)):
        response = client.post("/v1/feedback", data=body, content_type=JSON)
        assert len(assert_problem(response, status)["errors"]) == 20
        assert len(response.data) < 8_000


def test_body_at_the_limit_is_read(make_app: MakeApp) -> None:
    client = make_app(max_body_bytes=100).test_client()
    body = b'{"answer": "a"}'
    assert client.post("/v1/feedback", data=body.ljust(100), content_type=JSON).status_code == 200
    assert_problem(
        client.post("/v1/feedback", data=body.ljust(101), content_type=JSON), 413, "body_too_large"
    )


class _Endless:
    """A chunked body without end; counts what is read of it."""

    def __init__(self) -> None:
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        self.read_bytes += size
        return b" " * size


def test_endless_chunked_body_is_read_to_the_limit_only(client: FlaskClient) -> None:
    stream = _Endless()
    response = client.post(
        "/v1/feedback",
        content_type=JSON,
        environ_overrides={
            "wsgi.input": stream,
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        },
    )
    assert_problem(response, 413, "body_too_large")
    assert stream.read_bytes == _LIMIT + 1


_GOOD = json.dumps(
    {"answer": ANSWER, "question": "Why?", "id": "7", "context": None, "offset_encoding": "utf-8"},
    ensure_ascii=False,
).encode()


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    body = bytearray(_GOOD)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 6))
        body[start:end] = draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from(
                    [b"NaN", b"1e999", b"\\ud800", b"\\u0000", b'"', b"[", b"{", b"}", b'"answer":']
                ),
            )
        )
    return bytes(body)


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(_mutated(), st.binary(max_size=200)))
@example(body=_GOOD)
def test_mutated_body_is_answered_or_refused(client: FlaskClient, body: bytes) -> None:
    response = client.post("/v1/feedback", data=body, content_type=JSON)
    if response.status_code == 200:
        reply = strict_loads(response.data)
        assert reply["spans"][0]["text"] == strict_loads(body)["answer"]
    else:
        assert response.status_code in (400, 413, 422)
        assert_problem(response, response.status_code)
