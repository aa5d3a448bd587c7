"""The command line: ``star-feedback serve`` and ``star-feedback score``."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import BinaryIO

import click

from service import __version__
from service.errors import InvalidRequest, StarFeedbackError
from service.labels import QuestionType
from service.schemas import feedback_reply, parse_request, to_json
from service.settings import Settings


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

    try:
        # Read as bytes: reading as text would turn CR LF into LF, and offsets count both.
        request = parse_request(
            {"answer": file.read().decode(), "question": question, "question_type": question_type}
        )
        report = Reviewer.from_settings(Settings.from_environment()).review(request.to_answer())
    except UnicodeDecodeError:
        _stop(Exit.BAD_USE, "the answer is not UTF-8 text")
    except InvalidRequest as error:
        problems = "; ".join(f"{problem.pointer}: {problem.message}" for problem in error.problems)
        _stop(Exit.BAD_USE, f"{error.detail} ({problems})")
    except StarFeedbackError as error:
        _stop(Exit.FAILED, str(error))
    if as_json:
        click.echo(to_json(feedback_reply(report)).decode())
    else:
        click.echo(rendered(report))


def _stop(code: Exit, message: str) -> None:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
