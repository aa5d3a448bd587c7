"""The shipped corpus as the learner sees it, kept on disk, so that own data can be added to it within a minute.

Reading the corpus takes minutes; fitting own data to a model that knows the corpus takes seconds. What is kept is
numbers and the names of features, which hold single words and pairs of words of the shipped corpus, none of own data.
It stands in the user's cache folder (XDG), for the user only, under a hash of everything that it depends on: the
corpus, the code and the spaCy pipeline that read it, and the sentence ends of the model that is built on.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.labels import Label
from service.language import clauses, ends, features, text
from service.language.features import FEATURE_VERSION
from service.language.labeller import LABELS
from service.language.model_folder import SENTENCE_ENDS, SPACY_VERSION, Model, pipeline_identity
from service.language.nlp import Language
from training import fit as fitting
from training import prepare as preparing
from training.corpus import LabelledAnswer
from training.fit import FitSettings, cross_fit, fold_of, stopping_early, vocabulary_of
from training.folder import data_hash
from training.prepare import PreparedAnswer, copies, prepared
from training.splits import Split, read_split

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "star-feedback" / "training"
#: After so many answers of the corpus it is told how many were read.
_TOLD_EVERY = 50
#: What the files hold; it changes with the layout below.
_LAYOUT = 1
#: The code that what is kept depends on.
_CODE = (clauses, ends, features, text, preparing, fitting)
_DIGEST = 64
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Shipped:
    """The corpus, read: what trains, its copies, the frozen test part, and the first step's opinion of what trains.

    ``first`` has a row of probabilities for each clause of ``items`` and then of ``copies``, from models that had not
    seen its fold. Copies have the answer they were made of, whose text is not theirs: they are only fitted on.
    """

    items: tuple[PreparedAnswer, ...]
    copies: tuple[PreparedAnswer, ...]
    frozen: tuple[PreparedAnswer, ...]
    first: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The labelled answers of the project: what trains, of that the development part, and what figures are taken on."""

    answers: tuple[LabelledAnswer, ...]
    development: tuple[LabelledAnswer, ...]
    frozen: tuple[LabelledAnswer, ...]


def read_corpus() -> Corpus:
    """Return the shipped corpus."""
    development = tuple(read_split(Split.DEVELOPMENT))
    return Corpus((*read_split(Split.TRAIN), *development), development, tuple(read_split(Split.TEST)))


def shipped(
    corpus: Corpus,
    base: Model,
    language: Language,
    settings: FitSettings,
    *,
    cache: Path = CACHE,
    progress: Progress = lambda _: None,
) -> Shipped:
    """Return the corpus as ``base`` reads it, from the cache where it is there and whole; else read it and keep it."""
    path = cache / f"corpus-{_key(corpus, base, language, settings)}.npz"
    kept = _load(path, corpus)
    if kept is not None:
        return kept
    found = _read(corpus, language, settings, progress)
    _keep(path, found)
    return found


def _key(corpus: Corpus, base: Model, language: Language, settings: FitSettings) -> str:
    digest = hashlib.sha256()
    head = base.heads[SENTENCE_ENDS]
    for part in (
        f"{_LAYOUT} {FEATURE_VERSION} {SPACY_VERSION} {pipeline_identity(language.nlp)} {settings}",
        *(data_hash(answers) for answers in (corpus.answers, corpus.frozen)),
        " ".join(head.vocabulary),
        *(Path(str(module.__file__)).read_text(encoding="utf-8") for module in _CODE),
    ):
        digest.update(part.encode() + b"\0")
    digest.update(head.weights.tobytes() + head.intercept.tobytes())
    return digest.hexdigest()[:32]


@stopping_early()
def _read(corpus: Corpus, language: Language, settings: FitSettings, progress: Progress) -> Shipped:
    items = tuple(item for item in prepared(_told(corpus.answers, progress), language) if item.features)
    progress("reading the corpus shortened and without punctuation, once")
    of_id = {item.answer.id: item.answer for item in items}
    copied = tuple(_of(of_id[copy.answer.id], copy) for copy in copies(items, language) if copy.features)
    everything = (*items, *copied)
    lengths = [len(item.features) for item in everything]
    progress("fitting the corpus, once")
    first = cross_fit(
        fitting.clause_rows(everything, vocabulary_of(items)),
        gold_of(everything),
        clause_weights(everything, [1.0] * len(items) + [settings.copy_weight] * len(copied)),
        np.repeat([fold_of(item) for item in everything], lengths),
        settings.first,
    )
    return Shipped(items, copied, tuple(prepared(corpus.frozen, language)), first)


