"""The commands of ``python -m training``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from service.errors import StarFeedbackError
from service.feedback.catalogue import known_findings, load_catalogue
from service.language.ends import SentenceEnds
from service.language.heads import LinearHead
from service.language.model_folder import SENTENCE_ENDS, Model, load_model
from service.language.model_index import current_model_name, former_model_name
from service.language.nlp import Language, load_nlp
from service.reviewer import Reviewer
from service.settings import Settings
from training.ablate import ablations, baselines
from training.candidates import LEARNERS, compare
from training.card import (
    add_ablations,
    add_candidates,
    add_fairness,
    add_gate,
    add_held_out,
    add_judgement,
    add_reliability,
    model_card,
    table,
)
from training.check import crowding, problems, repeated_ids
from training.corpus import LabelledAnswer, read_jsonl, write_jsonl
from training.curve import draw, learning_curve
from training.describe import fill_tables, markdown, mix, voice
from training.dialects import compare_dialects, dialect_rows, read_dialects
from training.drift import Verdict, look_at, measures, verdict_of
from training.drift import draw as draw_drift
from training.ends import fit_sentence_ends
from training.errors import PAGE, compare_all, page_tables, report
from training.evaluate import by_mode, cross_fitted_figures, figures, labels_in_use, predict_spans
from training.fairness import (
    compare_pairs,
    failures,
    fairness_rows,
    group_shifts,
    make_pairs,
    read_counterfactuals,
)
from training.fit import FOLDS, Baseline, FitSettings, fit
from training.folder import check_out, in_use, model_names, set_current, step_back, write_model
from training.formats.importing import Imported, export_labels, import_labels, write_imported
from training.formats.records import Options, Task
from training.formats.registry import EXPORTS, FORMATS, SUGGESTIONS
from training.formats.unlabelled import read_answers
from training.gate import GATE_STEPS, gate_rows, goal_of, own_part, read_margins, weigh
from training.judge import judge as judge_answers
from training.judge import judgement_rows, review_all
from training.marks import MarkError, read_marked
from training.opinions import with_opinions
from training.prepare import PreparedAnswer, copies, prepared, without_punctuation
from training.reliability import RELIABILITY_CURVE, calibration_error, curve_rows, reliability
from training.reliability import draw as draw_reliability
from training.retrain import STEPS, checked_again, retrain
from training.robustness import breaking, changes, robustness_rows, try_changes
from training.second import (
    adjudication,
    agreement,
    path_of_adjudication,
    path_of_first,
    path_of_second,
    read_reading,
    sample,
    sheet,
)
from training.shipped import read_corpus
from training.splits import DATA, MARKED, Split, path_of, split_of
from training.suggest import known_words, suggest, tasks, unfit

#: Exit codes: all fine; problems were found; the call was wrong (click's own).
FINE, FOUND = 0, 1
_HINT = "'import' reads what labelling tools export"
#: So many lines that can't be read are named.
_TOLD = 10


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Labelled data in, a checked model folder out."""


def _language(settings: Settings) -> Language:
    return Language(load_nlp(settings.spacy_model))


def _named(settings: Settings, given: str, field: str = "MODEL") -> str:
    """Return the name of a model that is there; ``given`` may be the path of its folder."""
    name, names = Path(given).name, model_names(settings.models_dir)
    if name not in names:
        there = f"there are {', '.join(names)}" if names else "there is none at all"
        raise click.BadParameter(
            f"no model {name!r} is in {settings.models_dir} ({there})", param_hint=f"'{field}'"
        )
    return name


def _unbroken(answers: list[LabelledAnswer], broken: Sequence[str]) -> list[LabelledAnswer]:
    """Return ``answers``; raises ``ClickException`` with the first lines that could not be read, or for no answer."""
    if broken:
        more = f"\n… and {len(broken) - _TOLD} more" if len(broken) > _TOLD else ""
        raise click.ClickException("\n".join(broken[:_TOLD]) + more)
    if not answers:
        raise click.ClickException("DATA holds no answers; give .jsonl files, as 'import' writes them")
    return answers


