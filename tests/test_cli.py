"""The command line: exit codes and JSON are stable, and an answer can't steer the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service import __version__
from service.cli import Exit, main
from service.records import Answer
from service.reviewer import Reviewer
from service.schemas import feedback_reply, to_json

QUESTION = "Tell me about a time you solved a problem."
STORY = (
    "Last spring the till at our bakery crashed on a Saturday. I opened a paper ledger, I asked Tom to pack and I rang "
    "the support line twice."
)


@pytest.fixture(autouse=True)
def one_reviewer(monkeypatch: pytest.MonkeyPatch, reviewer: Reviewer) -> None:
    """Spare each command the loading of the model."""
    monkeypatch.setattr("service.reviewer.Reviewer.from_settings", lambda _: reviewer)


def score(*arguments: str, answer: str | bytes | None = STORY) -> Result:
    return CliRunner().invoke(main, ["score", *arguments], input=answer)


def test_exit_codes_are_stable() -> None:
    assert {code.name: code.value for code in Exit} == {
        "FINE": 0, "FAILED": 1, "BAD_USE": 2, "SOME_ROWS_FAILED": 3,
    }  # fmt: skip


def test_an_answer_is_read_from_standard_input(reviewer: Reviewer) -> None:
    result = score("--question", QUESTION, "--json")
    assert result.exit_code == 0
    expected = to_json(feedback_reply(reviewer.review(Answer(STORY, question=QUESTION))))
    assert result.stdout_bytes == expected + b"\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_file_is_read_as_it_is(newline: str, tmp_path: Path, reviewer: Reviewer) -> None:
    text = STORY.replace(". ", "." + newline) + newline
    path = tmp_path / "answer.txt"
    path.write_bytes(text.encode())
    result = score(str(path), "--json", "-q", QUESTION)
    assert result.exit_code == 0
    for span in json.loads(result.stdout)["spans"]:
        assert text[span["start"] : span["end"]] == span["text"]
    assert score("-", "--json", "-q", QUESTION, answer=text.encode()).stdout == result.stdout


def test_a_given_type_is_taken() -> None:
    result = score("--question-type", "salary", "--json")
    assert json.loads(result.stdout)["question_type"] == {
        "label": "salary",
        "confidence": 1.0,
        "source": "given",
    }


def test_for_people_it_names_parts_gaps_findings_and_what_is_first() -> None:
    result = score("--question", QUESTION)
    assert result.exit_code == 0
    assert "\x1b" not in result.output, "no colours where there is no terminal"
    assert "/100" in result.output
    assert "ACTION" in result.output
    assert "missing here" in result.output
    assert "\n1. " in result.output
    assert "a person decides" in result.output


def test_every_gap_is_shown(reviewer: Reviewer) -> None:
    text = "I rang the support line twice and I opened a paper ledger for every sale that we made."
    report = reviewer.review(Answer(text, question=QUESTION))
    gaps = [finding for finding in report.findings if finding.insert_at is not None]
    assert len(gaps) >= 2
    assert score("--question", QUESTION, answer=text).output.count("missing here") == len(gaps)


def test_a_terminal_gets_colours() -> None:
    result = CliRunner().invoke(main, ["score", "-q", QUESTION], input=STORY, color=True)
    assert "\x1b[" in result.output


def test_what_cannot_be_judged_is_said_and_no_failure() -> None:
    result = score(answer="asdf jkl qwer uiop zxcv bnm asdf")
    assert result.exit_code == 0
    assert result.output.startswith("Not judged. ")
    assert json.loads(score("--json", answer="asdf jkl qwer uiop").stdout)["status"] == "abstained"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "/answer"),
        ("a" * 20_001, "/answer"),
        (b"\xff\xfeno", "not UTF-8"),
        (b"I rang \xed\xa0\x80 them", "not UTF-8"),
    ],
)
def test_a_bad_answer_is_bad_use(answer: str | bytes, said: str) -> None:
    result = score(answer=answer)
    assert result.exit_code == Exit.BAD_USE
    assert said in result.stderr
    assert result.stdout == ""
    assert "rang" not in result.stderr


def test_a_bad_call_is_bad_use(tmp_path: Path) -> None:
    assert score(str(tmp_path / "none.txt")).exit_code == Exit.BAD_USE
    assert score("--question-type", "poem").exit_code == Exit.BAD_USE
    assert CliRunner().invoke(main, ["scores"]).exit_code == Exit.BAD_USE


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAR_FEEDBACK_MAX_TOKENS", "many")
    result = score()
    assert result.exit_code in (Exit.FAILED, Exit.BAD_USE)
    assert "STAR_FEEDBACK_MAX_TOKENS" in result.stderr
    served = CliRunner().invoke(main, ["serve"])
    assert served.exit_code == Exit.BAD_USE
    assert "STAR_FEEDBACK_MAX_TOKENS" in served.stderr


def test_an_answer_cannot_steer_the_terminal() -> None:
    hostile = STORY + " \x1b[2J\x1b]0;owned\x07 \x9b31m \u202e and I rang \x08\x08 them again.\r"
    result = score("--question", QUESTION, answer=hostile.encode())
    assert result.exit_code == 0
    assert not {character for character in result.output if not character.isprintable()} - {"\n"}


def test_help_and_version() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).output
    for command in ("serve", "score"):
        assert command in CliRunner().invoke(main, ["-h"]).output


def test_the_command_is_installed_and_judges() -> None:
    command = Path(sys.executable).with_name("star-feedback")
    out = subprocess.run(
        [command, "score", "--json", "-q", QUESTION],
        input=STORY.encode(),
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert json.loads(out.stdout)["status"] == "scored"
    assert out.stderr == b""
