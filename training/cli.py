"""The commands of ``python -m training``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from service.errors import StarFeedbackError
from service.feedback.catalogue import load_catalogue
from service.labels import Label
from service.language.labeller import Labeller
from service.language.model_folder import load_model
from service.language.nlp import Language, load_nlp
from service.reviewer import Reviewer
from service.settings import Settings
from training.card import add_held_out, add_judgement, model_card, table
from training.check import crowding, known_findings, problems
from training.corpus import LabelledAnswer, read_jsonl, write_jsonl
from training.curve import draw, learning_curve
from training.describe import fill_tables, markdown, mix, voice
from training.evaluate import cross_fitted_figures, figures, predict_spans
from training.fit import Baseline, FitSettings, fit, fit_baseline
from training.folder import write_model
from training.judge import judge as judge_answers
from training.judge import judgement_rows, review_all
from training.marks import MarkError, read_marked
from training.opinions import with_opinions
from training.prepare import prepared, without_punctuation
from training.second import agreement, path_of_second, read_reading, sample, sheet
from training.splits import DATA, MARKED, Split, path_of, split_of

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
@click.option("--write", is_flag=True, help="Put the tables into training/data/DATASHEET.md.")
def describe(write: bool) -> None:
    """Print the corpus's tables: mix, voice, and the agreement of its two readings."""
    answers, broken = read_data((MARKED,))
    if broken:
        raise click.ClickException("\n".join(broken))
    tables = {"mix": mix(answers), "voice": voice(answers)}
    second = read_jsonl(path_of_second())
    tables["agreement"] = dict(agreement(answers, second))
    for name, rows in tables.items():
        click.echo(f"{name}\n{markdown(rows)}")
    if write:
        fill_tables(DATA / "DATASHEET.md", {name: markdown(rows) for name, rows in tables.items()})


@main.command()
@click.argument("data", nargs=-1, type=click.Path(exists=True, path_type=Path))
def curve(data: tuple[Path, ...]) -> None:
    """Draw the learning curve on the development part, and on DATA, into the datasheet."""
    language = _language(Settings.from_environment())
    held_out = {
        path.stem: list(prepared(read_jsonl(path), language)) for path in (path_of(Split.DEVELOPMENT), *data)
    }
    rows = learning_curve(list(prepared(read_jsonl(path_of(Split.TRAIN)), language)), held_out)
    draw(rows, DATA / "learning-curve.svg")
    picture = "![Word macro-F1 against the number of training answers](learning-curve.svg)"
    fill_tables(DATA / "DATASHEET.md", {"curve": f"{picture}\n\n{table(rows)}"})
    _print(rows)


@main.command()
@click.argument("count", type=int)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The sheet to write.")
def blind(count: int, out: Path) -> None:
    """Write a sheet of COUNT answers without labels, for a second reader."""
    answers, _ = read_data((MARKED,))
    language = _language(Settings.from_environment())
    out.write_text(sheet(prepared(sample(answers, count), language)), encoding="utf-8")