def _model(settings: Settings, given: str) -> tuple[Model, Language]:
    """Return a model and spaCy as it reads for that model."""
    name = _named(settings, given)
    nlp = load_nlp(settings.spacy_model)
    model = load_model(settings.models_dir, name, nlp)
    return model, Language(nlp, SentenceEnds(model.heads[SENTENCE_ENDS]))


def _reading_as_trained(answers: Sequence[LabelledAnswer], settings: Settings) -> tuple[LinearHead, Language]:
    """Return the sentence ends learnt from ``answers``, and spaCy as it reads with them."""
    nlp = load_nlp(settings.spacy_model)
    ends = fit_sentence_ends(answers, Language(nlp))
    return ends, Language(nlp, SentenceEnds(ends))


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
                except ValueError as error:
                    broken.append(f"{path}:{number}: not a labelled answer: {error}; {_HINT}")
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
    """Report every broken label of PATHS (default: the corpus), with what to do.

    The corpus has to rate every story and to be free of near-duplicates; own data and corrections need not.
    """
    answers, broken = read_data(paths or (MARKED,))
    is_corpus = not paths or any(path.resolve().is_relative_to(DATA) for path in paths)
    known = known_findings(load_catalogue())
    found = [*broken]
    found += [
        f"{answer.id}: {problem}"
        for answer in answers
        for problem in problems(answer, known, needs_rating=is_corpus)
    ]
    across = crowding(answers) if is_corpus else repeated_ids(answers)
    found += [f"{answer_id}: {problem}" for answer_id, problem in across]
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
    first, second = read_jsonl(path_of_first()), read_jsonl(path_of_second())
    tables["agreement"] = dict(agreement(first, second))
    decisions = path_of_adjudication().read_text(encoding="utf-8").splitlines()
    tables["adjudication"] = dict(adjudication(map(json.loads, decisions)))
    for name, rows in tables.items():
        click.echo(f"{name}\n{markdown(rows)}")
    if write:
        fill_tables(DATA / "DATASHEET.md", {name: markdown(rows) for name, rows in tables.items()})


@main.command()
@click.argument("data", nargs=-1, type=click.Path(exists=True, path_type=Path))
def curve(data: tuple[Path, ...]) -> None:
    """Draw the learning curve on the development part, and on DATA, into the datasheet."""
    answers = read_jsonl(path_of(Split.TRAIN))
    _, language = _reading_as_trained(answers, Settings.from_environment())
    held_out = {
        path.stem: list(prepared(read_jsonl(path), language)) for path in (path_of(Split.DEVELOPMENT), *data)
    }
    rows = learning_curve(list(prepared(answers, language)), held_out)
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
@click.option(
    "--out",
    required=True,
    metavar="models/NAME",
    type=click.Path(file_okay=False, path_type=Path),
    help="The model folder to write; 'promote' finds it in the models folder only.",
)
@click.option(
    "--base",
    metavar="NAME",
    help="Add DATA, a team's own answers, to the shipped corpus, starting from this model of the models folder.",
)
def train(data: tuple[Path, ...], out: Path, base: str | None) -> None:
    """Fit a model on DATA and write its folder, with its figures on its card.

    DATA are .jsonl files of labelled answers, as 'import' writes them, or folders of such files.

    With --base DATA are a team's own answers: a fifth of them is held out, the others are fitted together with the
    shipped corpus, and figures are taken on what is held out and on the frozen test part, beside those of the base.
    Without --base it learns DATA alone, from nothing, and its figures are cross-fitted.

    For example: python -m training train own/answers.jsonl --base star-1 --out models/own-1

    Exit 1: the data is refused, with every reason.
    """
    _refuse_frozen(data, "no model is trained on it")
    models_dir = Settings.from_environment().models_dir
    check_out(out, [] if base is None else [models_dir / name for name in in_use(models_dir)])
    answers = _unbroken(*read_data(data))
    started = time.monotonic()
    if base is not None:
        _train_own(data, answers, out, base)
        click.echo(f"{out}: {len(answers)} own answers, {time.monotonic() - started:.0f} s")
        if out.resolve().parent != models_dir.resolve():
            click.echo(f"'promote' looks for models in {models_dir}; move {out} there to promote it")
        return
    ends, language = _reading_as_trained(answers, Settings.from_environment())
    ready = list(prepared(answers, language))
    settings = FitSettings()
    with click.progressbar(length=5, label="fitting", file=sys.stderr) as bar:
        fitted = fit(ready, copies(ready, language), settings=settings, progress=lambda _: bar.update(1))
        fitted = replace(fitted, heads={**fitted.heads, SENTENCE_ENDS: ends})
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


