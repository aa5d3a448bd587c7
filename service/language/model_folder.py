"""A model is a folder of numbers and names: JSON and ``.npy`` arrays, nothing that can run code.

``manifest.json`` lists every file with its SHA-256, and what the model was made with. Loading checks the
whole folder before anything of it is used, and refuses what is damaged, foreign or made by other versions.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language as Nlp

from service.errors import ModelRefused
from service.labels import AnswerKind, QuestionType
from service.language.features import FEATURE_VERSION
from service.language.heads import Floats, LinearHead
from service.language.labeller import LABELS, Chain, Labeller, second_columns
from service.language.perceptron import Layer, Perceptron

FORMAT = "star-feedback-model/2"
MANIFEST = "manifest.json"
#: A file of a model folder is never larger, in bytes.
LARGEST_FILE = 64 * 1024 * 1024
#: spaCy's major and minor version, which a model is tied to.
SPACY_VERSION = ".".join(version("spacy").split(".")[:2])
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LABELLER_ARRAYS = ("first_weights", "first_intercept", "moves")
_SINGLE, _HALF = np.dtype(np.float32), np.dtype(np.float16)
#: The whole-answer classifiers that a folder holds beside the labeller, and of what their classes are.
HEADS: dict[str, type[StrEnum]] = {
    "answer_kind": AnswerKind,
    "question_type": QuestionType,
    "question_type_of_answer": QuestionType,
}
#: The head with a column for each finding that is judged by a trained opinion.
OPINIONS = "opinions"
#: The head that finds where sentences end in text without punctuation.
SENTENCE_ENDS = "sentence_ends"


@dataclass(frozen=True, slots=True)
class Model:
    """A checked model: the labeller, the whole-answer heads, and the manifest that it came with.

    ``limits`` gives for each trained opinion the probability from which it is raised and the one under which
    a criterion counts as missing; ``None``: never.
    """

    name: str
    version: str
    labeller: Labeller
    heads: Mapping[str, LinearHead]
    limits: Mapping[str, tuple[float | None, float | None]]
    manifest: Mapping[str, object]


def load_model(models_dir: Path, name: str, nlp: Nlp) -> Model:
    """Load and check the model folder ``name``, for use with the spaCy pipeline ``nlp``.

    Raises ``ModelRefused`` with the reason. The name is matched against the folders that are there, so
    it can't become a path.
    """
    if not _NAME.fullmatch(name):
        raise ModelRefused("a model's name is made of a-z, 0-9, '.', '_' and '-'")
    if not models_dir.is_dir():
        raise ModelRefused("there is no models folder; set STAR_FEEDBACK_MODELS_DIR")
    folder = next((path for path in models_dir.iterdir() if path.name == name), None)
    if folder is None or folder.is_symlink() or not folder.is_dir():
        raise ModelRefused("there is no model folder of that name")
    manifest = _read_manifest(folder)
    _check_versions(manifest, nlp)
    contents = _checked_files(folder, manifest)
    try:
        return _assemble(name, manifest, contents)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise ModelRefused(f"the model folder is incomplete or malformed: {type(error).__name__}") from error


def _read_manifest(folder: Path) -> dict[str, object]:
    path = folder / MANIFEST
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
        raise ModelRefused(f"{MANIFEST} is missing, is a link or is too large")
    try:
        manifest = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"{MANIFEST} is not JSON") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelRefused(f"{MANIFEST} is not of the format {FORMAT}")
    sealed = manifest.pop("manifest_sha256", None)
    if sealed != seal(manifest):
        raise ModelRefused(f"{MANIFEST} was changed after it was written")
    return manifest


def seal(manifest: Mapping[str, object]) -> str:
    """Return the SHA-256 of a manifest's content, keys sorted."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _check_versions(manifest: Mapping[str, object], nlp: Nlp) -> None:
    made_with = manifest.get("made_with")
    if not isinstance(made_with, dict):
        raise ModelRefused("the manifest does not say what the model was made with")
    here = {
        "features": FEATURE_VERSION,
        "spacy": SPACY_VERSION,
        "pipeline": pipeline_identity(nlp),
    }
    for what, wanted in here.items():
        if made_with.get(what) != wanted:
            raise ModelRefused(
                f"the model was made with {what} {made_with.get(what)}, here is {wanted}; retrain"
            )


def pipeline_identity(nlp: Nlp) -> str:
    """Name the spaCy pipeline by its weights: repackaged ``en_core_web_sm`` counts as the official one."""
    name = str(nlp.meta["name"])
    base = "core_web_sm" if name.startswith("core_web_sm") else name
    return f"{nlp.meta['lang']}_{base}-{nlp.meta['version']}"