@main.command()
@click.argument("replies", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def second(replies: tuple[Path, ...]) -> None:
    """Read the REPLIES of a second reader into training/data/second_reading.jsonl."""
    answers, _ = read_data((MARKED,))
    language = _language(Settings.from_environment())
    known = {item.answer.id: item for item in prepared(answers, language)}
    read = [answer for path in replies for answer in read_reading(path.read_text(encoding="utf-8"), known)]
    write_jsonl(path_of_second(), read)
    click.echo(f"{path_of_second().name}: {len(read)} answers")


@main.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The model folder to write.")
def train(data: tuple[Path, ...], out: Path) -> None:
    """Fit a model on DATA and write its folder, with cross-fitted figures on its card.

    The frozen test part is never opened here: 'evaluate' does that.
    """
    if any(path.resolve() == path_of(Split.TEST).resolve() for path in _files(data)):
        raise click.UsageError(
            f"{path_of(Split.TEST).name} is the frozen test part; no model is trained on it"
        )
    answers, broken = read_data(data)
    if broken:
        raise click.ClickException("\n".join(broken))
    started = time.monotonic()
    language = _language(Settings.from_environment())
    ready = list(prepared(answers, language))
    bare = list(prepared(map(without_punctuation, answers), language))
    settings = FitSettings()
    with click.progressbar(length=5, label="fitting", file=sys.stderr) as bar:
        fitted = fit(ready, bare, settings=settings, progress=lambda _: bar.update(1))
        fitted, opinions = with_opinions(fitted, ready, language, load_catalogue())
        bar.update(1)
    rows = {"cross-fitted": cross_fitted_figures(ready, fitted.cross_fitted).as_row()}
    command = f"python -m training train {' '.join(map(str, data))} --out {out}"
    card = model_card(
        out.name, fitted, answers=answers, settings=settings, figures=rows, opinions=opinions, command=command
    )
    write_model(out, fitted, nlp=language.nlp, answers=answers, settings=settings, figures=rows, card=card)
    click.echo(f"{out}: {len(answers)} answers, {time.monotonic() - started:.0f} s")
    _print(rows)


@main.command()
@click.argument("model")
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--beside", type=click.Path(exists=True, path_type=Path), help="Fit the baselines on this data."
)
@click.option("--card", is_flag=True, help="Write the figures to the model's card.")
def evaluate(model: str, data: tuple[Path, ...], beside: Path | None, card: bool) -> None:
    """Print the figures of MODEL (a name in models/) on labelled DATA that it was not trained on."""
    settings = Settings.from_environment()
    language = _language(settings)
    name = Path(model).name
    loaded = load_model(settings.models_dir, name, language.nlp)
    baselines = {}
    if beside is not None:
        ready = list(prepared(read_jsonl(beside), language))
        baselines = {sees: fit_baseline(ready, sees) for sees in ("position only", "words only")}
    rows: dict[str, dict[str, float]] = {}
    for path in data:
        rows |= _figures(path, loaded.labeller, language, baselines)
    _print(rows)
    if card:
        add_held_out(settings.models_dir / name / "README.md", rows)


@main.command()
@click.argument("model")
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--card", is_flag=True, help="Write the figures to the model's card.")
def judge(model: str, data: tuple[Path, ...], card: bool) -> None:
    """Print how the feedback of MODEL compares with readers' on rated DATA that it was not trained on."""
    settings = replace(Settings.from_environment(), model=Path(model).name)
    reviewer = Reviewer.from_settings(settings)
    for path in data:
        answers = [answer for answer in read_jsonl(path) if answer.score is not None]
        rows, findings = judgement_rows(judge_answers(answers, review_all(answers, reviewer)))
        _print({path.stem: rows})
        _print(findings)
        if card:
            add_judgement(settings.models_dir / settings.model / "README.md", path.stem, rows, findings)


def _figures(
    path: Path, labeller: Labeller, language: Language, baselines: Mapping[str, Baseline]
) -> dict[str, dict[str, float]]:
    answers = read_jsonl(path)
    used = {label for answer in answers for span in answer.spans for label in (span.label, span.or_label)}
    labels = tuple(label for label in Label if label in used)
    rows: dict[str, dict[str, float]] = {}
    for suffix, part in ("", answers), (" bare", [without_punctuation(answer) for answer in answers]):
        parsed = list(prepared(part, language))
        spans = [predict_spans(labeller, item) for item in parsed]
        rows[path.stem + suffix] = figures(part, spans, labels).as_row()
        if suffix:
            continue
        for name, baseline in baselines.items():
            rows[f"{path.stem}, {name}"] = figures(part, [baseline(item) for item in parsed], labels).as_row()
    return rows


def _print(rows: Mapping[str, Mapping[str, object]]) -> None:
    for name, row in rows.items():
        click.echo(f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items()))


def run() -> None:
    """Run the commands; errors of the project are printed without a traceback."""
    try:
        main()
    except StarFeedbackError as error:
        raise SystemExit(f"error: {error}") from error