def _train_own(data: Sequence[Path], answers: Sequence[LabelledAnswer], out: Path, given: str) -> None:
    settings = Settings.from_environment()
    base = _named(settings, given, "--base")
    nlp = load_nlp(settings.spacy_model)
    with click.progressbar(
        length=len(STEPS), label="fitting", file=sys.stderr, item_show_func=lambda step: step
    ) as bar:

        def tell(step: str) -> None:
            if step in STEPS[1:]:
                bar.update(1)
            bar.current_item = step
            bar.render_progress()

        made = retrain(
            answers,
            load_model(settings.models_dir, base, nlp),
            nlp,
            read_corpus(),
            out,
            limits=read_margins().own,
            files=[str(path) for path in data],
            command=f"python -m training train {' '.join(map(str, data))} --out {out} --base {base}",
            progress=tell,
        )
        bar.update(1, "done")
    click.echo(f"{made.fit} answers fitted, weight {made.weight:g}; {made.held_out} held out")
    _print(made.rows)


@main.command()
@click.argument("model")
@click.option(
    "--data",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Where the own data is that it was made of, if it has moved since; may be given more than once.",
)
def promote(model: str, data: tuple[Path, ...]) -> None:
    """Serve MODEL (a name in models/) from now on, if it is better on its own data and not worse elsewhere.

    It is compared with the current model on the held-out part of its own data, on the frozen test part and on
    counterfactual pairs; the margins stand in training/gate.toml. The table is printed and goes on the card of MODEL
    whatever comes of it. A running service takes a promoted model by itself; 'rollback' goes back.

    Exit 1: refused, the model before stays.
    """
    settings = Settings.from_environment()
    name = _named(settings, model)
    margins, corpus = read_margins(), read_corpus()
    nlp = load_nlp(settings.spacy_model)
    present = load_model(settings.models_dir, current_model_name(settings.models_dir), nlp)
    if name == present.name:
        raise click.UsageError(f"{name} is the current model")
    new = load_model(settings.models_dir, name, nlp)
    own = own_part(new, data)
    if own is not None:
        gone = [str(path) for path in own.files if not path.exists()]
        if gone:
            raise click.UsageError(
                f"{name} was made of {', '.join(gone)}, gone since; say where it is with --data"
            )
        answers = _unbroken(*read_data(own.files))
        goal = goal_of(checked_again(answers, own, present, nlp, corpus, margins.own), own, present)
    pairs = make_pairs(corpus.development, read_counterfactuals(), margins.pairs)
    with click.progressbar(length=GATE_STEPS, label="comparing", file=sys.stderr) as bar:
        found = weigh(
            present,
            new,
            nlp,
            goal=None if own is None else goal,
            frozen=corpus.frozen,
            pairs=pairs,
            margins=margins,
            progress=lambda: bar.update(1),
        )
    rows = gate_rows(found)
    _print(rows)
    is_better = not any(one.lacks for one in found)
    verdict = f"{new.name} is {'promoted' if is_better else 'refused'}."
    add_gate(
        settings.models_dir / new.name / "README.md", f"{present.name} ({present.version})", rows, verdict
    )
    if is_better:
        set_current(settings.models_dir, new.name)
    click.echo(verdict)
    sys.exit(FINE if is_better else FOUND)