def _told(answers: Sequence[LabelledAnswer], progress: Progress) -> Iterator[LabelledAnswer]:
    for number, answer in enumerate(answers):
        if number % _TOLD_EVERY == 0:
            progress(f"reading the corpus, once: {number} of {len(answers)} answers")
        yield answer


def _of(answer: LabelledAnswer, copy: PreparedAnswer) -> PreparedAnswer:
    return PreparedAnswer(answer, copy.features, copy.offsets, copy.words, copy.gold)


def gold_of(items: Sequence[PreparedAnswer]) -> NDArray[np.intp]:
    """Return the number of the gold label of every clause."""
    return np.array([LABELS.index(label) for item in items for label in item.gold], dtype=np.intp)


def clause_weights(items: Sequence[PreparedAnswer], per_answer: Sequence[float]) -> NDArray[np.float64]:
    """Return how much every clause counts, 1 on average: by its words and its answer's weight, as ``fit`` has it."""
    sizes = np.array([words for item in items for words in item.words], dtype=float)
    weight = np.sqrt(sizes + 0.5) * np.repeat(per_answer, [len(item.features) for item in items])
    return np.asarray(weight / weight.mean())


def _keep(path: Path, found: Shipped) -> None:
    """Write a file that appears as a whole, and take those away that were kept for another corpus or model."""
    names: dict[str, int] = {}
    parts = (found.items, found.copies, found.frozen)
    everything = [item for part in parts for item in part]
    ids = [
        names.setdefault(name, len(names))
        for item in everything
        for clause in item.features
        for name in clause
    ]
    arrays = {
        "names": _text(list(names)),
        "answers": _text([item.answer.id for item in everything]),
        "ids": np.array(ids, dtype=np.int32),
        "features": np.array([len(c) for item in everything for c in item.features], dtype=np.int32),
        "clauses": np.array([len(item.features) for item in everything], dtype=np.int32),
        "offsets": np.array([pair for item in everything for pair in item.offsets], dtype=np.int32),
        "words": np.array([words for item in everything for words in item.words], dtype=np.int32),
        "gold": gold_of(everything).astype(np.int8),
        "parts": np.array([len(part) for part in parts], dtype=np.int32),
        "first": found.first,
    }
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    content = stream.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(f".{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(hashlib.sha256(content).hexdigest().encode() + content)
    part.replace(path)
    for other in path.parent.glob("corpus-*.npz"):
        if other != path:
            other.unlink(missing_ok=True)


def _text(names: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(names, ensure_ascii=False).encode(), dtype=np.uint8)


def _load(path: Path, corpus: Corpus) -> Shipped | None:
    """Return what was kept; ``None`` where nothing was, or not all of it."""
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content[_DIGEST:]).hexdigest().encode() != content[:_DIGEST]:
        return None
    with np.load(io.BytesIO(content[_DIGEST:]), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    names: list[str] = json.loads(arrays["names"].tobytes())
    of_id = {answer.id: answer for answer in (*corpus.answers, *corpus.frozen)}
    sizes = arrays["features"].tolist()
    spelt = [names[index] for index in arrays["ids"].tolist()]
    offsets, words = arrays["offsets"].tolist(), arrays["words"].tolist()
    gold: list[Label] = [LABELS[index] for index in arrays["gold"].tolist()]
    edges = np.concatenate(([0], np.cumsum(sizes))).tolist()
    clause_features = [tuple(spelt[a:b]) for a, b in itertools.pairwise(edges)]
    bounds = np.concatenate(([0], np.cumsum(arrays["clauses"]))).tolist()
    everything = [
        PreparedAnswer(
            of_id[answer_id],
            tuple(clause_features[a:b]),
            tuple((start, end) for start, end in offsets[a:b]),
            tuple(words[a:b]),
            tuple(gold[a:b]),
        )
        for answer_id, (a, b) in zip(
            json.loads(arrays["answers"].tobytes()), itertools.pairwise(bounds), strict=True
        )
    ]
    count, copied, _ = arrays["parts"].tolist()
    return Shipped(
        tuple(everything[:count]),
        tuple(everything[count : count + copied]),
        tuple(everything[count + copied :]),
        arrays["first"],
    )
