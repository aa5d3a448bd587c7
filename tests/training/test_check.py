"""The checker names each sort of fault, and only faults."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.feedback.catalogue import Catalogue, known_findings
from service.labels import Label
from training.check import crowding, problems
from training.cli import main
from training.corpus import GoldSpan, LabelledAnswer

from .answers import STORY, marked

TEXT = marked().text
KNOWN = frozenset({"task.missing", "situation.missing", "action.missing", "result.missing", "story.absent"})
OTHER_QUESTION = {"question_type": "salary", "answer_kind": None, "components": None, "score": None}


def spans(*places: tuple[int, int, Label]) -> tuple[GoldSpan, ...]:
    return tuple(GoldSpan(*place) for place in places)


S, T, A, R, O = Label  # noqa: E741
END = len(TEXT)


def test_a_faultless_answer_has_no_problem() -> None:
    assert list(problems(marked(), KNOWN)) == []
    assert list(problems(marked("[O] About forty.", **OTHER_QUESTION), KNOWN)) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (marked(text=" ", spans=()), "the answer is empty"),
        (marked(spans=spans((0, END + 1, S))), "outside the text"),
        (marked(spans=spans((5, 5, S))), "outside the text"),
        (marked(spans=spans((0, 13, S), (13, END, T))), "white space"),
        (marked(spans=spans((0, 5, S), (5, END, T))), "cuts a word"),
        (marked(spans=spans((0, 12, S), (10, END, T))), "overlaps"),
        (marked(spans=spans((0, 12, S), (13, END, S))), "has the label of the one before"),
        (marked(spans=spans((0, 12, S))), "words have no label"),
        (marked(question_type="poem"), "question type 'poem' is unknown"),
        (marked(answer_kind="poem"), "answer kind 'poem' is unknown"),
        (marked(findings=("task.mising",)), "finding 'task.mising' is not in the catalogue"),
        (marked(score=6), "outside 1 to 5"),
        (marked(score=0), "outside 1 to 5"),
        (marked(meta={"mode": "sung"}), "mode 'sung' is unknown"),
        (marked(answer_kind=None), "needs an answer kind"),
        (marked(components=None), "needs component scores"),
        (marked(score=None), "needs component scores"),
        (marked(findings=("story.absent", "task.missing")), "stands alone"),
        (marked(findings=("result.missing",)), "result.missing is raised but words are labelled RESULT"),
        (marked("[S] It was late. [A] I ran."), "RESULT is rated 2 but no word"),
        (
            marked("[S] It was late. [A] I ran.", components={"S": 2, "T": 0, "A": 2, "R": 0}),
            "a story without RESULT needs the finding result.missing",
        ),
    ],
)
def test_each_sort_of_fault_is_named(answer: LabelledAnswer, problem: str) -> None:
    found = list(problems(answer, KNOWN))
    assert any(problem in line for line in found), found


def test_answers_alike_are_named() -> None:
    long = "[A] " + " ".join(f"word{number}" for number in range(60))
    other = "[A] " + " ".join(f"other{number}" for number in range(60))
    first, second, third = marked(long, id="a"), marked(long + " more", id="b"), marked(other, id="c")
    found = dict(crowding([first, second, third]))
    assert set(found) == {"b"}
    assert "with a" in found["b"]


def test_an_id_stands_once() -> None:
    twice = [marked("[A] I ran.", id="a"), marked("[A] We all slept well.", id="a")]
    assert any("stands 2 times" in problem for _, problem in crowding(twice))


def test_openings_are_not_repeated() -> None:
    answers = [marked(f"[S] It was a cold {word}.", id=word) for word in ("day", "night", "June", "Friday")]
    assert {answer_id for answer_id, problem in crowding(answers) if "answers open with" in problem} == {
        "day", "night", "June", "Friday",
    }  # fmt: skip
    assert list(crowding(answers[:2])) == []


def test_labelled_data_may_name_every_finding_of_the_catalogue(catalogue: Catalogue) -> None:
    known = known_findings(catalogue)
    assert {"task.missing", "answer.off_question", "criterion.salary.range:met"} <= known
    assert "criterion.salary.range" not in known


def star(answer_id: str, text: str) -> str:
    head = "question: Why?\ntype: behavioural\nkind: story\ncomponents: S2 T2 A2 R2\nscore: 3\nmode: typed"
    return f"## {answer_id}\n{head}\n\n{text}\n"


def test_the_command_reports_every_broken_line_and_fails(tmp_path: Path) -> None:
    content = (
        star("a-1", STORY) + star("a-2", "no mark here") + star("a-3", "[S] It was. [T] I had to. [A] I did.")
    )
    (tmp_path / "t.star").write_text(content, encoding="utf-8")
    other = marked(
        "[S] Our van died. [T] I had to sell fish. [A] I called Sam. [R] He came.", id="j", score=9
    )
    (tmp_path / "t.jsonl").write_bytes(b'{"id": "x"}\n' + other.to_json().encode() + b"\n")
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert any("t.jsonl:1: not a labelled answer" in line for line in lines)
    assert any("t.star:10: a-2: the answer must open with a mark" in line for line in lines)
    assert any(line.startswith("a-3: RESULT is rated 2 but no word") for line in lines)
    assert any(line.startswith("j: score 9") for line in lines)
    assert not any(line.startswith("a-1") for line in lines)
    assert lines[-1].startswith("3 answers, ")


def test_the_command_passes_good_files(tmp_path: Path) -> None:
    (tmp_path / "t.star").write_text(star("a-1", STORY), encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert (result.exit_code, result.output) == (0, "1 answers, 17 words, 0 problems\n")