@main.command()
def rollback() -> None:
    """Serve the model again that was current before this one."""
    settings = Settings.from_environment()
    name = former_model_name(settings.models_dir)
    if name is None:
        raise click.ClickException("no model was current before this one")
    load_model(settings.models_dir, name, load_nlp(settings.spacy_model))
    click.echo(f"{step_back(settings.models_dir)} is current again")


@main.command()
@click.argument("model")
@click.option(
    "--pairs",
    "count",
    default=2_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Counterfactual pairs to try.",
)
@click.option(
    "--answers", "most", default=150, show_default=True, type=click.IntRange(min=1), help="Answers to change."
)
@click.option("--card", is_flag=True, help="Write the tables and the failing pairs to the model's card.")
def fairness(model: str, count: int, most: int, card: bool) -> None:
    """Print how far the score of MODEL moves where it must not: other names, towns, ages, typos, layout.

    Answers are those of the development part. A pair that fails is listed by its answer's id; none of its words is.
    """
    settings = Settings.from_environment()
    settings = replace(settings, model=_named(settings, model))
    review = Reviewer.from_settings(settings).review
    data, answers = read_counterfactuals(), read_corpus().development
    pairs = make_pairs(answers, data, count)
    chosen = sample(answers, most)
    with click.progressbar(length=len(pairs) + len(chosen), label="judging", file=sys.stderr) as bar:
        outcomes = compare_pairs(pairs, review, lambda: bar.update(1))
        trials = try_changes(chosen, changes(data), review, lambda: bar.update(1))
    dialects = dialect_rows(compare_dialects(read_dialects(), review))
    tables = fairness_rows(outcomes), group_shifts(outcomes), robustness_rows(trials), dialects
    for rows in tables:
        _print(rows)
    failing = failures(outcomes)
    for line in (*failing, *breaking(trials)):
        click.echo(line)
    if card:
        add_fairness(settings.models_dir / settings.model / "README.md", *tables, failing)
    sys.exit(FOUND if failing else FINE)


@main.command()
@click.argument("model")
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--beside", type=click.Path(exists=True, path_type=Path), help="Fit the baselines on this data."
)
@click.option("--ablate", is_flag=True, help="Fit the learner without its parts too; takes minutes.")
@click.option("--card", is_flag=True, help="Write the figures to the model's card.")
def evaluate(model: str, data: tuple[Path, ...], beside: Path | None, ablate: bool, card: bool) -> None:
    """Print the figures of MODEL (a name in models/) on labelled DATA that it was not trained on."""
    if ablate and beside is None:
        raise click.UsageError("--ablate fits learners; name the data to fit them on with --beside")
    settings = Settings.from_environment()
    loaded, language = _model(settings, model)
    rows: dict[str, dict[str, float]] = {}
    held_out: dict[str, list[PreparedAnswer]] = {}
    for path in data:
        answers = read_jsonl(path)
        items = list(prepared(answers, language))
        bare = list(prepared(map(without_punctuation, answers), language))
        held_out[path.stem] = items
        for part, members in {"": items, " bare": bare, **by_mode(items)}.items():
            row = _row(partial(predict_spans, loaded.labeller), members)
            rows[path.stem + part] = row | {"ece": calibration_error(loaded.labeller, members)}
    _print(rows)
    fitted_beside: dict[str, dict[str, float]] = {}
    if beside is not None:
        fitted_beside = _rows_beside(beside, held_out, language, ablate=ablate)
        _print(fitted_beside)
    if card:
        folder = settings.models_dir / loaded.name
        add_held_out(folder / "README.md", rows)
        curves = {part: reliability(loaded.labeller, items) for part, items in held_out.items()}
        draw_reliability(curves, folder / RELIABILITY_CURVE)
        add_reliability(folder / "README.md", RELIABILITY_CURVE, curve_rows(curves))
        if beside is not None:
            add_ablations(folder / "README.md", beside.name, fitted_beside)


