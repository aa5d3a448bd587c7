"""``python -m training.bench``: what one review costs, beside the bare spaCy pass of the same text.

Reviews, from the answer to the bytes of the reply, and bare passes take turns in one process on one core, so that
whatever else the machine does falls on both; the ratio is the figure to hold on to. A bare pass has a pipeline of its
own, which knows nothing of what a review does to be fast.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass

import click
import numpy as np
from spacy.language import Language as Nlp

from service.feedback.catalogue import load_catalogue
from service.feedback.score import load_weights
from service.language.ends import SentenceEnds
from service.language.model_folder import SENTENCE_ENDS, load_model
from service.language.model_index import current_model_name
from service.language.nlp import Language, load_nlp
from service.language.text import prepare
from service.records import Answer
from service.reviewer import Reviewer
from service.schemas import feedback_reply, to_json
from service.settings import Settings
from training.bench_batch import measure_batch
from training.bench_own import OwnRun, measure_own
from training.gate import read_margins
from training.shipped import read_corpus
from training.splits import Split, read_split

#: Components of the pipeline that are the project's own.
OWN = ("line_breaks", "star_clauses")
#: Words of an answer to measure with: a minute and a half of speech.
WORDS = 200
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_READY = "from service.reviewer import Reviewer; from service.settings import Settings; Reviewer.from_settings(Settings())"


@dataclass(frozen=True, slots=True)
class Measured:
    """Times of one thing done again and again; milliseconds, and how many in a second."""

    p50: float
    p99: float
    mean: float
    per_second: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Measured:
        """Return the figures of single times in seconds."""
        times = 1000 * np.array(seconds)
        middle, tail = np.percentile(times, [50, 99])
        return cls(float(middle), float(tail), float(times.mean()), float(1000 / times.mean()))


def answers(count: int) -> list[Answer]:
    """Return ``count`` answers of ``WORDS`` words, cut from the development part of the corpus."""
    words = itertools.cycle([word for item in read_split(Split.DEVELOPMENT) for word in item.text.split()])
    return [Answer(" ".join(itertools.islice(words, WORDS))) for _ in range(count)]


def measure(
    reviewer: Reviewer, bare: Nlp, keeping: Nlp, texts: Sequence[Answer], rounds: int
) -> tuple[Measured, Measured, Measured]:
    """Return the figures of a review, of the pass of ``bare`` and of that of ``keeping``.

    ``bare`` forgets the words of each text, as a service must; ``keeping`` does not, and is faster. Who goes first
    changes with every text: the later ones find warmer caches.
    """
    kinds: list[tuple[list[float], Callable[[Answer], float]]] = [
        ([], lambda answer: _review(reviewer, answer)),
        ([], lambda answer: _bare_pass(bare, answer, bare.memory_zone())),
        ([], lambda answer: _bare_pass(keeping, answer, nullcontext())),
    ]
    for answer in texts[:5]:
        for _, measured in kinds:
            measured(answer)
    for number, answer in enumerate(itertools.chain.from_iterable(itertools.repeat(texts, rounds))):
        for times, measured in kinds[number % 3 :] + kinds[: number % 3]:
            times.append(measured(answer))
    review, forgetting, kept = (Measured.of(times) for times, _ in kinds)
    return review, forgetting, kept


def bare_nlp(name: str) -> Nlp:
    """Return spaCy's own components in use, in a pipeline that no review has anything of."""
    nlp = load_nlp(name)
    for component in OWN:
        nlp.remove_pipe(component)
    return nlp


def _review(reviewer: Reviewer, answer: Answer) -> float:
    """Return the seconds from an answer to the bytes of its reply."""
    started = time.perf_counter()
    to_json(feedback_reply(reviewer.review(answer)))
    return time.perf_counter() - started


def _bare_pass(nlp: Nlp, answer: Answer, zone: AbstractContextManager[object]) -> float:
    """Return the seconds of ``nlp`` in ``zone`` over the text that a review gives it."""
    text = prepare(answer.text).text
    started = time.perf_counter()
    with zone:
        nlp(text)
    return time.perf_counter() - started


