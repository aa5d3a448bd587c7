"""The command line: ``star-feedback serve``, ``score``, ``batch``, ``questions``, ``compare`` and ``rules``."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import click

from service import __version__
from service.errors import InvalidRequest, SettingsRefused, StarFeedbackError
from service.labels import QuestionType
from service.schemas import (
    CompareRequest,
    QuestionsRequest,
    compare_reply,
    feedback_reply,
    parse_request,
    questions_reply,
    to_json,
    validated,
)
from service.settings import Settings

if TYPE_CHECKING:
    from service.batch.pool import Engine


class Exit(IntEnum):
    """The exit codes, which are stable."""

    FINE = 0
    FAILED = 1
    BAD_USE = 2
    SOME_ROWS_FAILED = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="star-feedback")
def main() -> None:
    """Feedback on interview answers: which part is which, what is missing, what to do next."""


@main.command()
def serve() -> None:
    """Serve the page and the HTTP interface, on loopback by default."""
    # Set before numpy is imported anywhere: two workers of several threads each slow one another tenfold.
    from service.web.launcher import serve as serve_settings

    try:
        settings = Settings.from_environment()
        if settings.rules_file:
            # A mistake in an own file stops the start; the workers would come up and never be ready.
            from service.feedback.catalogue import load_catalogue

            load_catalogue(settings.rules_file)
    except StarFeedbackError as error:
        _stop(Exit.BAD_USE, str(error))
    serve_settings(settings)


@main.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--question", "-q", help="What was asked.")
@click.option(
    "--question-type", type=click.Choice([kind.value for kind in QuestionType]), help="Default: detected."
)
@click.option("--json", "as_json", is_flag=True, help="Print the reply of the HTTP interface.")
def score(file: BinaryIO, question: str | None, question_type: str | None, as_json: bool) -> None:
    """Judge one answer: the text of FILE, or standard input."""
    from service.reviewer import Reviewer
    from service.terminal import rendered

    with _stopping("the answer"):
        # Read as bytes: reading as text would turn CR LF into LF, and offsets count both.
        request = parse_request(
            {"answer": file.read().decode(), "question": question, "question_type": question_type}
        )
        report = Reviewer.from_settings(Settings.from_environment()).review(request.to_answer())
    if as_json:
        click.echo(to_json(feedback_reply(report)).decode())
    else:
        click.echo(rendered(report))


@main.command()
@click.argument("source", metavar="IN", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out",
    "-o",
    metavar="OUT",
    required=True,
    type=click.Path(path_type=Path),
    help=".jsonl, .csv or .xlsx.",
)
@click.option(
    "--report",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Also write a page for each client, and an index, to DIR.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one for each core.")
@click.option(
    "--engine",
    "engine_name",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    help="ray: for many machines, with a token in RAY_AUTH_TOKEN. Default: processes of this machine.",
)
@click.option(
    "--ray-address",
    metavar="HOST:PORT",
    help="The Ray cluster to use, or auto. Default: one that is started for this run.",
)
@click.option("--resume/--no-resume", default=True, help="Go on where an earlier run stopped (default).")
def batch(
    source: Path,
    out: Path,
    report: Path | None,
    workers: int | None,
    engine_name: str,
    ray_address: str | None,
    *,
    resume: bool,
) -> None:
    """Judge every answer of IN, a .csv or .jsonl file, and write OUT.

    The columns, or names, are answer, question, question_type, context, id, client, date and attempt; only
    answer is needed. Exits with 0 where all rows are fine, 3 where some are in error, 2 for bad use, 1 for
    failures; started again after an interruption it goes on where it stopped.
    """
    from service.batch.journal import JournalTaken
    from service.batch.progress import shown_on
    from service.batch.ray_engine import RayRefused
    from service.batch.rows import UnreadableFile
    from service.batch.run import BatchRefused, run_batch
    from service.reports.folder import FolderRefused, check_folder, write_reports

    # A core dump would hold answers.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        settings = Settings.from_environment()
        if report is not None:
            check_folder(report, apart_from=(source, out))
        engine = _engine(engine_name, settings, workers, ray_address)
        with shown_on(sys.stderr) as (progress, say):
            summary = run_batch(
                source,
                out,
                engine=engine,
                settings=settings,
                resume=resume,
                progress=progress,
                say=say,
                readers=()
                if report is None
                else (lambda rows: write_reports(rows, report, versions=engine.versions),),
            )
    except UnreadableFile as error:
        _stop(Exit.BAD_USE, f"{source.name}: {error.detail}")
    except (BatchRefused, FolderRefused, JournalTaken, RayRefused, SettingsRefused) as error:
        _stop(Exit.BAD_USE, str(error))
    except StarFeedbackError as error:
        _stop(Exit.FAILED, str(error))
    except OSError as error:
        _stop(
            Exit.FAILED,
            f"{error.strerror or error}. What is done is kept; the same command goes on from there.",
        )
    except KeyboardInterrupt:
        _stop(Exit.FAILED, "stopped. What is done is kept; the same command goes on from there.")
    click.echo(
        f"{summary.rows} rows: {summary.scored} scored, {summary.abstained} abstained, "
        f"{summary.errors} in error; {summary.seconds:.1f} s"
    )
    sys.exit(Exit.SOME_ROWS_FAILED if summary.errors else Exit.FINE)


@main.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--context", type=click.File("rb"), help="A text about the role or company.")
@click.option("--json", "as_json", is_flag=True, help="Print the reply of the HTTP interface.")
def questions(file: BinaryIO, context: BinaryIO | None, *, as_json: bool) -> None:
    """Look at the questions that a candidate wants to ask: FILE holds one a line."""
    from service.feedback.catalogue import load_catalogue
    from service.feedback.questions import QuestionReader
    from service.terminal import rendered_questions

    with _stopping("the file"):
        # Other signs that end a line may stand in a question.
        lines = [line.strip() for line in file.read().decode().split("\n")]
        asked = validated(
            QuestionsRequest,
            {
                "questions": [line for line in lines if line],
                "context": None if context is None else context.read().decode(),
            },
        )
        reader = QuestionReader(load_catalogue(Settings.from_environment().rules_file))
        report = reader.read(asked.questions, asked.context)
    if as_json:
        click.echo(to_json(questions_reply(report)).decode())
    else:
        click.echo(rendered_questions(report))


@main.command("compare")
@click.argument("first", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("second", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--question", "-q", help="What was asked, both times.")
@click.option(
    "--question-type", type=click.Choice([kind.value for kind in QuestionType]), help="Default: detected."
)
@click.option("--json", "as_json", is_flag=True, help="Print the reply of the HTTP interface.")
def compare_attempts(
    first: Path, second: Path, question: str | None, question_type: str | None, *, as_json: bool
) -> None:
    """Tell what changed from one attempt at a question, FIRST, to the next, SECOND."""
    from service.feedback.comparison import compare
    from service.reviewer import Reviewer
    from service.terminal import rendered_comparison

    with _stopping("an attempt"):
        shared = {"question": question, "question_type": question_type}
        asked = validated(
            CompareRequest,
            {
                "first": {"answer": first.read_bytes().decode(), **shared},
                "second": {"answer": second.read_bytes().decode(), **shared},
            },
        )
        reviewer = Reviewer.from_settings(Settings.from_environment())
        comparison = compare(
            reviewer.review(asked.first.to_answer()), reviewer.review(asked.second.to_answer())
        )
    if as_json:
        click.echo(to_json(compare_reply(comparison)).decode())
    else:
        click.echo(rendered_comparison(comparison))


@main.group(invoke_without_command=True)
@click.pass_context
def rules(context: click.Context) -> None:
    """List every rule, those of STAR_FEEDBACK_RULES_FILE among them."""
    if context.invoked_subcommand is not None:
        return
    from service.feedback.catalogue import load_catalogue
    from service.language.model_folder import load_model
    from service.language.model_index import current_model_name
    from service.language.nlp import load_nlp
    from service.terminal import rendered_rules

    with _stopping("the rules file"):
        settings = Settings.from_environment()
        catalogue = load_catalogue(settings.rules_file)
        name = settings.model or current_model_name(settings.models_dir)
        model = load_model(settings.models_dir, name, load_nlp(settings.spacy_model))
    click.echo(rendered_rules(catalogue, model.limits))


@rules.command("test")
def test_rules() -> None:
    """Run every example of the rules; exits with 1 where one is wrong.

    Those of rules that ask the model run through the model that is served, all others on the labels marked in them.
    """
    from service.feedback.catalogue import load_catalogue
    from service.feedback.examples import run_examples, run_model_examples
    from service.language.nlp import Language, load_nlp
    from service.reviewer import Reviewer
    from service.terminal import rendered_results

    with _stopping("the rules file"):
        settings = Settings.from_environment()
        catalogue = load_catalogue(settings.rules_file)
        reviewer = Reviewer.from_settings(settings)
        marked = list(run_examples(catalogue, Language(load_nlp(settings.spacy_model))))
        asked = list(run_model_examples(catalogue, reviewer.review, reviewer.limits))
    click.echo(rendered_results(marked, asked, reviewer.versions.model.partition("+")[0]))
    wrong = any(result.fault is not None for result in (*marked, *asked))
    sys.exit(Exit.FAILED if wrong else Exit.FINE)


@contextmanager
def _stopping(what: str) -> Iterator[None]:
    """End the command with a message where ``what`` was given, or the service itself, is no good."""
    try:
        yield
    except UnicodeDecodeError:
        _stop(Exit.BAD_USE, f"{what} is not UTF-8 text")
    except InvalidRequest as error:
        problems = "; ".join(f"{problem.pointer}: {problem.message}" for problem in error.problems)
        _stop(Exit.BAD_USE, f"{error.detail} ({problems})")
    except StarFeedbackError as error:
        _stop(Exit.FAILED, str(error))


def _engine(name: str, settings: Settings, workers: int | None, ray_address: str | None) -> Engine:
    """Return what judges; raise ``RayRefused`` where Ray can't, or an address is given without it."""
    from service.batch import evaluation
    from service.batch.pool import Pool
    from service.batch.ray_engine import RayEngine, RayRefused
    from service.language.model_index import pinned

    load = partial(evaluation.load_reviewer, pinned(settings))
    if name == "ray":
        return RayEngine(load, workers=workers, address=ray_address)
    if ray_address is not None:
        raise RayRefused("--ray-address needs --engine ray")
    return Pool(load, workers or len(os.sched_getaffinity(0)))


def _stop(code: Exit, message: str) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