def _rows_beside(
    beside: Path, held_out: Mapping[str, Sequence[PreparedAnswer]], language: Language, *, ablate: bool
) -> dict[str, dict[str, float]]:
    """Return the figures of what is fitted on the data ``beside`` for comparison."""
    ready = list(prepared(read_jsonl(beside), language))
    predictors = {**(ablations(ready) if ablate else {}), **baselines(ready)}
    return {
        f"{name}, {sees}": _row(predict, items)
        for name, items in held_out.items()
        for sees, predict in predictors.items()
    }


def _row(predict: Baseline, items: Sequence[PreparedAnswer]) -> dict[str, float]:
    answers = [item.answer for item in items]
    return figures(answers, [predict(item) for item in items], labels_in_use(answers)).as_row()


@main.command()
@click.argument("model")
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--worst", "most", default=10, show_default=True, type=click.IntRange(min=0), help="Answers to print."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file instead.")
@click.option("--frozen", is_flag=True, help="Allow the frozen test part: its figures, never its words.")
@click.option("--page", is_flag=True, help="Put the tables into training/ERRORS.md.")
def errors(model: str, data: tuple[Path, ...], most: int, out: Path | None, frozen: bool, page: bool) -> None:
    """Print where MODEL goes wrong on labelled DATA that it was not trained on: words, pairs, worst answers."""
    if not frozen:
        _refuse_frozen(data, "its words are for nobody; --frozen gives figures only")
    settings = Settings.from_environment()
    loaded, language = _model(settings, model)
    sets = {}
    parts = []
    for path in data:
        answers, broken = read_data((path,))
        if broken:
            raise click.ClickException("\n".join(broken))
        sets[path.stem] = compare_all(loaded.labeller, list(prepared(answers, language)))
        parts.append(report(path.stem, sets[path.stem], most=0 if _holds_frozen(path) else most))
    text = "\n".join(parts)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
    if page:
        fill_tables(PAGE, page_tables(sets, f"Model {loaded.name} ({loaded.version}) on {', '.join(sets)}."))


@main.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--answers", "count", default=600, show_default=True, type=click.IntRange(min=1), help="How many of DATA."
)
@click.option("--card", help="Write the table to the card of this model (a name in models/).")
def candidates(data: tuple[Path, ...], count: int, card: str | None) -> None:
    """Compare learners by cross-fitting on COUNT answers of DATA, as the hashes of their ids choose them."""
    _refuse_frozen(data, "no learner is chosen on it")
    answers, broken = read_data(data)
    if broken:
        raise click.ClickException("\n".join(broken))
    settings = Settings.from_environment()
    page = settings.models_dir / Path(card).name / "README.md" if card else None
    if page is not None and not page.exists():
        raise click.UsageError("there is no model of that name, or it has no card")
    chosen = sample(answers, count)
    _, language = _reading_as_trained(chosen, settings)
    ready = list(prepared(chosen, language))
    with click.progressbar(length=FOLDS * len(LEARNERS), label="fitting", file=sys.stderr) as bar:
        rows = compare(ready, progress=lambda _: bar.update(1))
    _print(rows)
    if page is not None:
        add_candidates(page, len(ready), rows)


