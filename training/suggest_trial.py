"""Whether labelling what ``suggest`` picks teaches more than labelling at random: ``python -m training.suggest_trial``.

Simulated on the training part of the corpus, whose labels are there but are hidden at first: a labeller is fitted on a
few answers, picks are made from a pool, and it is fitted anew with what was picked. Each way of picking may spend the
same number of words, because words are what labelling costs; counted by answers, whoever picks the longest ones wins.
Figures are the gain in word macro-F1 on answers of the development part (the frozen one is not looked at).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import click
import numpy as np

from service.language.ends import SentenceEnds
from service.language.labeller import Labeller
from service.language.model_folder import SENTENCE_ENDS, load_model
from service.language.model_index import current_model_name
from service.language.nlp import Language, load_nlp
from service.settings import Settings
from training.card import table
from training.describe import fill_tables
from training.evaluate import figures, labels_in_use, predict_spans
from training.fit import FitSettings, fit
from training.prepare import PreparedAnswer
from training.shipped import read_corpus, shipped
from training.story import PAGE
from training.suggest import doubt, suggest

#: Answers to start from, those to pick from, and development answers to measure on.
START, POOL, MEASURED = 100, 500, 300
#: Words to spend: those of about a hundred answers.
WORDS = 14_000
#: Random picks, of whose gains the mean is taken in each round.
DRAWS = 2
Items = Sequence[PreparedAnswer]
Way = Callable[[Items, Labeller, str], Iterable[PreparedAnswer]]


def at_random(pool: Items, _: Labeller, seed: str) -> list[PreparedAnswer]:
    """Return the pool in an order that ``seed`` makes."""
    return sorted(pool, key=lambda item: _hash(seed, item))


def by_suggestion(pool: Items, labeller: Labeller, _: str) -> Iterator[PreparedAnswer]:
    """Yield the pool in the order of ``suggest``."""
    return (suggestion.item for suggestion in suggest(pool, labeller, len(pool)))


def by_doubt(pool: Items, labeller: Labeller, _: str) -> list[PreparedAnswer]:
    """Return the pool with the most uncertain first, however alike they are."""
    return sorted(pool, key=lambda item: (-doubt(item, labeller).uncertainty, item.answer.id))


#: The ways that are compared; the first is what the others are held against.
WAYS: Mapping[str, Way] = {"at random": at_random, "suggest": by_suggestion, "uncertainty alone": by_doubt}


def _hash(seed: str, item: PreparedAnswer) -> str:
    return hashlib.sha256(f"{seed} {item.answer.id}".encode()).hexdigest()


def affordable(items: Iterable[PreparedAnswer], words: int) -> list[PreparedAnswer]:
    """Return the first of ``items`` that have ``words`` together at most; what is too long is passed over."""
    chosen: list[PreparedAnswer] = []
    for item in items:
        if sum(item.words) <= words:
            chosen.append(item)
            words -= sum(item.words)
    return chosen


def macro_f1(labeller: Labeller, items: Items) -> float:
    """Return the word macro-F1 of ``labeller`` on ``items``."""
    answers = [item.answer for item in items]
    return figures(answers, [predict_spans(labeller, item) for item in items], labels_in_use(answers)).macro


def gains(
    items: Items, measured: Items, seed: str, *, start: int = START, pool: int = POOL, words: int = WORDS
) -> dict[str, tuple[float, float]]:
    """Return for each way of picking its gain over the start in one round, and how many answers it picked."""
    order = sorted(items, key=lambda item: _hash(seed, item))
    first, rest = order[:start], order[start : start + pool]
    labeller = fit(first).labeller
    before = macro_f1(labeller, measured)
    found = {}
    for name, way in WAYS.items():
        draws = DRAWS if way is at_random else 1
        picked = [affordable(way(rest, labeller, f"{seed} {draw}"), words) for draw in range(draws)]
        after = [macro_f1(fit([*first, *chosen]).labeller, measured) for chosen in picked]
        found[name] = (float(np.mean(after)) - before, float(np.mean([len(chosen) for chosen in picked])))
    return found


def rows_of(rounds: Sequence[Mapping[str, tuple[float, float]]]) -> dict[str, dict[str, object]]:
    """Return the table: mean gain, its standard error over the rounds, and in how many rounds it beat the first way."""
    against = next(iter(WAYS))
    rows: dict[str, dict[str, object]] = {}
    for name in WAYS:
        gained = np.array([one[name][0] for one in rounds])
        more = gained - np.array([one[against][0] for one in rounds])
        error = float(more.std(ddof=1) / np.sqrt(len(rounds))) if len(rounds) > 1 else 0.0
        rows[name] = {
            "answers": round(float(np.mean([one[name][1] for one in rounds]))),
            "gain": round(float(gained.mean()), 4),
            "more_than_random": round(float(more.mean()), 4),
            "standard_error": round(error, 4),
            "better_in": f"{int((more > 0).sum())} of {len(rounds)}",
        }
    return rows


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--rounds", default=6, show_default=True, type=click.IntRange(min=2), help="Starts and pools to try."
)
@click.option("--write", is_flag=True, help="Put the table into training/RETRAINING.md.")
def main(rounds: int, write: bool) -> None:
    """Compare the picks of 'suggest' with random ones, on the training and development parts; takes minutes."""
    settings = Settings.from_environment()
    nlp = load_nlp(settings.spacy_model)
    model = load_model(settings.models_dir, settings.model or current_model_name(settings.models_dir), nlp)
    corpus = read_corpus()
    known = shipped(
        corpus, model, Language(nlp, SentenceEnds(model.heads[SENTENCE_ENDS])), FitSettings(**model.manifest["settings"])  # type: ignore[arg-type]
    )  # fmt: skip
    development = {answer.id for answer in corpus.development}
    training = [item for item in known.items if item.answer.id not in development]
    measured = sorted(
        (item for item in known.items if item.answer.id in development), key=lambda i: _hash("measured", i)
    )[:MEASURED]
    with click.progressbar(range(rounds), label="fitting", file=sys.stderr) as bar:
        found = [gains(training, measured, str(number)) for number in bar]
    text = table(rows_of(found))
    click.echo(text)
    if write:
        fill_tables(PAGE, {"suggest": text})


if __name__ == "__main__":
    main()
