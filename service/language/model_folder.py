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

import numpy as np
from spacy.language import Language as Nlp

from service.errors import ModelRefused
from service.labels import AnswerKind, QuestionType
from service.language.features import FEATURE_VERSION
from service.language.heads import Floats, LinearHead
from service.language.labeller import LABELS, Chain, Labeller, context_features

FORMAT = "star-feedback-model/1"
MANIFEST = "manifest.json"
#: A file of a model folder is never larger, in bytes.
LARGEST_FILE = 64 * 1024 * 1024
#: spaCy's major and minor version, which a model is tied to.
SPACY_VERSION = ".".join(version("spacy").split(".")[:2])
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LABELLER_ARRAYS = (
    "first_weights", "first_intercept", "second_weights", "context_weights", "second_intercept", "moves",
)  # fmt: skip
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
    rows = 3 * len(vocabulary) + 2
    expected = {
        "first_weights": (rows, classes), "first_intercept": (classes,), "second_weights": (rows, classes),
        "context_weights": (context_features(np.full((1, classes), 1 / classes)).shape[1], classes),
        "second_intercept": (classes,), "moves": (classes, classes),
    }  # fmt: skip
    for array, shape in expected.items():
        if arrays[array].shape != shape:
            raise ModelRefused(f"{array} has the shape {arrays[array].shape}, expected {shape}")
    settings = json.loads(contents["settings.json"])
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
            second_weights=arrays["second_weights"],
            context_weights=arrays["context_weights"],
            second_intercept=arrays["second_intercept"],
            chain=Chain(arrays["moves"].astype(np.float64)),
            temperature=temperature,
        ),
        heads={head: _head(head, settings, contents) for head in (*HEADS, OPINIONS, SENTENCE_ENDS)},
        limits={finding: (pair[0], pair[1]) for finding, pair in settings["limits"].items()},
        manifest=manifest,
    )


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


def _array(content: bytes) -> Floats:
    """Read a ``.npy`` file; its size is held against its header before anything is made of it."""
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ModelRefused("an array is of another version of the .npy format")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype != np.float32 or is_fortran:
        raise ModelRefused("an array is not of 32-bit floats, row by row")
    if len(content) - stream.tell() != math.prod(shape) * dtype.itemsize:
        raise ModelRefused("an array is not as long as its header says")
    array = np.frombuffer(content, dtype=np.float32, offset=stream.tell()).reshape(shape)
    if not np.isfinite(array).all():
        raise ModelRefused("an array holds numbers that are not finite")
    return array