@main.command()
@click.argument("model")
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--card", is_flag=True, help="Write the figures to the model's card.")
def judge(model: str, data: tuple[Path, ...], card: bool) -> None:
    """Print how the feedback of MODEL compares with readers' on rated DATA that it was not trained on."""
    settings = Settings.from_environment()
    settings = replace(settings, model=_named(settings, model))
    reviewer = Reviewer.from_settings(settings)
    for path in data:
        answers = [answer for answer in read_jsonl(path) if answer.score is not None]
        rows, findings = judgement_rows(judge_answers(answers, review_all(answers, reviewer)))
        _print({path.stem: rows})
        _print(findings)
        if card:
            add_judgement(settings.models_dir / settings.model / "README.md", path.stem, rows, findings)


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)
_spans_key = click.option(
    "--spans-key", default="sc", show_default=True, help="DocBin: the key of doc.spans that holds the labels."
)


@main.command("import")
@click.argument("file", type=_FILE)
@click.option("--format", "name", required=True, type=click.Choice(tuple(FORMATS)), help="What FILE is.")
@click.option("--out", required=True, type=_OUT, help="The JSON Lines file of labelled answers to write.")
@_spans_key
@click.option("--text-key", help="Label Studio: the name of the text in a task's data.")
@click.option("--fill", type=click.Choice(["other"]), help="Label words without a label OTHER.")
@click.option(
    "--label", "pairs", multiple=True, metavar="NAME=LABEL", help="What the file's label NAME means."
)
@click.option("--annotator", help="Take the labels of this person only.")
def import_answers(
    file: Path,
    name: str,
    out: Path,
    spans_key: str,
    text_key: str | None,
    fill: str | None,
    pairs: tuple[str, ...],
    annotator: str | None,
) -> None:
    """Read the labelled answers of FILE, as a labelling tool exports them, into JSON Lines for 'train'.

    What can't be used goes beside --out, into NAME.rejected.jsonl, and each reason is printed with its line (for a
    DocBin: its document).
    """
    if any("=" not in pair for pair in pairs):
        raise click.UsageError("--label takes NAME=LABEL, for example STAR_Situation=SITUATION")
    labels = {pair.rpartition("=")[0]: pair.rpartition("=")[2] for pair in pairs}
    options = Options(spans_key, text_key, labels, fills=fill is not None, annotator=annotator)
    imported = import_labels(file, FORMATS[name], options)
    beside = write_imported(imported, out)
    _tell_import(file, imported, out, beside)
    sys.exit(FOUND if imported.refused or not imported.answers else FINE)


def _tell_import(file: Path, imported: Imported, out: Path, beside: Path | None) -> None:
    for line, answer_id, what in imported.messages:
        click.echo(f"{file}:{line}: {answer_id}: {what}")
    refused = f"{len(imported.refused)} refused" + (f" ({beside})" if beside else "")
    left_out = f"{len(imported.left_out)} left out"
    click.echo(f"{out}: {len(imported.answers)} answers, {refused}, {left_out}")


@main.command("export")
@click.argument("data", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "name", required=True, type=click.Choice(EXPORTS), help="What to write.")
@click.option("--out", required=True, type=_OUT, help="The file to write.")
@_spans_key
def export_answers(data: tuple[Path, ...], name: str, out: Path, spans_key: str) -> None:
    """Write the labelled answers of DATA as a labelling tool reads them."""
    answers, broken = read_data(data)
    if broken:
        raise click.ClickException("\n".join(broken))
    export_labels(out, FORMATS[name], [Task(answer) for answer in answers], Options(spans_key=spans_key))
    click.echo(f"{out}: {len(answers)} answers")


