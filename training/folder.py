"""Writing a model folder: arrays, names, manifest and card; the same model gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from spacy.language import Language as Nlp

from service import __version__
from service.errors import StarFeedbackError
from service.language.features import FEATURE_VERSION
from service.language.model_folder import (
    FORMAT,
    MANIFEST,
    SPACY_VERSION,
    layer_file,
    pipeline_identity,
    seal,
)
from service.language.model_index import INDEX
from training.corpus import LabelledAnswer
from training.fit import FitSettings, Fitted

#: As ``service.language.model_folder`` takes names.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class CannotWriteModel(StarFeedbackError):
    """A folder that no model may be written to; says why."""


def model_names(models_dir: Path) -> list[str]:
    """Return the names of the model folders of ``models_dir``, whole or not, sorted."""
    return sorted(path.parent.name for path in models_dir.glob(f"*/{MANIFEST}"))


def in_use(models_dir: Path) -> list[str]:
    """Return the names of the model that is current and of those that ``rollback`` goes back to."""
    index = _index(models_dir)
    return [name for name in (index["current"], *index["history"]) if name]


def check_out(folder: Path, used: Collection[Path] = ()) -> None:
    """Raise ``CannotWriteModel`` unless a model may be written to ``folder``: nothing but another model is replaced.

    Those of ``used`` are not replaced either.
    """
    if not _NAME.fullmatch(folder.name):
        raise CannotWriteModel(
            f"--out: {folder.name!r} is no name for a model; use a-z, 0-9, '.', '_' and '-', for example models/own-1"
        )
    if folder.resolve() in {path.resolve() for path in used}:
        raise CannotWriteModel(f"--out: {folder.name} is in use; choose another name, for example own-1")
    if (folder.exists() or folder.is_symlink()) and (
        folder.is_symlink() or not (folder / MANIFEST).is_file()
    ):
        raise CannotWriteModel(f"--out: {folder} is there and is no model folder; choose another name")


def data_hash(answers: Sequence[LabelledAnswer]) -> str:
    """Return a hash of the labelled data, whatever order it stands in."""
    lines = sorted(answer.to_json() for answer in answers)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_model(
    folder: Path,
    fitted: Fitted,
    *,
    nlp: Nlp,
    answers: Sequence[LabelledAnswer],
    settings: FitSettings,
    figures: Mapping[str, Mapping[str, object]],
    card: str,
    own: Mapping[str, object] | None = None,
) -> None:
    """Write ``folder`` as a whole: it appears under its name only when it is complete.

    ``own`` says of what own data it was made, for the gate.
    """
    contents = _contents(fitted)
    manifest: dict[str, object] = {
        "format": FORMAT,
        "version": _version(contents),
        "made_with": {
            "service": __version__,
            "features": FEATURE_VERSION,
            "python": ".".join(map(str, sys.version_info[:2])),
            "spacy": SPACY_VERSION,
            "pipeline": pipeline_identity(nlp),
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
        "data": {"answers": len(answers), "sha256": data_hash(answers)},
        "settings": {name: getattr(settings, name) for name in settings.__dataclass_fields__},
        "figures": dict(figures),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())},
    }
    if own is not None:
        manifest["own"] = dict(own)
    manifest["manifest_sha256"] = seal(manifest)
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, content in contents.items():
        (fresh / name).write_bytes(content)
    (fresh / MANIFEST).write_text(
        json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (fresh / "README.md").write_text(card, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def set_current(models_dir: Path, name: str) -> None:
    """Make ``name`` the model that the service takes; the one before stays in the history."""
    index = _index(models_dir)
    if index["current"] not in (None, name):
        index["history"].append(index["current"])
    index["current"] = name
    _write_index(models_dir, index)


def step_back(models_dir: Path) -> str:
    """Make the model before this one current again and return its name; it leaves the history.

    Raises ``LookupError`` where there was none.
    """
    index = _index(models_dir)
    if not index["history"]:
        raise LookupError("no model was current before this one")
    index["current"] = index["history"].pop()
    _write_index(models_dir, index)
    return str(index["current"])


def _index(models_dir: Path) -> dict[str, Any]:
    path = models_dir / INDEX
    return dict(json.loads(path.read_bytes())) if path.exists() else {"current": None, "history": []}


def _write_index(models_dir: Path, index: Mapping[str, object]) -> None:
    """Write the index whole and on the disk before it takes the old one's place."""
    part = (models_dir / INDEX).with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(index, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(models_dir / INDEX)


def _contents(fitted: Fitted) -> dict[str, bytes]:
    labeller = fitted.labeller
    contents = {
        "vocabulary.json": _names(labeller.vocabulary),
        "settings.json": json.dumps(
            {
                "temperature": labeller.temperature,
                "perceptrons": [len(one.layers) for one in labeller.perceptrons],
                "heads": {name: list(head.classes) for name, head in sorted(fitted.heads.items())},
                "limits": {
                    name: [limits.above, limits.below] for name, limits in sorted(fitted.limits.items())
                },
            },
            indent=2,
        ).encode(),
        "first_weights.npy": _array(labeller.first_weights),
        "first_intercept.npy": _array(labeller.first_intercept),
        # Half the precision, half the size: the points move by less than a thousandth.
        "embedding.npy": _array(labeller.embedding.astype(np.float16)),
        "moves.npy": _array(labeller.chain.moves.astype(np.float32)),
    }
    for number, perceptron in enumerate(labeller.perceptrons):
        for depth, layer in enumerate(perceptron.layers):
            contents[layer_file(number, depth, "weights")] = _array(layer.weights)
            contents[layer_file(number, depth, "intercept")] = _array(layer.intercept)
    for name, head in sorted(fitted.heads.items()):
        contents[f"{name}.vocabulary.json"] = _names(head.vocabulary)
        contents[f"{name}.weights.npy"] = _array(head.weights)
        contents[f"{name}.intercept.npy"] = _array(head.intercept)
    return contents


def _version(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(name.encode() + b"\0" + contents[name])
    return digest.hexdigest()[:12]


def _names(vocabulary: Mapping[str, int]) -> bytes:
    return json.dumps(sorted(vocabulary, key=lambda name: vocabulary[name]), ensure_ascii=False).encode()


def _array(array: NDArray[np.floating]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
