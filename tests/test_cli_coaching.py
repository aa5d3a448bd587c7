"""The commands ``questions``, ``compare`` and ``rules``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import Exit, main
from service.feedback.catalogue import load_catalogue
from service.feedback.comparison import compare
from service.feedback.questions import QuestionReader
from service.records import Answer
from service.reviewer import Reviewer
from service.schemas import compare_reply, questions_reply, to_json

QUESTION = "Tell me about a time you improved something."
FIRST = (
    "Our returns desk was a mess last spring. I rang the supplier and asked for a lid. The queue got better."
)
SECOND = (
    "Our returns desk was a mess last spring. I had to get it under control before the sale. I sat there for two mornings "
    "and wrote down why things came back, and I rang the supplier. By May returns went from forty a week to nine."
)
ASKED = "You said the night audit is done by one person. What usually goes wrong with it?"


@pytest.fixture(autouse=True)
def one_reviewer(monkeypatch: pytest.MonkeyPatch, reviewer: Reviewer) -> None:
    """Spare each command the loading of the model."""
    monkeypatch.setattr("service.reviewer.Reviewer.from_settings", lambda _: reviewer)


def run(*arguments: str | Path, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)


@pytest.fixture
def attempts(tmp_path: Path) -> tuple[Path, Path]:
    paths = (tmp_path / "first.txt", tmp_path / "second.txt")
    for path, text in zip(paths, (FIRST, SECOND), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_questions_are_read_one_a_line() -> None:
    result = run("questions", "-", "--json", given=f"{ASKED}\r\n\n  Is it\u2028 on site?\n".encode())
    assert result.exit_code == 0
    expected = questions_reply(QuestionReader(load_catalogue()).read([ASKED, "Is it\u2028 on site?"]))
    assert result.stdout_bytes == to_json(expected) + b"\n"


def test_questions_are_told_to_people(tmp_path: Path) -> None:
    context = tmp_path / "role.txt"
    context.write_text("Our laundry does the linen of the ballroom.", encoding="utf-8")
    given = f"{ASKED}\nIs there parking?\nWhat is hard about the laundry and the ballroom?\n"
    result = run("questions", "--context", context, given=given)
    assert result.exit_code == 0
    assert "1. You said the night audit" in result.output
    assert "role challenges, open, specific" in result.output
    assert "! This can be answered with yes or no." in result.output
    assert result.output.count("+ It is specific to this role or company.") == 2
    assert "Not asked about:\n   performance metrics: " in result.output
    assert "a person decides" in result.output


def test_a_question_cannot_steer_the_terminal() -> None:
    result = run("questions", given="Is \x1b[2J there \x07 parking\u202e?\n".encode())
    assert not {character for character in result.output if not character.isprintable()} - {"\n"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "/questions"),
        (b"x\n" * 51, "/questions"),
        (b"x" * 2_001, "/questions/0"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_bad_questions_are_bad_use(given: bytes, said: str) -> None:
    result = run("questions", "-", given=given)
    assert result.exit_code == Exit.BAD_USE
    assert said in result.stderr
    assert result.stdout == ""


def test_two_attempts_are_compared(attempts: tuple[Path, Path], reviewer: Reviewer) -> None:
    reports = [reviewer.review(Answer(text, question=QUESTION)) for text in (FIRST, SECOND)]
    result = run("compare", *attempts, "--question", QUESTION, "--json")
    assert result.exit_code == 0
    assert result.stdout_bytes == to_json(compare_reply(compare(*reports))) + b"\n"
    told = run("compare", *attempts, "-q", QUESTION).output
    assert reports[0].score is not None
    assert reports[1].score is not None
    change = reports[1].score.value - reports[0].score.value
    assert f"First:  {reports[0].score.value}/100" in told
    assert f"Change: {change:+d}" in told
    assert "Strengths gained: result.measured" in told


def test_an_attempt_that_is_not_judged_is_said_and_no_failure(attempts: tuple[Path, Path]) -> None:
    attempts[1].write_text("asdf jkl qwer uiop", encoding="utf-8")
    result = run("compare", *attempts, "-q", QUESTION)
    assert result.exit_code == 0
    assert "Second: not judged. " in result.output
    assert "Change" not in result.output
    assert json.loads(run("compare", *attempts, "--json").stdout)["score"] is None


def test_a_bad_attempt_is_bad_use(attempts: tuple[Path, Path], tmp_path: Path) -> None:
    assert run("compare", attempts[0], tmp_path / "none.txt").exit_code == Exit.BAD_USE
    assert run("compare", attempts[0]).exit_code == Exit.BAD_USE
    attempts[1].write_text("a" * 20_001, encoding="utf-8")
    result = run("compare", *attempts)
    assert result.exit_code == Exit.BAD_USE
    assert "/second/answer" in result.stderr


def test_rules_lists_every_rule() -> None:
    result = run("rules")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    catalogue = load_catalogue()
    assert set(lines) == {
        "id",
        *(rule.id for rule in catalogue.rules),
        *(item.id for item in catalogue.criteria),
    }
    assert lines["id"].split() == ["id", "severity", "component", "kind", "state", "threshold", "source"]
    for part in ("advice", "SITUATION", "crowded_out", "on", "above=0.36", "coaching practice"):
        assert part in lines["situation.too_long"]


def test_rules_shows_what_an_own_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[finding."language.fillers"]\non = false\n'
        '[finding."answer.too_long"]\nrule = { kind = "length", above = 400 }\n'
    )
    monkeypatch.setenv("STAR_FEEDBACK_RULES_FILE", str(own))
    lines = {line.split()[0]: line.split() for line in run("rules").output.splitlines()}
    assert lines["language.fillers"][3:5] == ["-", "off"]
    assert lines["answer.too_long"][3:6] == ["length", "on", "above=400"]


def test_rules_tells_which_are_silent_in_the_model(reviewer: Reviewer) -> None:
    states = {line.split()[0]: line for line in run("rules").output.splitlines()}
    for rule in load_catalogue().active():
        limits = reviewer.limits.get(rule.id)
        asks = rule.kind == "model" or (rule.judged and limits is not None)
        is_silent = asks and (limits is None or limits.above is None)
        assert ("  silent  " in states[rule.id]) is is_silent, rule.id


def test_rules_test_runs_examples_on_marks_and_through_the_model() -> None:
    lines = run("rules", "test").output.splitlines()
    rules = load_catalogue().active()
    marked = sum(len(rule.fire) + len(rule.passing) for rule in rules if rule.kind != "model")
    assert f"on marked labels: {marked} examples, 0 wrong" in lines
    asked = next(line for line in lines if line.startswith("through the model star-1: "))
    least = sum(len(rule.fire) + len(rule.passing) for rule in rules if rule.kind == "model")
    assert int(asked.split()[4]) > least


def test_rules_test_names_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[finding."answer.too_long"]\nrule = { kind = "length", above = 4000 }\n')
    monkeypatch.setenv("STAR_FEEDBACK_RULES_FILE", str(own))
    result = run("rules", "test")
    assert result.exit_code == Exit.FAILED
    assert "answer.too_long, fire example 1: it does not fire\n" in result.output
    assert re.search(r"^on marked labels: \d+ examples, [1-9]", result.output, re.MULTILINE)


@pytest.mark.parametrize("arguments", [("rules",), ("rules", "test"), ("questions", "-")])
def test_a_mistake_in_the_rules_file_is_told(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[finding."answer.too_long"]\npoints = "many"\n')
    monkeypatch.setenv("STAR_FEEDBACK_RULES_FILE", str(own))
    result = run(*arguments, given="Is there parking?\n")
    assert result.exit_code == Exit.FAILED
    assert "own.toml, line 2: [finding.'answer.too_long']: points must be a whole number" in result.stderr


def test_a_mistake_in_the_rules_file_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr("service.web.launcher.serve", started.append)
    own = tmp_path / "own.toml"
    monkeypatch.setenv("STAR_FEEDBACK_RULES_FILE", str(own))
    own.write_text('[finding."answer.too_long"]\nrule = { above = "many" }\n')
    result = run("serve")
    assert result.exit_code == Exit.BAD_USE
    assert "own.toml, line 2: [finding.'answer.too_long']: the rule's above must be a number" in result.stderr
    assert started == []
    own.write_text('[finding."answer.too_long"]\nrule = { above = 400 }\n')
    run("serve")
    assert len(started) == 1


OWN_RULES = """
[finding."language.fillers"]
on = false

