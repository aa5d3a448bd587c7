"""A model folder that is damaged, foreign or hostile is refused with its reason, and nothing of it runs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import ModelRefused
from service.language import model_folder
from service.language.model_folder import MANIFEST, load_model, pipeline_identity, seal
from service.language.model_index import INDEX, current_model_name
from service.language.nlp import Language
from service.settings import Settings

from ..conftest import TinyModel

ROOT = Path(__file__).resolve().parent.parent.parent
#: Bits that are flipped; a tenth as many files are cut.
DAMAGE_ROUNDS = int(os.environ.get("DAMAGE_ROUNDS", "60"))


@pytest.fixture
def folder(tiny: TinyModel, tmp_path: Path) -> Path:
    """Give a copy of the tiny model's folder, to be damaged."""
    return Path(shutil.copytree(tiny.folder, tmp_path / "models" / "tiny-1"))


def refused(folder: Path, language: Language) -> str:
    with pytest.raises(ModelRefused) as caught:
        load_model(folder.parent, folder.name, language.nlp)
    assert str(caught.value)
    return str(caught.value)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest and seal it again, as somebody would who knows how."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_bytes())
    manifest.pop("manifest_sha256")
    change(manifest)
    manifest["manifest_sha256"] = seal(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def replaced(folder: Path, name: str, content: bytes) -> None:
    """Put another file in its place, with its hash in a sealed manifest."""
    (folder / name).write_bytes(content)
    rewrite(folder, lambda manifest: manifest["files"].update({name: hashlib.sha256(content).hexdigest()}))


def npy(array: np.ndarray[Any, Any], **options: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def names_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "README.md")


def test_an_untouched_copy_is_taken(folder: Path, language: Language) -> None:
    model = load_model(folder.parent, "tiny-1", language.nlp)
    assert model.name == "tiny-1"
    assert len(model.version) == 12


def test_the_shipped_model_is_taken(language: Language) -> None:
    models = Settings().models_dir
    name = current_model_name(models)
    assert load_model(models, name, language.nlp).name == name


def test_no_weight_of_the_shipped_perceptrons_is_too_small_to_be_multiplied_fast(language: Language) -> None:
    """A product with a thousand 32-bit floats under 1e-38 is sixty times as slow."""
    models = Settings().models_dir
    for one in load_model(models, current_model_name(models), language.nlp).labeller.perceptrons:
        for layer in one.layers:
            sizes = np.abs(layer.weights)
            assert not ((sizes > 0) & (sizes < 1e-12)).any()


def test_one_bit_changed_in_any_file_is_seen(folder: Path, language: Language) -> None:
    names = names_of(folder)
    assert len(names) > 15
    for name in names:
        content = (folder / name).read_bytes()
        for place in (0, len(content) // 2, len(content) - 2):
            flipped = bytearray(content)
            flipped[place] ^= 1
            (folder / name).write_bytes(flipped)
            refused(folder, language)
        (folder / name).write_bytes(content)
    load_model(folder.parent, "tiny-1", language.nlp)


def test_any_file_cut_short_or_gone_is_seen(folder: Path, language: Language) -> None:
    for name in names_of(folder):
        content = (folder / name).read_bytes()
        for kept in (b"", content[: len(content) // 2], content[:-2]):
            (folder / name).write_bytes(kept)
            refused(folder, language)
        (folder / name).unlink()
        refused(folder, language)
        (folder / name).write_bytes(content)
    load_model(folder.parent, "tiny-1", language.nlp)


def test_damage_anywhere_is_seen(folder: Path, language: Language) -> None:
    """Flip a bit of random bytes, cut at random places: never is such a folder taken."""
    chance = random.Random(7)
    names = names_of(folder)
    for number in range(DAMAGE_ROUNDS + DAMAGE_ROUNDS // 10):
        path = folder / chance.choice(names)
        content = path.read_bytes()
        place = chance.randrange(len(content))
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped if number < DAMAGE_ROUNDS else content[:place])
        refused(folder, language)
        path.write_bytes(content)
    load_model(folder.parent, "tiny-1", language.nlp)


def strange_names() -> list[str]:
    """Return two hundred names that somebody might try in order to leave the models folder."""
    climbs = [
        "../",
        "..\\",
        "..%2f",
        "%2e%2e/",
        "..;/",
        "....//",
        "\u2025/",
        "..\u2044",
        "..\u2215",
        "\uff0e\uff0e/",
    ]
    goals = [
        "tiny-1",
        "etc/passwd",
        "models/tiny-1",
        "star-1#",
        "star-1?x=1",
        "index.json",
        "C:\\x",
        "x\0y",
        "x\n",
        " ",
    ]
    roots = ["/", "//", "~/", "file:///", "\\\\host\\", "./", "C:/", "\u200b", "a" * 65, "-"]
    return [side + goal for side in (*climbs, *roots) for goal in goals]


def test_two_hundred_names_open_nothing(
    folder: Path, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = strange_names()
    assert len(set(names)) == 200
    opened: list[str] = []
    for method in ("read_bytes", "read_text", "open"):
        monkeypatch.setattr(Path, method, lambda path, *_, **__: opened.append(str(path)))
    for name in names:
        with pytest.raises(ModelRefused):
            load_model(folder.parent, name, language.nlp)
    assert opened == []


@pytest.mark.parametrize("name", ["extra.npy", "extra.py", ".hidden", "__pycache__"])
def test_a_file_that_is_not_listed_is_seen(name: str, folder: Path, language: Language) -> None:
    (folder / name).write_bytes(b"")
    assert "other files than its manifest lists" in refused(folder, language)


def test_links_are_not_followed(folder: Path, tmp_path: Path, language: Language) -> None:
    for name in names_of(folder):
        content = (folder / name).read_bytes()
        outside = tmp_path / "outside"
        outside.write_bytes(content)
        (folder / name).unlink()
        (folder / name).symlink_to(outside)
        assert "link" in refused(folder, language)
        (folder / name).unlink()
        (folder / name).write_bytes(content)
    (folder.parent / "linked").symlink_to(folder)
    assert "no model folder" in refused(folder.parent / "linked", language)


@pytest.mark.parametrize(
    "name", ["..", ".", "../tiny-1", "/etc", "tiny-1/", "tiny-1\0", "", "TINY-1", "a" * 65, "~"]
)
def test_a_name_is_never_a_path(name: str, folder: Path, language: Language) -> None:
    with pytest.raises(ModelRefused):
        load_model(folder.parent, name, language.nlp)


@pytest.mark.parametrize("name", ["../outside.npy", "/etc/passwd", "sub/file.npy"])
def test_a_file_outside_is_never_opened(
    name: str, folder: Path, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "outside.npy").write_bytes(b"x")
    rewrite(folder, lambda manifest: manifest["files"].update({name: hashlib.sha256(b"x").hexdigest()}))
    opened: list[str] = []
    real = Path.read_bytes

    def noted(path: Path) -> bytes:
        opened.append(str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    assert "other files" in refused(folder, language)
    assert opened == [str(folder / MANIFEST)]


@pytest.mark.parametrize(
    ("what", "version"),
    [("features", "0"), ("spacy", "3.7"), ("pipeline", "en_core_web_md-3.8.0"), ("features", None)],
)
def test_a_model_of_other_versions_is_refused_by_name(
    what: str, version: str | None, folder: Path, language: Language
) -> None:
    rewrite(folder, lambda manifest: manifest["made_with"].update({what: version}))
    assert f"the model was made with {what} {version}" in refused(folder, language)


def test_another_spacy_here_is_refused(
    folder: Path, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_folder, "SPACY_VERSION", "3.9")
    reason = refused(folder, language)
    assert "spacy 3.8" in reason
    assert "here is 3.9" in reason


def test_the_repackaged_pipeline_counts_as_the_official_one(language: Language) -> None:
    assert pipeline_identity(language.nlp) == "en_core_web_sm-3.8.0"


def test_an_edited_manifest_is_seen(folder: Path, language: Language) -> None:
    path = folder / MANIFEST
    for before, after in (('"answers": 60', '"answers": 61'), ('"version": "', '"version": "x')):
        content = path.read_text(encoding="utf-8")
        assert before in content
        path.write_text(content.replace(before, after), encoding="utf-8")
        assert "changed after it was written" in refused(folder, language)
        path.write_text(content, encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not of the format"),
        (b"{}", "not of the format"),
        (b'{"format": "star-feedback-model/1"}', "not of the format"),
        (b'{"format": "star-feedback-model/2"}', "changed after"),
        (b'{"format": NaN}', "not of the format"),
    ],
)
def test_what_is_no_manifest_is_refused(
    content: bytes, reason: str, folder: Path, language: Language
) -> None:
    (folder / MANIFEST).write_bytes(content)
    assert reason in refused(folder, language)


@pytest.mark.parametrize("key", ["files", "made_with", "version"])
def test_a_sealed_manifest_that_lacks_something_is_refused(
    key: str, folder: Path, language: Language
) -> None:
    rewrite(folder, lambda manifest: manifest.pop(key))
    refused(folder, language)


class Trap:
    """Unpickling it would set ``sprung``."""

    sprung = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return setattr, (Trap, "sprung", True)


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def zipped(**arrays: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


HOSTILE_ARRAYS = {
    "a pickle": pickle.dumps(Trap()),
    "an array of objects": npy(np.array([Trap()], dtype=object), allow_pickle=True),
    "an archive": zipped(moves=np.zeros((5, 5), dtype=np.float32)),
    "nothing": b"",
    "text": b"0 0 0 0 0",
    "a terabyte by its header": header((10**12,)) + b"\0" * 100,
    "more than memory by its header": header((2**62, 4)) + b"\0" * 100,
    "less than its header": header((5, 5)) + b"\0" * 99,
    "more than its header": header((5, 5)) + b"\0" * 101,
    "a negative size": header((-5, -5)) + b"\0" * 100,
    "code for a header": b"\x93NUMPY\x01\x00\x20\x00" + b"__import__('os').abort()        ",
    "another version": b"\x93NUMPY\x09\x00" + header((5, 5))[8:] + b"\0" * 100,
    "64-bit floats": npy(np.zeros((5, 5))),
    "integers": npy(np.zeros((5, 5), dtype=np.int32)),
    "big-endian floats": npy(np.zeros((5, 5), dtype=">f4")),
    "columns first": npy(np.asfortranarray(np.arange(25, dtype=np.float32).reshape(5, 5))),
    "another shape": npy(np.zeros((5, 4), dtype=np.float32)),
    "no shape": npy(np.array(1, dtype=np.float32)),
    "not a number": npy(np.full((5, 5), np.nan, dtype=np.float32)),
    "infinity": npy(np.full((5, 5), np.inf, dtype=np.float32)),
}


@pytest.mark.parametrize("content", HOSTILE_ARRAYS.values(), ids=HOSTILE_ARRAYS)
def test_a_hostile_array_is_refused_though_its_hash_is_listed(
    content: bytes, folder: Path, language: Language
) -> None:
    replaced(folder, "moves.npy", content)
    refused(folder, language)
    assert not Trap.sprung


HOSTILE_NAMES = [
    b"", b"null", b"5", b"{}", b'["a"]', b'["a", "a"]', b"[" * 100_000, b"\xff", b'"abc"', pickle.dumps(Trap()),
]  # fmt: skip


@pytest.mark.parametrize("name", ["vocabulary.json", "answer_kind.vocabulary.json", "settings.json"])
@pytest.mark.parametrize("content", HOSTILE_NAMES)
def test_hostile_names_are_refused_though_their_hash_is_listed(
    name: str, content: bytes, folder: Path, language: Language
) -> None:
    replaced(folder, name, content)
    refused(folder, language)
    assert not Trap.sprung


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", 0), ("temperature", -1), ("temperature", "warm"), ("temperature", None),
        ("temperature", float("nan")), ("temperature", float("inf")),
        ("heads", {}), ("heads", []), ("heads", {"answer_kind": ["story"]}), ("limits", None), ("limits", {"x": 5}),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(
    key: str, value: object, folder: Path, language: Language
) -> None:
    settings = json.loads((folder / "settings.json").read_bytes())
    settings[key] = value
    replaced(folder, "settings.json", json.dumps(settings).encode())
    refused(folder, language)


def test_a_class_that_nobody_knows_is_refused(folder: Path, language: Language) -> None:
    settings = json.loads((folder / "settings.json").read_bytes())
    settings["heads"]["answer_kind"][0] = "poem"
    replaced(folder, "settings.json", json.dumps(settings).encode())
    assert "answer_kind" in refused(folder, language)


def test_a_file_that_is_too_large_is_not_read(
    folder: Path, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_folder, "LARGEST_FILE", (folder / MANIFEST).stat().st_size)
    assert "too large" in refused(folder, language)
    monkeypatch.setattr(model_folder, "LARGEST_FILE", 10)
    assert MANIFEST in refused(folder, language)


def test_loading_runs_nothing_and_opens_nothing_outside(folder: Path) -> None:
    """Told by the interpreter itself, which announces what it is about to do."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from service.language.model_folder import load_model\n"
        "from service.language.nlp import load_nlp\n"
        "from service.settings import Settings\n"
        "folder, nlp, events = Path(sys.argv[1]), load_nlp(Settings().spacy_model), []\n"
        "sys.addaudithook(lambda event, given: events.append((event, given)))\n"
        "load_model(folder.parent, folder.name, nlp)\n"
        "seen = tuple(events)\n"
        "print(*sorted({event for event, _ in seen}))\n"
        "print(*sorted({str(given[0]) for event, given in seen if event == 'open'}), sep='\\n')\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, cwd=ROOT
    )
    events, *opened = out.stdout.splitlines()
    assert not {
        "exec",
        "import",
        "pickle.find_class",
        "os.system",
        "subprocess.Popen",
        "ctypes.dlopen",
    } & set(events.split())
    assert sorted(opened) == [str(folder / name) for name in names_of(folder)]


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"\xff", b'{"current"', b"[" * 100_000])
def test_an_index_that_cannot_be_read_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / INDEX).write_bytes(content)
    with pytest.raises(ModelRefused, match="index"):
        current_model_name(tmp_path)


def test_a_models_folder_that_is_not_there_is_refused(tmp_path: Path, language: Language) -> None:
    with pytest.raises(ModelRefused, match="no models folder"):
        load_model(tmp_path / "none", "star-1", language.nlp)