def _trainings(clauses: int) -> Iterator[OwnRun]:
    settings = Settings.from_environment()
    base = settings.model or current_model_name(settings.models_dir)
    return measure_own(settings, base, read_corpus(), clauses, read_margins().own)


def _on_one_core() -> Iterator[str]:
    """Keep to one core where the system lets a process choose; yield what was done."""
    if hasattr(os, "sched_setaffinity"):
        core = max(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {core})
        yield f"core {core}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--answers", "count", default=60, show_default=True, help="Different answers of 200 words.")
@click.option("--rounds", default=5, show_default=True, help="How often each is reviewed.")
@click.option("--batch", "rows", default=0, help="Rows of a batch to measure as well; 0: none.")
@click.option(
    "--own", "clauses", default=0, help="Own labelled clauses to train on as well, minutes; 0: none."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(count: int, rounds: int, rows: int, clauses: int, as_json: bool) -> None:
    """Measure reviews of 200-word answers beside the bare spaCy pass, and training on own data."""
    if any(os.environ.get(name) != "1" for name in _THREADS):
        raise click.UsageError(
            f"set {'=1 '.join(_THREADS)}=1, as `make bench` does; more threads slow it down"
        )
    runs = list(measure_batch(answers(rows))) if rows else []
    trainings = list(_trainings(clauses)) if clauses else []
    where = ", ".join([platform.machine(), f"Python {platform.python_version()}", *_on_one_core()])
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", _READY], check=True)  # noqa: S603
    start = time.perf_counter() - started
    settings = Settings.from_environment()
    started = time.perf_counter()
    nlp = load_nlp(settings.spacy_model)
    model = load_model(settings.models_dir, settings.model or current_model_name(settings.models_dir), nlp)
    language = Language(nlp, SentenceEnds(model.heads[SENTENCE_ENDS]))
    reviewer = Reviewer(language, model, load_catalogue(settings.rules_file), load_weights(), settings)
    load = time.perf_counter() - started
    bare_nlps = bare_nlp(settings.spacy_model), bare_nlp(settings.spacy_model)
    review, bare, keeping = measure(reviewer, *bare_nlps, answers(count), rounds)
    if as_json:
        figures = {
            "review": asdict(review),
            "bare_spacy": asdict(bare),
            "bare_spacy_keeping_words": asdict(keeping),
            "ratio": review.mean / bare.mean,
            "ratio_keeping_words": review.mean / keeping.mean,
            "load_seconds": load,
            "start_seconds": start,
            "words": WORDS,
            "reviews": count * rounds,
            "where": where,
            "batch": [asdict(run) for run in runs],
            "own_data": [asdict(run) for run in trainings],
            "versions": asdict(reviewer.versions),
        }
        click.echo(json.dumps(figures))
        return
    click.echo(f"{count * rounds} reviews of {WORDS}-word answers ({where}; model {reviewer.versions.model})")
    click.echo(f"{'':<26}{'p50 ms':>9}{'p99 ms':>9}{'mean ms':>9}{'per second':>12}")
    for name, row in ("review", review), ("bare spaCy", bare), ("bare spaCy, keeping words", keeping):
        click.echo(f"{name:<26}{row.p50:>9.1f}{row.p99:>9.1f}{row.mean:>9.1f}{row.per_second:>12.1f}")
    for name, row in ("ratio", bare), ("ratio, keeping words", keeping):
        click.echo(
            f"{name:<26}{review.p50 / row.p50:>9.2f}{review.p99 / row.p99:>9.2f}{review.mean / row.mean:>9.2f}"
        )
    for run in runs:
        click.echo(
            f"batch, {run.name}: {run.rows} rows in {run.seconds:.1f} s, {run.rows / run.seconds:.1f} a second, "
            f"{run.memory:.0f} MiB"
        )
    for training in trainings:
        click.echo(
            f"training on {training.clauses:,} own clauses ({training.answers} answers), {training.name}: "
            f"{training.seconds:.0f} s on {os.cpu_count()} cores, {training.processor:.0f} s of processors"
        )
    click.echo(f"load {load:.2f} s; a process is ready to review after {start:.2f} s")


if __name__ == "__main__":
    main()
