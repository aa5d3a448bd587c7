"""Requests are checked as a whole, and replies are the same bytes everywhere."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.labels import QuestionType
from service.records import Answer, Report
from service.reviewer import Reviewer
from service.schemas import (
    MAX_CHARACTERS,
    FeedbackReply,
    OffsetEncoding,
    feedback_reply,
    offset_unit,
    parse_request,
    to_json,
)

STORY = (
    "Last spring our café’s till crashed 😀 on a Saturday. I was asked to keep the queue moving. I opened a paper "
    "ledger, I wrote every sale down and I rang the support line. We served 140 people and lost no sale."
)
QUESTION = "Tell me about a time you solved a problem."
ANSWERS = {
    "story": Answer(STORY, question=QUESTION, id="a-1"),
    "no result": Answer(
        "In May our van broke down. I rang the depot and I asked for another one.", question=QUESTION
    ),
    "habits": Answer(
        "I always stay calm and I usually listen first. I think that matters most.", question=QUESTION
    ),
    "salary": Answer(
        "I am looking for 40,000 to 45,000, going by what others pay here.",
        question="What salary do you expect?",
    ),
    "refused": Answer("asdf qwer zxcv hjkl uiop vbnm tyui"),
}

#: Heavy in what the three units count differently.
any_text = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("a é€😀𝒳\u0301\u200d👩🏽‍🚀\r\n"),
    ),
    max_size=40,
)


@given(any_text, st.data())
def test_offsets_count_what_pythons_encoders_write(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    assert offset_unit(text, "utf-32")(offset) == len(text[:offset].encode("utf-32-le")) // 4
    assert offset_unit(text, "utf-16")(offset) == len(text[:offset].encode("utf-16-le")) // 2
    assert offset_unit(text, "utf-8")(offset) == len(text[:offset].encode("utf-8"))


def test_the_example_of_the_units() -> None:
    text = "I led 😀 a team"
    assert [offset_unit(text, encoding)(8) for encoding in ("utf-32", "utf-16", "utf-8")] == [8, 9, 11]


def test_a_request_of_every_field_becomes_an_answer() -> None:
    request = parse_request(
        {
            "answer": " I rang. ",
            "question": "Why?",
            "question_type": "salary",
            "context": "A bakery.",
            "id": "7",
            "client": "c",
            "offset_encoding": "utf-16",
        }
    )
    assert request.offset_encoding == "utf-16"
    assert request.to_answer() == Answer(" I rang. ", "Why?", QuestionType.SALARY, "A bakery.", "7", "c")


def problems_of(data: object) -> tuple[int, list[tuple[str, str]]]:
    with pytest.raises(InvalidRequest) as caught:
        parse_request(data)
    return caught.value.status, [(problem.pointer, problem.code) for problem in caught.value.problems]


def test_every_problem_is_reported_at_once() -> None:
    status, problems = problems_of(
        {
            "answer": "",
            "question": 5,
            "question_type": "poem",
            "offset_encoding": "utf-7",
            "id": True,
            "shoe": 1,
        }
    )
    assert status == 422
    assert sorted(problems) == [
        ("", "extra_forbidden"),
        ("/answer", "string_too_short"),
        ("/id", "string_type"),
        ("/offset_encoding", "literal_error"),
        ("/question", "string_type"),
        ("/question_type", "literal_error"),
    ]


@pytest.mark.parametrize("data", [None, [], "text", 5, {"answer": None}, {}, {"answer": ["x"]}])
def test_what_is_no_request_is_refused(data: object) -> None:
    status, problems = problems_of(data)
    assert status == 422
    assert problems


@pytest.mark.parametrize("length", [1, MAX_CHARACTERS])
def test_an_answer_may_be_as_long_as_the_contract_says(length: int) -> None:
    assert len(parse_request({"answer": "😀" * length}).answer) == length


def test_an_answer_that_is_longer_is_too_long() -> None:
    assert problems_of({"answer": "a" * (MAX_CHARACTERS + 1)}) == (413, [("/answer", "string_too_long")])


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=30).map("🕊".__add__))
def test_no_error_repeats_what_was_sent(canary: str) -> None:
    for data in (
        {"answer": "x", canary: 1},
        {"answer": "x", "question_type": canary},
        {"answer": {canary: canary}},
        {"answer": [canary], "question": 7, "id": {"x": canary}},
    ):
        with pytest.raises(InvalidRequest) as caught:
            parse_request(data)
        error = caught.value
        told = [
            error.detail,
            *(part for item in error.problems for part in (item.pointer, item.code, item.message)),
        ]
        assert all(canary not in part for part in told)


@pytest.fixture(scope="module")
def reports(reviewer: Reviewer) -> dict[str, Report]:
    return {name: reviewer.review(answer) for name, answer in ANSWERS.items()}


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8"])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_reply_fits_its_schema(name: str, encoding: OffsetEncoding, reports: dict[str, Report]) -> None:
    reply = json.loads(to_json(feedback_reply(reports[name], encoding)))
    schema = FeedbackReply.model_json_schema(mode="serialization")
    jsonschema.Draft202012Validator(schema).validate(reply)
    assert reply["offset_encoding"] == encoding
    assert (reply["status"] == "abstained") == (name == "refused") == ("reason" in reply)


@pytest.mark.parametrize(
    ("encoding", "codec", "width"),
    [("utf-32", "utf-32-le", 4), ("utf-16", "utf-16-le", 2), ("utf-8", "utf-8", 1)],
)
@pytest.mark.parametrize("name", ANSWERS)
def test_every_offset_of_a_reply_cuts_its_text(
    name: str, encoding: OffsetEncoding, codec: str, width: int, reports: dict[str, Report]
) -> None:
    encoded = ANSWERS[name].text.encode(codec)
    reply: Any = feedback_reply(reports[name], encoding)
    cut = [item for item in (*reply["spans"], *reply["findings"]) if item["start"] is not None]
    assert cut or name == "refused"
    for item in cut:
        assert encoded[width * item["start"] : width * item["end"]].decode(codec) == item["text"]
    for finding in reply["findings"]:
        if finding["insert_at"] is not None:
            encoded[: width * finding["insert_at"]].decode(codec)
            assert 0 <= finding["insert_at"] <= len(encoded) // width


def test_the_spans_of_a_reply_cover_every_word_in_order(reports: dict[str, Report]) -> None:
    reply: Any = feedback_reply(reports["story"])
    ends = [0, *(span["end"] for span in reply["spans"])]
    for end, span in zip(ends, reply["spans"], strict=False):
        assert end <= span["start"] < span["end"]
        assert not STORY[end : span["start"]].strip()
    assert not STORY[ends[-1] :].strip()
    labels = [span["label"] for span in reply["spans"]]
    assert all(first != second for first, second in itertools.pairwise(labels))


def test_no_float_of_a_reply_has_more_than_three_decimals(reports: dict[str, Report]) -> None:
    seen = []

    def visit(value: object) -> None:
        if isinstance(value, float):
            seen.append(value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            visit(inner)

    for report in reports.values():
        visit(feedback_reply(report))
    assert len(seen) > 20
    assert all(value == round(value, 3) for value in seen)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_json_never_leaves(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"share": value})


def test_equal_requests_give_equal_bytes_in_every_process(reports: dict[str, Report]) -> None:
    code = (
        "import sys\n"
        "from service.reviewer import Reviewer\n"
        "from service.schemas import feedback_reply, to_json\n"
        "from service.settings import Settings\n"
        "from tests.test_schemas import ANSWERS\n"
        "reviewer = Reviewer.from_settings(Settings())\n"
        "for name in sys.argv[1:]:\n"
        "    sys.stdout.buffer.write(to_json(feedback_reply(reviewer.review(ANSWERS[name]))) + b'\\n')\n"
    )

    def replies(seed: str, *names: str) -> dict[str, bytes]:
        out = subprocess.run(
            [sys.executable, "-c", code, *names],
            cwd=Path(__file__).resolve().parent.parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        return dict(zip(names, out.stdout.splitlines(), strict=True))

    here = {name: to_json(feedback_reply(report)) for name, report in reports.items()}
    assert replies("0", *ANSWERS) == here
    assert replies("1", *reversed(ANSWERS)) == here


@pytest.mark.parametrize(
    ("encoding", "codec", "width"),
    [("utf-32", "utf-32-le", 4), ("utf-16", "utf-16-le", 2), ("utf-8", "utf-8", 1)],
)
def test_alignment_is_told_in_the_offsets_of_both_texts(
    encoding: OffsetEncoding, codec: str, width: int, reviewer: Reviewer
) -> None:
    context = "😀 " + " ".join(
        f"The {noun} of the bakery needs care, and the ledger, the till and the {noun} are read by the {other}."
        for noun, other in (("queue", "shop"), ("oven", "crew"), ("flour", "baker"), ("counter", "guest"))
    )
    answer = Answer(f"😀 {STORY}", question=QUESTION)
    plain: Any = feedback_reply(reviewer.review(answer), encoding)
    aligned: Any = feedback_reply(reviewer.review(replace(answer, context=context)), encoding)
    assert plain["alignment"] is None
    assert list(aligned)[list(aligned).index("focus") + 1] == "alignment"
    assert {**aligned, "alignment": None} == plain
    found = aligned["alignment"]
    assert "ledger" in [theme["theme"] for theme in found["taken_up"]]
    assert found["left_out"]
    texts = {"context": context.encode(codec), "answer": answer.text.encode(codec)}
    for theme in (*found["taken_up"], *found["left_out"]):
        for side in theme.keys() - {"theme"}:
            assert theme[side]
            for place in theme[side]:
                cut = texts[side][width * place["start"] : width * place["end"]].decode(codec)
                assert cut == place["text"]
