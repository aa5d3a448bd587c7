"""The commands of ``python -m training``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from service.errors import StarFeedbackError
from service.feedback.catalogue import load_catalogue
from service.labels import COMPONENTS, Label
from service.language.nlp import Language, load_nlp
from service.settings import Settings
from training.check import crowding, known_findings, problems
from training.corpus import LabelledAnswer, read_jsonl, write_jsonl
from training.marks import MarkError, read_marked
from training.splits import MARKED, Split, path_of, split_of

#: Exit codes: all fine; problems were found; the call was wrong (click's own).
FINE, FOUND = 0, 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Labelled data in, a checked model folder out."""


def _language(settings: Settings) -> Language:
    return Language(load_nlp(settings.spacy_model))


def read_data(paths: Sequence[Path]) -> tuple[list[LabelledAnswer], list[str]]:
    """Read marked files, JSON Lines files and folders of them; return answers and what could not be read."""
    answers: list[LabelledAnswer] = []
    broken: list[str] = []
    for path in _files(paths):
        if path.suffix == ".star":
            for _, item in read_marked(path):
                if isinstance(item, MarkError):
                    broken.append(str(item))
                else:
                    answers.append(item)
            continue
        for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
            if line.strip():
                try:
                    answers.append(LabelledAnswer.from_json(line))
                except (ValueError, KeyError, TypeError) as error:
                    broken.append(f"{path}:{number}: not a labelled answer ({type(error).__name__}: {error})")
    return answers, broken


def _files(paths: Sequence[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted({*path.rglob("*.star"), *path.rglob("*.jsonl")})
        else:
            yield path


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def check(paths: tuple[Path, ...]) -> None:
    """Report every broken label of PATHS (default: the corpus), with what to do."""
    answers, broken = read_data(paths or (MARKED,))
    known = known_findings(load_catalogue())
    found = [*broken]
    found += [f"{answer.id}: {problem}" for answer in answers for problem in problems(answer, known)]
    found += [f"{answer_id}: {problem}" for answer_id, problem in crowding(answers)]
    for line in found:
        click.echo(line)
    words = sum(len(answer.text.split()) for answer in answers)
    click.echo(f"{len(answers)} answers, {words} words, {len(found)} problems")
    sys.exit(FOUND if found else FINE)


@main.command("compile")
def compile_marks() -> None:
    """Compile the marked files into the three parts of the corpus, training/data/*.jsonl."""
    answers, broken = read_data((MARKED,))
    if broken:
        raise click.ClickException("\n".join(broken))
    for split in Split:
        part = [answer for answer in answers if split_of(answer.meta["batch"]) is split]
        write_jsonl(path_of(split), part)
        click.echo(f"{path_of(split).name}: {len(part)} answers")


@main.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The model folder to write.")
@click.option("--held-out", type=click.Path(exists=True, path_type=Path), multiple=True, help="Data for the figures.")
def train(data: tuple[Path, ...], out: Path, held_out: tuple[Path, ...]) -> None:
    """Fit a model on DATA, evaluate it on held-out data, and write its folder and card."""
    from training.card import model_card
    from training.fit import FitSettings, fit, fit_baseline
    from training.folder import write_model
    from training.opinions import with_opinions
    from training.prepare import prepared, without_punctuation

    answers, broken = read_data(data)
    if broken:
        raise click.ClickException("\n".join(broken))
    started = time.monotonic()
    language = _language(Settings.from_environment())
    ready = list(prepared(answers, language))
    bare = list(prepared(map(without_punctuation, answers), language))
    settings = FitSettings()
    with click.progressbar(length=5, label="fitting", file=sys.stderr) as bar:
        fitted = fit(ready, bare, settings=settings, progress=lambda step: bar.update(1))
        fitted, opinions = with_opinions(fitted, ready, language, load_catalogue())
        bar.update(1)
    baselines = {name: fit_baseline(ready, name) for name in ("position only", "words only") if held_out}
    figures = {}
    for path in held_out:
        figures |= _figures(path, fitted.labeller, language, baselines)
    command = f"python -m training train {' '.join(map(str, data))} --out {out}"
    card = model_card(
        out.name, fitted, answers=answers, settings=settings, figures=figures, opinions=opinions, command=command
    )
    write_model(
        out, fitted, nlp=language.nlp, answers=answers, settings=settings, figures=figures, card=card
    )
    click.echo(f"{out}: {len(answers)} answers, {time.monotonic() - started:.0f} s")
    _print(figures)


@main.command()
@click.argument("model")
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def evaluate(model: str, data: tuple[Path, ...]) -> None:
    """Print the figures of MODEL (a name in models/) on labelled DATA."""
    from service.language.model_folder import load_model

    settings = Settings.from_environment()
    language = _language(settings)
    loaded = load_model(settings.models_dir, Path(model).name, language.nlp)
    figures = {}
    for path in data:
        figures |= _figures(path, loaded.labeller, language, {})
    _print(figures)


def _figures(path, labeller, language, baselines):  # type: ignore[no-untyped-def]
    from training.evaluate import figures, predict_spans
    from training.prepare import prepared, without_punctuation

    answers = read_jsonl(path)
    used = {label for answer in answers for span in answer.spans for label in (span.label, span.or_label)}
    labels = tuple(label for label in Label if label in used)
    rows = {}
    for suffix, part in ("", answers), (" bare", [without_punctuation(answer) for answer in answers]):
        parsed = list(prepared(part, language))
        spans = [predict_spans(labeller, item) for item in parsed]
        rows[path.stem + suffix] = figures(part, spans, labels).as_row()
        if not suffix:
            for name, baseline in baselines.items():
                rows[f"{path.stem}, {name}"] = figures(
                    part, [baseline(item) for item in parsed], labels
                ).as_row()
    return rows


def _print(figures) -> None:  # type: ignore[no-untyped-def]
    for name, row in figures.items():
        click.echo(f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items()))


def run() -> None:
    """Run the commands; errors of the project are printed without a traceback."""
    try:
        main()
    except StarFeedbackError as error:
        raise SystemExit(f"error: {error}") from error
