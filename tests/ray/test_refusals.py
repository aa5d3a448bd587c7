"""``--engine ray`` starts nothing that is open to strangers, and says what to do; needs no Ray."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.batch import ray_engine
from service.batch.ray_engine import TOKEN, TOKEN_PATH, Judge, RayRefused, check_ray
from service.cli import Exit, main
from tests.batch.fakes import load_obedient


@pytest.fixture(autouse=True)
def ray_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "find_spec", lambda _name: object())
    # None makes an import fail: what must not start, can't.
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in (TOKEN, TOKEN_PATH, "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)


def batch(folder: Path, *arguments: str) -> Result:
    source = folder / "in.jsonl"
    source.write_text('{"answer": "my secret"}\n', encoding="utf-8")
    return CliRunner().invoke(main, ["batch", str(source), "-o", str(folder / "out.jsonl"), *arguments])


@pytest.mark.parametrize("address", [[], ["--ray-address", "127.0.0.1:6379"], ["--ray-address", "auto"]])
def test_without_a_token_nothing_starts(address: list[str], tmp_path: Path) -> None:
    result = batch(tmp_path, "--engine", "ray", *address)
    assert result.exit_code == Exit.BAD_USE
    assert "set RAY_AUTH_TOKEN to a long random text" in result.stderr
    assert "RAY_AUTH_TOKEN_PATH" in result.stderr
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize("given", ["", "  \n"])
def test_an_empty_token_is_none(given: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(given, encoding="utf-8")
    for environment in ({}, {TOKEN: given}, {TOKEN_PATH: str(path)}):
        with pytest.raises(RayRefused, match="set RAY_AUTH_TOKEN"):
            check_ray(environment)


def test_a_token_may_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(RayRefused, match="RAY_AUTH_TOKEN_PATH names cannot be read"):
        check_ray({TOKEN_PATH: str(path)})
    path.write_text("t" * 64 + "\n", encoding="utf-8")
    check_ray({TOKEN_PATH: str(path)})
    check_ray({TOKEN: "t" * 64, "RAY_AUTH_MODE": "token"})


def test_a_token_that_is_switched_off_is_none() -> None:
    with pytest.raises(RayRefused, match="RAY_AUTH_MODE must be 'token'"):
        check_ray({TOKEN: "t" * 64, "RAY_AUTH_MODE": "disabled"})


def test_without_ray_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(TOKEN, "t" * 64)
    monkeypatch.setattr(ray_engine, "find_spec", lambda _name: None)
    result = batch(tmp_path, "--engine", "ray")
    assert result.exit_code == Exit.BAD_USE
    assert "[ray]" in result.stderr
    assert "pip install --require-hashes -r requirements-ray.lock" in result.stderr


@pytest.mark.parametrize("address", ["localhost", "ray://127.0.0.1:10001", "local", "a b:1"])
def test_an_address_is_that_of_a_head(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "t" * 64)
    result = batch(tmp_path, "--engine", "ray", "--ray-address", address)
    assert result.exit_code == Exit.BAD_USE
    assert "HOST:PORT" in result.stderr


def test_an_address_needs_the_engine(tmp_path: Path) -> None:
    result = batch(tmp_path, "--ray-address", "127.0.0.1:6379")
    assert result.exit_code == Exit.BAD_USE
    assert "--engine ray" in result.stderr


@pytest.mark.parametrize("environment", [{}, {"RAY_AUTH_MODE": "disabled"}])
def test_a_process_of_an_open_machine_refuses(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    assert "without RAY_AUTH_MODE=token" in Judge(load_obedient).start()["refused"]
    monkeypatch.setattr(os, "environ", {"RAY_AUTH_MODE": "token"})
    assert "refused" not in Judge(load_obedient).start()
