"""The image is made by the steps of ``make setup``, runs without rights, and a linter finds no fault."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
Instruction = tuple[str, str]


def instructions(name: str) -> list[list[Instruction]]:
    """Return the instructions of each stage of a Dockerfile, continued lines joined."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    stages: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            stages.append([])
        stages[-1].append((keyword, rest.strip()))
    return stages


STAGES = instructions("Dockerfile")
BUILD, FINAL = STAGES[0], STAGES[-1]


def all_of(stage: list[Instruction], keyword: str) -> list[str]:
    return [rest for found, rest in stage if found == keyword]


def dry_run(*arguments: str) -> list[str]:
    """Return the commands that ``make`` would run for a tree in which nothing is set up."""
    make = shutil.which("make")
    assert make is not None, "make is what runs these tests"
    command = [make, "--no-print-directory", "--dry-run", "--always-make", *arguments]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in out.stdout.replace("\\\n", "").splitlines() if line.strip()]


def test_the_image_installs_by_make_setup_and_nothing_else() -> None:
    assert [all_of(stage, "RUN") for stage in STAGES] == [["make setup LOCK=requirements.lock"], []]


def test_make_setup_installs_the_named_lock_by_hash_and_then_the_project_alone() -> None:
    commands = dry_run("setup", "LOCK=requirements.lock")
    pip = [command for command in commands if " pip " in command]
    assert pip == [
        ".venv/bin/python -m pip install --require-hashes -r requirements.lock",
        ".venv/bin/python -m pip install --no-deps --no-build-isolation -e .",
    ]


def test_without_a_lock_named_setup_takes_the_one_with_the_tools() -> None:
    with_tools = [line.replace("requirements-dev.lock", "requirements.lock") for line in dry_run("setup")]
    assert with_tools == dry_run("setup", "LOCK=requirements.lock")


@pytest.mark.parametrize("target", ["test", "serve"])
def test_test_and_serve_begin_with_setup(target: str) -> None:
    setup = dry_run("setup")
    assert dry_run(target)[: len(setup)] == setup


def test_what_setup_needs_is_in_the_image_before_it_runs() -> None:
    before = list(takewhile(lambda item: item[0] != "RUN", BUILD))
    copied = {source for rest in all_of(before, "COPY") for source in rest.split()[:-1]}
    assert copied == {"Makefile", "pyproject.toml", "requirements.lock", "README.md", "service"}


def test_the_image_holds_the_model_and_no_tools() -> None:
    assert "models models" in all_of(FINAL, "COPY")
    copied = " ".join(rest for stage in STAGES for rest in all_of(stage, "COPY"))
    assert not re.search(r"training|tests|requirements-dev", copied)
    assert not any(re.search(r"(^|\s)\.(\s|$)", rest) for rest in all_of(FINAL, "COPY")), "no whole context"


def test_both_stages_have_the_same_exact_python() -> None:
    tags = [re.match(r"python:(3\.11\.\d+)-(slim-)?([a-z]+)", all_of(stage, "FROM")[0]) for stage in STAGES]
    assert len(tags) == 2
    assert all(tags)
    assert len({(tag.group(1), tag.group(3)) for tag in tags if tag}) == 1
    assert [tag.group(2) for tag in tags if tag] == [None, "slim-"]


def test_the_image_runs_without_rights_and_says_how_it_is() -> None:
    (user,) = all_of(FINAL, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), (
        "a number, so that an orchestrator sees it isn't root"
    )
    assert all_of(FINAL, "EXPOSE") == ["8000"]
    (check,) = all_of(FINAL, "HEALTHCHECK")
    assert "http://127.0.0.1:8000/healthz" in check
    assert all_of(FINAL, "CMD") == ['["star-feedback", "serve"]']
    after_user = FINAL[[keyword for keyword, _ in FINAL].index("USER") :]
    assert not {keyword for keyword, _ in after_user} & {"RUN", "COPY", "ADD"}, (
        "nothing in /app is the user's"
    )


def test_the_image_writes_nothing_below_its_root() -> None:
    settings = dict(pair.split("=", 1) for rest in all_of(FINAL, "ENV") for pair in rest.split())
    assert settings["PYTHONDONTWRITEBYTECODE"] == "1"
    assert all_of(FINAL, "VOLUME") == []
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    assert {settings[name] for name in threads} == {"1"}


def test_the_context_holds_what_is_copied_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {line[1:] for line in rules if line.startswith("!")}
    copied = {
        source
        for stage in STAGES
        for rest in all_of(stage, "COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert let_in == copied
    assert all((ROOT / name).exists() for name in let_in)
    assert not any(fnmatch(name, rule) for name in let_in for rule in rules[1:] if not rule.startswith("!"))


def test_a_linter_finds_no_fault() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    out = subprocess.run(
        [hadolint, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (out.returncode, out.stdout) == (0, "")