@main.command("suggest")
@click.argument("model")
@click.argument("answers", type=_FILE)
@click.option(
    "--count", default=20, show_default=True, type=click.IntRange(min=1), help="How many to choose."
)
@click.option(
    "--format", "name", required=True, type=click.Choice(SUGGESTIONS), help="The labelling tool to write for."
)
@click.option("--out", required=True, type=_OUT, help="The file of pre-labelled tasks to write.")
def suggest_answers(model: str, answers: Path, count: int, name: str, out: Path) -> None:
    """Rank unlabelled ANSWERS by what a label would teach MODEL, and write the first as pre-labelled tasks."""
    given, broken = read_answers(answers)
    loaded, language = _model(Settings.from_environment(), model)
    known = known_words(loaded.labeller)
    fit_to_label: list[LabelledAnswer] = []
    for answer in given:
        code = unfit(answer, known)
        if code is None:
            fit_to_label.append(answer)
        else:
            broken.append(f"{answers}: {answer.id}: can't be judged ({code}); left out")
    with click.progressbar(fit_to_label, label="reading", file=sys.stderr) as bar:
        ranking = suggest(list(prepared(bar, language)), loaded.labeller, count)
    for number, suggestion in enumerate(ranking, start=1):
        click.echo(f"{number}. {suggestion.item.answer.id}: {suggestion.reason()}")
    made = tasks(ranking, loaded.labeller, model=f"{loaded.name}+{loaded.version}")
    export_labels(out, FORMATS[name], made, Options())
    for line in broken:
        click.echo(line)
    click.echo(f"{out}: {len(made)} of {len(given)} answers")
    sys.exit(FOUND if broken else FINE)


@main.command("drift")
@click.argument("model")
@click.argument("answers", type=_FILE)
@click.option("--picture", type=_OUT, help="The SVG picture to draw.")
@click.option(
    "--reference",
    default=path_of(Split.TRAIN),
    type=_FILE,
    help="What to hold ANSWERS against (default: the training part of the corpus).",
)
@click.option(
    "--most", default=400, show_default=True, type=click.IntRange(min=1), help="Answers of each to read."
)
def drift_of_answers(model: str, answers: Path, picture: Path | None, reference: Path, most: int) -> None:
    """Say how new ANSWERS differ from those that MODEL was trained on; exit 0 only where they are the same."""
    given, broken = read_answers(answers)
    for line in broken:
        click.echo(line)
    if not given:
        raise click.ClickException(f"{answers}: no answer can be read")
    loaded, language = _model(Settings.from_environment(), model)
    old, new = sample(read_jsonl(reference), most), sample(given, most)
    with click.progressbar(length=len(old) + len(new), label="reading", file=sys.stderr) as bar:
        before, now = (
            look_at(part, loaded.labeller, language, progress=lambda: bar.update(1)) for part in (old, new)
        )
    found = measures(before, now)
    for measure in found:
        click.echo(
            f"{measure.name}: {measure.says}; PSI {measure.psi:.3f} (by chance to {measure.chance:.3f}); "
            f"{measure.told}"
        )
    if picture is not None:
        draw_drift(found, picture)
    verdict = verdict_of(found)
    click.echo(f"{verdict}: {len(new)} answers against {len(old)} of {reference.name}")
    sys.exit(FINE if verdict is Verdict.SAME and not broken else FOUND)


def _holds_frozen(path: Path) -> bool:
    """Say whether a file or folder holds answers of the test part, as the marked files and their readings do."""
    frozen = (path_of(Split.TEST), path_of_first(), path_of_second(), MARKED)
    resolved = path.resolve()
    return any(
        resolved.is_relative_to(held) or held.is_relative_to(resolved) for held in map(Path.resolve, frozen)
    )


def _refuse_frozen(data: Sequence[Path], why: str) -> None:
    for path in data:
        if _holds_frozen(path):
            raise click.UsageError(f"{path.name} is or holds the frozen test part; {why}")


def _print(rows: Mapping[str, Mapping[str, object]]) -> None:
    for name, row in rows.items():
        click.echo(f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items()))


def run() -> None:
    """Run the commands; errors of the project are printed without a traceback."""
    try:
        main()
    except StarFeedbackError as error:
        raise SystemExit(f"error: {error}") from error
    except OSError as error:
        raise SystemExit(f"error: {error.strerror or error}: {error.filename or ''}") from error
