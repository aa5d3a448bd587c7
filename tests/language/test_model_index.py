"""The index of the models folder: what it names, and that a change of it is seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.errors import ModelRefused
from service.language.model_index import INDEX, IndexWatch, current_model_name, former_model_name, pinned
from service.settings import Settings
from training.folder import set_current


def test_the_index_names_the_current_model_and_the_one_before(tmp_path: Path) -> None:
    set_current(tmp_path, "a")
    assert (current_model_name(tmp_path), former_model_name(tmp_path)) == ("a", None)
    set_current(tmp_path, "b")
    set_current(tmp_path, "c")
    assert (current_model_name(tmp_path), former_model_name(tmp_path)) == ("c", "b")


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"\xff", b'{"history": 3}', b"[" * 100_000])
def test_an_index_that_cannot_be_read_tells_of_no_model_before(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / INDEX).write_bytes(content)
    assert former_model_name(tmp_path) is None


def test_every_change_is_seen_once(tmp_path: Path) -> None:
    watch = IndexWatch(tmp_path)
    assert not watch.has_changed()
    for name in ("a", "b", "b"):
        set_current(tmp_path, name)
        assert watch.has_changed(), "also where the same name is written again"
        assert not watch.has_changed()
    (tmp_path / INDEX).unlink()
    assert watch.has_changed()
    assert not watch.has_changed()


def test_a_change_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    set_current(tmp_path, "a")
    index = tmp_path / INDEX
    state = index.stat()
    watch = IndexWatch(tmp_path)
    index.write_bytes(index.read_bytes().replace(b'"a"', b'"b"'))
    os.utime(index, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert watch.has_changed()


def test_pinned_settings_name_the_model_of_now(tmp_path: Path) -> None:
    set_current(tmp_path, "a")
    settings = Settings(models_dir=tmp_path)
    fixed = pinned(settings)
    set_current(tmp_path, "b")
    assert (fixed.model, pinned(settings).model, pinned(fixed).model) == ("a", "b", "a")
    (tmp_path / INDEX).unlink()
    assert pinned(fixed).model == "a"
    with pytest.raises(ModelRefused, match="index"):
        pinned(settings)
