"""The published document: sound, complete, and true of what the service does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from service.labels import QuestionType
from service.web import openapi

from .conftest import MakeApp, strict_loads
from .fakes import ANSWER, FakeReviewer

_REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string"}}}
_RESPONSE = {
    "type": "object",
    "required": ["description"],
    "properties": {
        "description": {"type": "string", "minLength": 1},
        "headers": {"type": "object"},
        "content": {"type": "object", "additionalProperties": {"$ref": "#/$defs/media"}},
    },
    "additionalProperties": False,
}
#: What the OpenAPI 3.1 specification asks of the parts in use.
SHAPE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["openapi", "info", "paths"],
    "additionalProperties": False,
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "properties": {
                k: {"type": "string", "minLength": 1} for k in ("title", "version", "description")
            },
            "additionalProperties": False,
        },
        "paths": {
            "type": "object",
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "type": "object",
                "propertyNames": {
                    "enum": ["get", "post", "put", "delete", "patch", "head", "options", "trace"]
                },
                "additionalProperties": {"$ref": "#/$defs/operation"},
            },
        },
        "components": {
            "type": "object",
            "propertyNames": {"enum": ["schemas", "responses", "headers", "securitySchemes"]},
            "additionalProperties": {"type": "object", "propertyNames": {"pattern": r"^[a-zA-Z0-9._-]+$"}},
            "properties": {
                "responses": {"additionalProperties": {"$ref": "#/$defs/response"}},
                "headers": {"additionalProperties": {"type": "object", "required": ["schema"]}},
            },
        },
        "security": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "array"}}},
    },
    "$defs": {
        "response": _RESPONSE,
        "media": {
            "type": "object",
            "required": ["schema"],
            "properties": {
                "schema": {"type": "object"},
                "examples": {"type": "object", "additionalProperties": {"required": ["value"]}},
            },
            "additionalProperties": False,
        },
        "operation": {
            "type": "object",
            "required": ["responses", "operationId", "summary"],
            "additionalProperties": False,
            "properties": {
                "operationId": {"type": "string"},
                "summary": {"type": "string"},
                "security": {"type": "array"},
                "parameters": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "in", "schema"],
                        "properties": {"in": {"enum": ["path", "query", "header"]}},
                    },
                },
                "requestBody": {
                    "type": "object",
                    "required": ["content"],
                    "properties": {
                        "required": {"type": "boolean"},
                        "content": {"additionalProperties": {"$ref": "#/$defs/media"}},
                    },
                    "additionalProperties": False,
                },
                "responses": {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"pattern": "^[1-5][0-9][0-9]$"},
                    "additionalProperties": {"anyOf": [_REFERENCE, {"$ref": "#/$defs/response"}]},
                },
            },
        },
    },
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    response = client.get("/openapi.json")
    assert response.content_type == "application/json"
    return dict(strict_loads(response.data))


def _schema(document: dict[str, Any], name: str) -> Draft202012Validator:
    schema = {**document["components"]["schemas"][name], "components": document["components"]}
    return Draft202012Validator(schema)


def _within(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _within(item)


def test_document_has_the_shape_of_openapi(document: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(SHAPE)
    Draft202012Validator(SHAPE).validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = [part["$ref"] for part in _within(document) if "$ref" in part]
    assert len(references) > 20
    for reference in references:
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_route_is_documented_and_no_other(make_app: MakeApp, document: dict[str, Any]) -> None:
    app = make_app()
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, item in document["paths"].items() for method in item}


def test_every_status_that_a_problem_can_have_is_documented(document: dict[str, Any]) -> None:
    feedback = set(document["paths"]["/v1/feedback"]["post"]["responses"])
    assert feedback == {"200", "400", "401", "404", "405", "413", "415", "422", "429", "500", "503"}
    assert "401" not in document["paths"]["/healthz"]["get"]["responses"]
    assert "503" in document["paths"]["/readyz"]["get"]["responses"]
    for status in ("429", "503"):
        assert "Retry-After" in document["components"]["responses"][f"Problem{status}"]["headers"]


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8"])
def test_replies_fit_their_schema(client: FlaskClient, document: dict[str, Any], encoding: str) -> None:
    asked = {"answer": ANSWER, "question_type": "salary", "offset_encoding": encoding}
    _schema(document, "FeedbackRequest").validate(asked)
    response = client.post("/v1/feedback", json=asked)
    assert response.status_code == 200
    _schema(document, "FeedbackReply").validate(response.json)


@pytest.mark.parametrize(
    ("path", "name", "asked"),
    [
        ("/v1/questions", "Questions", {"questions": ["Is there parking? 😀"], "context": "A garage."}),
        ("/v1/compare", "Compare", {"first": {"answer": ANSWER}, "second": {"answer": ANSWER}}),
    ],
)
def test_other_replies_fit_their_schemas(
    client: FlaskClient, document: dict[str, Any], path: str, name: str, asked: dict[str, Any]
) -> None:
    _schema(document, f"{name}Request").validate(asked)
    response = client.post(path, json=asked)
    assert response.status_code == 200
    _schema(document, f"{name}Reply").validate(response.json)
    assert not _schema(document, f"{name}Reply").is_valid({**(response.json or {}), "more": 1})
    statuses = set(document["paths"][path]["post"]["responses"])
    assert statuses == {"200", "400", "401", "404", "405", "413", "415", "422", "429", "500", "503"}


@pytest.mark.parametrize(
    ("path", "name", "asked"),
    [
        ("/v1/questions", "Questions", {"questions": []}),
        ("/v1/questions", "Questions", {"questions": ["a"] * 51}),
        ("/v1/questions", "Questions", {"questions": [""]}),
        ("/v1/compare", "Compare", {"first": {"answer": "a"}}),
        ("/v1/compare", "Compare", {"first": {"answer": "a"}, "second": {"answer": ""}}),
    ],
)
def test_other_schemas_and_the_service_refuse_the_same(
    client: FlaskClient, document: dict[str, Any], path: str, name: str, asked: dict[str, Any]
) -> None:
    assert not _schema(document, f"{name}Request").is_valid(asked)
    assert client.post(path, json=asked).status_code == 422


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"answer": ""},
        {"answer": "a", "x": 1},
        {"answer": "a", "question_type": "x"},
        {"answer": None},
        [],
    ],
)
def test_schema_and_service_refuse_the_same(
    client: FlaskClient, document: dict[str, Any], asked: Any
) -> None:
    assert not _schema(document, "FeedbackRequest").is_valid(asked)
    response = client.post("/v1/feedback", json=asked)
    assert response.status_code == 422
    _schema(document, "ProblemReply").validate(response.json)


def test_reply_schema_refuses_what_is_no_reply(client: FlaskClient, document: dict[str, Any]) -> None:
    reply = client.post("/v1/feedback", json={"answer": ANSWER}).json
    assert reply is not None
    for broken in (
        reply | {"status": "ok"},
        reply | {"more": 1},
        {k: v for k, v in reply.items() if k != "spans"},
    ):
        assert not _schema(document, "FeedbackReply").is_valid(broken)


def test_examples_are_true(client: FlaskClient, document: dict[str, Any]) -> None:
    for path in ("/v1/feedback", "/v1/questions", "/v1/compare"):
        media = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        example = media["examples"]["example"]["value"]
        assert client.post(path, json=example).status_code == 200
    for response in document["components"]["responses"].values():
        problem = response["content"]["application/problem+json"]["examples"]["example"]["value"]
        _schema(document, "ProblemReply").validate(problem)


def test_question_types_are_those_of_the_code(document: dict[str, Any]) -> None:
    asked = document["components"]["schemas"]["FeedbackRequest"]["properties"]["question_type"]
    assert [kind.value for kind in QuestionType] in [part.get("enum") for part in _within(asked)]


def test_states_and_version_fit_their_schemas(make_app: MakeApp, document: dict[str, Any]) -> None:
    client = make_app(FakeReviewer()).test_client()
    for path in ("/healthz", "/readyz", "/version"):
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        Draft202012Validator(content["application/json"]["schema"]).validate(client.get(path).json)


def test_document_is_the_same_every_time() -> None:
    assert openapi.document() == openapi.document()