[finding."answer.too_short"]
rule = { below = 10 }

[finding."own.shared"]
severity = "advice"
component = "ACTION"
points = -3
message = "Shared: {words}."
why = "W."
advice = ["Who {verb} it?", "Who did?"]
source = "house"
rule = { kind = "we_not_i", least_steps = 1 }
"""
FILLED = (
    "So um in May the till at our shop crashed, um, you know, on a uh Saturday. We opened a paper book. Then we wrote "
    "down every sale. We lost none."
)


def test_an_own_file_changes_what_is_said_of_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reviewer: Reviewer
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN_RULES, encoding="utf-8")
    changed = reviewer.with_catalogue(load_catalogue(str(own)))
    monkeypatch.setattr("service.reviewer.Reviewer.from_settings", lambda _: changed)
    reply = json.loads(run("score", "--json", given=FILLED).stdout)
    said = {finding["id"]: finding for finding in reply["findings"]}
    assert said["own.shared"]["message"] == "Shared: We opened a paper book."
    assert said["own.shared"]["advice"] == "Who opened it?"
    assert not {"language.fillers", "answer.too_short"} & set(said)
    assert {"what": "own.shared", "points": -3} in reply["score"]["parts"]
    assert reply["versions"]["rules"] != reviewer.versions.rules
    shipped = {finding.id for finding in reviewer.review(Answer(FILLED)).findings}
    assert {"language.fillers", "answer.too_short"} <= shipped


def test_help_names_the_commands() -> None:
    told = run("-h").output
    for command in ("questions", "compare", "rules"):
        assert command in told
