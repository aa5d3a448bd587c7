"""Fixtures of the batch tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

WORDS = ("scored", "NOTHING", "TOKENS", "FAULT", "LATE")
WriteRows = Callable[..., Path]


def answers(count: int) -> list[str]:
    """Give answers of all fates: one in five is abstained, two fail."""
    return [f"I led team {number} here. {WORDS[number % 7 % 5]} 😀" for number in range(count)]


def jsonl(texts: list[str]) -> bytes:
    lines = (json.dumps({"id": f"r{number}", "answer": text}) for number, text in enumerate(texts, start=1))
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    """Write a file of answers of all fates, or of given ones."""

    def write(texts: list[str] | int = 40, name: str = "in.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(jsonl(answers(texts) if isinstance(texts, int) else texts))
        return path

    return write
