"""Whole batches stand on one side for ever, and the test part stays closed while training."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from training.cli import read_data
from training.corpus import read_jsonl, write_jsonl
from training.splits import MARKED, Split, path_of, read_split, split_of

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_batch_never_changes_sides() -> None:
    """These are the sides of the first batches; a change would put trained answers into the test part."""
    sides = {
        "r1-w1-01": "development",
        "r1-w1-02": "test",
        "r1-w2-01": "development",
        "r1-w3-01": "development",
        "r2-w1-01": "train",
    }
    assert {batch: split_of(batch).value for batch in sides} == sides


def test_about_a_fifth_each_is_kept_for_development_and_test() -> None:
    sides = [split_of(f"batch-{number}") for number in range(2_000)]
    assert 0.17 < sides.count(Split.TEST) / 2_000 < 0.23
    assert 0.17 < sides.count(Split.DEVELOPMENT) / 2_000 < 0.23


def test_no_batch_and_no_answer_stands_on_two_sides() -> None:
    sides: dict[str, set[Split]] = defaultdict(set)
    for split in Split:
        for answer in read_split(split):
            sides[answer.meta["batch"]].add(split)
            sides[answer.id].add(split)
            sides[answer.text].add(split)
            assert split_of(answer.meta["batch"]) is split
    assert sides
    assert all(len(found) == 1 for found in sides.values())


def test_the_compiled_answers_are_the_marked_ones(tmp_path: Path) -> None:
    answers, broken = read_data((MARKED,))
    assert broken == []
    for split in Split:
        part = [answer for answer in answers if split_of(answer.meta["batch"]) is split]
        write_jsonl(tmp_path / "part.jsonl", part)
        same = (tmp_path / "part.jsonl").read_bytes() == path_of(split).read_bytes()
        assert same, f"{path_of(split).name} is not what is marked: run python -m training compile"


def test_training_never_opens_the_test_part(tmp_path: Path) -> None:
    for split in Split:
        write_jsonl(tmp_path / path_of(split).name, read_jsonl(path_of(split))[::20])
    code = (
        "import os, sys\n"
        "opened = set()\n"
        "sys.addaudithook(lambda event, given: event in ('open', 'os.open') and opened.add(str(given[0])))\n"
        "from training.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "print('opened', *sorted(opened), sep='\\n')\n"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "train",
        "train.jsonl",
        "development.jsonl",
        "--out",
        "models/tried",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    opened = out.stdout.partition("\nopened\n")[2].splitlines()
    assert {"train.jsonl", "development.jsonl"} <= {Path(name).name for name in opened}, (
        "the hook sees what is opened"
    )
    assert not [name for name in opened if Path(name).name == "test.jsonl"]
    assert not [name for name in opened if name.endswith(".star")]
    assert (tmp_path / "models/tried/manifest.json").exists()