def _checked_files(folder: Path, manifest: Mapping[str, object]) -> dict[str, bytes]:
    listed = manifest.get("files")
    if not isinstance(listed, dict):
        raise ModelRefused("the manifest lists no files")
    there = {path.name for path in folder.iterdir()} - {MANIFEST, "README.md", "figures"}
    if there != set(listed):
        raise ModelRefused("the folder holds other files than its manifest lists")
    contents = {}
    for name, digest in sorted(listed.items()):
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
            raise ModelRefused(f"{name} is a link, not a file or too large")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise ModelRefused(f"{name} is damaged: its hash is not the manifest's")
        contents[name] = content
    return contents


def _assemble(name: str, manifest: Mapping[str, object], contents: Mapping[str, bytes]) -> Model:
    vocabulary = _vocabulary(contents["vocabulary.json"])
    arrays = {array: _array(contents[f"{array}.npy"]) for array in _LABELLER_ARRAYS}
    classes = len(LABELS)
    expected = {
        "first_weights": (3 * len(vocabulary) + 2, classes),
        "first_intercept": (classes,),
        "moves": (classes, classes),
    }
    for array, shape in expected.items():
        if arrays[array].shape != shape:
            raise ModelRefused(f"{array} has the shape {arrays[array].shape}, expected {shape}")
    embedding = _array(contents["embedding.npy"], _HALF)
    if embedding.ndim != 2 or len(embedding) != len(vocabulary):
        raise ModelRefused(f"embedding has the shape {embedding.shape}, expected a row for every feature")
    settings = json.loads(contents["settings.json"])
    perceptrons = tuple(
        _perceptron(number, layers, contents) for number, layers in enumerate(settings["perceptrons"])
    )
    columns = second_columns(embedding.shape[1])
    if not perceptrons or any((one.inputs, one.outputs) != (columns, classes) for one in perceptrons):
        raise ModelRefused(f"the perceptrons do not take {columns} columns and tell {classes} labels apart")
    temperature = float(settings["temperature"])
    if not 0 < temperature < math.inf:
        raise ModelRefused("the temperature is not a number above 0")
    return Model(
        name=name,
        version=str(manifest["version"]),
        labeller=Labeller(
            vocabulary=vocabulary,
            first_weights=arrays["first_weights"],
            first_intercept=arrays["first_intercept"],
            embedding=embedding,
            perceptrons=perceptrons,
            chain=Chain(arrays["moves"].astype(np.float64)),
            temperature=temperature,
        ),
        heads={head: _head(head, settings, contents) for head in (*HEADS, OPINIONS, SENTENCE_ENDS)},
        limits={finding: (pair[0], pair[1]) for finding, pair in settings["limits"].items()},
        manifest=manifest,
    )


def _perceptron(number: int, layers: int, contents: Mapping[str, bytes]) -> Perceptron:
    return Perceptron(
        tuple(
            Layer(*(_array(contents[layer_file(number, layer, part)]) for part in ("weights", "intercept")))
            for layer in range(layers)
        )
    )


def layer_file(perceptron: int, layer: int, part: str) -> str:
    """Return the name of the file of a layer's ``weights`` or ``intercept``."""
    return f"perceptron{perceptron}.layer{layer}.{part}.npy"


def _head(head: str, settings: Mapping[str, object], contents: Mapping[str, bytes]) -> LinearHead:
    classes = tuple(settings["heads"][head])  # type: ignore[index]
    vocabulary = _vocabulary(contents[f"{head}.vocabulary.json"])
    weights = _array(contents[f"{head}.weights.npy"])
    intercept = _array(contents[f"{head}.intercept.npy"])
    if head in HEADS and not set(classes) <= {kind.value for kind in HEADS[head]}:
        raise ModelRefused(f"{head} tells classes that are not known here")
    if weights.shape != (len(vocabulary), len(classes)) or intercept.shape != (len(classes),):
        raise ModelRefused(f"the arrays of {head} do not fit its vocabulary and classes")
    return LinearHead(classes, vocabulary, weights, intercept)


def _vocabulary(content: bytes) -> dict[str, int]:
    names = json.loads(content)
    return {str(name): row for row, name in enumerate(names)}


def _array(content: bytes, kind: np.dtype[Any] = _SINGLE) -> Floats:
    """Read a ``.npy`` file of ``kind``; its size is held against its header before anything is made of it."""
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ModelRefused("an array is of another version of the .npy format")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype != kind or is_fortran:
        raise ModelRefused(f"an array is not of {8 * kind.itemsize}-bit floats, row by row")
    if len(content) - stream.tell() != math.prod(shape) * dtype.itemsize:
        raise ModelRefused("an array is not as long as its header says")
    array = np.frombuffer(content, dtype=kind, offset=stream.tell()).reshape(shape)
    if not np.isfinite(array).all():
        raise ModelRefused("an array holds numbers that are not finite")
    return np.asarray(array, dtype=np.float32)
