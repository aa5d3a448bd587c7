"""The story of own data: from a labelling tool's export to a served model and back, with a real server beside it.

``python -m training.story`` tells it with the current model and ``examples/trade``, in a folder of its own, and prints
it; with ``--write`` it stands in ``training/RETRAINING.md``. Everything but the poisoned sets is done by commands, in
processes of their own; the tests tell the same story with a tiny model.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click

from service.labels import Label
from service.language.model_index import INDEX, current_model_name
from service.records import LabelledSpan
from service.settings import PREFIX, Settings
from training.card import table
from training.corpus import GoldSpan, LabelledAnswer, read_jsonl, write_jsonl
from training.describe import fill_tables
from training.evaluate import figures, labels_in_use
from training.own_data import split_own
from training.splits import Split, read_split

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "training" / "RETRAINING.md"
EXPORT = Path("examples", "trade", "farriers.json")
#: Seconds within which every worker of a service has a promoted model.
IN_TIME = 5.0
_WORKERS = 2
#: Answers of the smaller set, and of each poisoned one that is not the whole.
_EARLY, _FEW, _COPIED = 75, 3, 5
_PAUSE = 0.1
_OWN = Path("own", "farriers.jsonl")
_ANSWER = {
    "question": "Describe a problem that you solved.",
    "answer": "A cob went lame after shoeing. I had to find out why before Friday. I pulled the shoe, dressed the toe "
    "back and reset it wider. He trotted up sound on the day.",
}
#: Runs ``python -m training`` with arguments in the folder of the story; returns its exit code and what it printed.
Run = Callable[[Sequence[str]], tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Step:
    """A command, what it printed and how it ended; seconds on the clock, and of processors."""

    command: str
    code: int
    output: str
    seconds: float
    processor: float


@dataclass(frozen=True, slots=True)
class Served:
    """What the running service did while a model was changed.

    ``seconds`` until every worker had it, ``None`` where they never had; ``replies`` that clients got meanwhile, by the
    model that made them; ``failed`` requests; the word macro-F1 of its replies on the held-out answers afterwards.
    """

    seconds: float | None
    replies: Mapping[str, int]
    failed: int
    macro_f1: float


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that happened; ``models`` are the versions before and after, ``figures`` those of the manifest.

    ``refused`` are the poisoned sets, by what was done to them.
    """

    steps: Mapping[str, Step]
    models: tuple[str, str]
    figures: Mapping[str, Mapping[str, object]]
    gate: str
    second_gate: str
    served: Mapping[str, Served]
    refused: Mapping[str, Step]
    is_reproduced: bool


@dataclass
class Client:
    """Asks a service the same thing again and again, on a new connection each time."""

    port: int
    models: list[str] = field(default_factory=list)
    failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Client:
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(_PAUSE):
            try:
                status, reply = ask(self.port, _ANSWER)
            except (OSError, http.client.HTTPException):
                self.failed += 1
                continue
            if status == HTTPStatus.OK:
                self.models.append(str(reply["versions"]["model"]))
            else:
                self.failed += 1


def ask(port: int, question: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
    """Send one answer to a service; return the status and the reply."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        body = json.dumps(question).encode()
        connection.request("POST", "/v1/feedback", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, dict(json.loads(response.read()))


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: where it listens, and the file of its log."""

    port: int
    log: Path

    def models(self) -> dict[int, str]:
        """Return the model that each worker told last."""
        whole_lines = self.log.read_bytes().rpartition(b"\n")[0].splitlines()
        events = [json.loads(line) for line in whole_lines if line.startswith(b"{")]
        return {event["process"]: event["model"] for event in events if event["event"] == "model"}

    def have(self, version: str, seconds: float) -> bool:
        """Wait until every worker has a model; say whether that was in time."""
        latest = time.monotonic() + seconds
        while list(self.models().values()) != [version] * _WORKERS:
            if time.monotonic() > latest:
                return False
            time.sleep(_PAUSE / 2)
        return True


@contextmanager
def serving(models: Path, folder: Path) -> Iterator[Service]:
    """Start the service with the models folder ``models`` on a free loopback port, and stop it in the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "MODELS_DIR": models,
        "PORT": port,
        "WORKERS": _WORKERS,
        "JOBS_DIR": "",
        "RATE_REQUESTS": 0,
        "RATE_BYTES": 0,
    }
    service = Service(port, folder / "service.log")
    with service.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from service.cli import main; main()", "serve"],
            cwd=folder,
            env={
                **os.environ,
                **{PREFIX + name: str(value) for name, value in settings.items()},
                "PYTHONPATH": str(ROOT),
            },
            stdout=log,
            stderr=log,
        )
    try:
        latest = time.monotonic() + 120
        while len(service.models()) < _WORKERS and process.poll() is None and time.monotonic() < latest:
            time.sleep(_PAUSE)
        yield service
    finally:
        process.terminate()
        process.wait(30)


def commands(folder: Path) -> Run:
    """Return what runs commands in ``folder``, with its models and a cache of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "STAR_FEEDBACK_MODELS_DIR": "models",
        "XDG_CACHE_HOME": str(folder / "cache"),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }

    def run(arguments: Sequence[str]) -> tuple[int, str]:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "training", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@dataclass
class Teller:
    """Does one thing after the other in ``folder``, whose ``models`` hold the base."""

    folder: Path
    base: str
    run: Run
    said: Callable[[str], None]
    steps: dict[str, Step] = field(default_factory=dict)
    served: dict[str, Served] = field(default_factory=dict)

    @property
    def models(self) -> Path:
        """The models folder."""
        return self.folder / "models"

    def do(self, name: str, *arguments: str) -> Step:
        """Run a command and remember it under ``name``."""
        command = f"python -m training {' '.join(arguments)}"
        self.said(command)
        before, began = os.times(), time.monotonic()
        code, output = self.run(arguments)
        seconds, after = time.monotonic() - began, os.times()
        processor = sum(after[:4]) - sum(before[:4])
        self.steps[name] = Step(command, code, output, seconds, processor)
        return self.steps[name]

    def change(
        self, service: Service, held_out: Sequence[LabelledAnswer], name: str, model: str, *arguments: str
    ) -> None:
        """Run a command after which ``model`` should be served, while a client asks."""
        with Client(service.port) as client:
            self.do(name, *arguments)
            changed = (self.models / INDEX).stat().st_mtime
            has_come = service.have(self.version(model), 4 * IN_TIME)
            seconds = max(0.0, time.time() - changed) if has_come else None
            time.sleep(3 * _PAUSE)
        replies = {found: client.models.count(found) for found in sorted(set(client.models))}
        self.served[name] = Served(seconds, replies, client.failed, served_macro(service.port, held_out))

    def version(self, model: str) -> str:
        """Return name and version of a model, as replies have it."""
        return f"{model}+{self.manifest(model)['version']}"

    def manifest(self, model: str) -> dict[str, Any]:
        """Return the manifest of a model."""
        return dict(json.loads((self.models / model / "manifest.json").read_bytes()))

    def gate(self, model: str) -> str:
        """Return the table that the gate wrote on the card of a model."""
        card = (self.models / model / "README.md").read_text(encoding="utf-8")
        found = re.search(r"<!-- gate -->.*?(^\|.*\|$)\n\n(.*?)\n+<!-- /gate -->", card, re.S | re.M)
        return f"{found[1]}\n\n{found[2]}" if found else "No table."


def served_macro(port: int, answers: Sequence[LabelledAnswer]) -> float:
    """Return the word macro-F1 of what a service replies on ``answers``."""
    seen = []
    for answer in answers:
        status, reply = ask(port, {"answer": answer.text, "question": answer.question})
        spans = reply["spans"] if status == HTTPStatus.OK else ()
        seen.append(
            tuple(
                LabelledSpan(span["start"], span["end"], Label(span["label"]), span["confidence"])
                for span in spans
            )
        )
    return figures(answers, seen, labels_in_use(answers)).macro


def poisoned(
    answers: Sequence[LabelledAnswer], frozen: Sequence[LabelledAnswer]
) -> dict[str, list[LabelledAnswer]]:
    """Return sets that nothing should be learnt from, by what was done to them."""
    chance = random.Random(5)  # noqa: S311  (no secret)
    nearly = len(answers) * 9 // 10 + 1
    return {
        "a third of the labels swapped": [with_labels(answer, _swapping(chance)) for answer in answers],
        "one label only": [with_labels(answer, lambda _: Label.ACTION) for answer in answers],
        "three answers": list(answers[:_FEW]),
        "nine tenths by one person": [
            replace(answer, meta={**answer.meta, "annotator": "coach-1" if number < nearly else "coach-2"})
            for number, answer in enumerate(answers)
        ],
        "answers of the frozen test part among them": [
            *answers,
            *(
                replace(answer, id=f"copied-{number}", meta={"annotator": "coach-1"})
                for number, answer in enumerate(frozen[:_COPIED])
            ),
        ],
    }


def _swapping(chance: random.Random) -> Callable[[Label], Label]:
    def swapped(label: Label) -> Label:
        is_spared = chance.random() >= 1 / 3
        return label if is_spared else chance.choice([other for other in Label if other is not label])

    return swapped


def with_labels(answer: LabelledAnswer, change: Callable[[Label], Label]) -> LabelledAnswer:
    """Return ``answer`` with another label on each span; neighbours that become alike are joined."""
    spans: list[GoldSpan] = []
    for span in answer.spans:
        label = change(span.label)
        if spans and spans[-1].label is label:
            spans[-1] = replace(spans[-1], end=span.end)
        else:
            spans.append(GoldSpan(span.start, span.end, label))
    return replace(answer, spans=tuple(spans))


def tell(
    folder: Path,
    base: Path,
    frozen: Sequence[LabelledAnswer],
    run: Run,
    said: Callable[[str], None] = lambda _: None,
) -> Story:
    """Tell the story in the empty ``folder`` with the model folder ``base``, from ``frozen`` answers that are held apart."""
    teller = Teller(folder, base.name, run, said)
    shutil.copytree(base, teller.models / base.name)
    (teller.models / INDEX).write_text(json.dumps({"current": base.name, "history": []}), encoding="utf-8")
    (folder / EXPORT).parent.mkdir(parents=True)
    shutil.copy(ROOT / EXPORT, folder / EXPORT)
    own = _OWN.as_posix()
    onto = ("--base", base.name)
    with serving(teller.models, folder) as service:
        teller.do("import", "import", EXPORT.as_posix(), "--format", "label-studio", "--out", own)
        teller.do("check", "check", own)
        answers = read_jsonl(folder / own)
        held_out = split_own(answers).held_out
        before = served_macro(service.port, held_out)
        teller.served["before"] = Served(0.0, {teller.version(base.name): 0}, 0, before)
        teller.do("train", "train", own, *onto, "--out", "models/farriers-1")
        teller.do("again", "train", own, *onto, "--out", "models/farriers-2")
        teller.change(service, held_out, "promote", "farriers-1", "promote", "farriers-1")
        refused = {}
        for what, answers_of in poisoned(answers, frozen).items():
            name = what.replace(" ", "-")
            path = Path("own", f"{name}.jsonl")
            write_jsonl(folder / path, answers_of)
            refused[what] = teller.do(what, "train", path.as_posix(), *onto, "--out", "models/poisoned-1")
            teller.steps.pop(what)
        write_jsonl(folder / "own" / "early.jsonl", answers[:_EARLY])
        teller.do("early", "train", "own/early.jsonl", *onto, "--out", "models/early-1")
        teller.do("early refused", "promote", "early-1")
        teller.change(service, held_out, "rollback", base.name, "rollback")
        teller.do("nothing before", "rollback")
    return Story(
        teller.steps,
        (teller.version(base.name), teller.version("farriers-1")),
        teller.manifest("farriers-1")["figures"],
        teller.gate("farriers-1"),
        teller.gate("early-1"),
        teller.served,
        refused,
        teller.manifest("farriers-1")["files"] == teller.manifest("farriers-2")["files"],
    )


def reasons(step: Step) -> list[str]:
    """Return the reasons that a refusing command gave."""
    return step.output.partition("the data is refused:\n")[2].strip().splitlines()


def markdown(story: Story) -> str:
    """Return the story as Markdown; nothing in it is typed by hand."""
    before, after = story.models
    steps: dict[str, dict[str, object]] = {}
    for step in story.steps.values():
        again = ", again" if f"`{step.command}`" in steps else ""
        steps[f"`{step.command}`{again}"] = {
            "exit": step.code,
            "seconds": round(step.seconds, 1),
            "processor_seconds": round(step.processor, 1),
        }
    served = {
        f"after {name}" if name != "before" else before: {
            "seconds_until_served": "" if name == "before" else _seconds(one),
            "replies_meanwhile": ", ".join(f"{n} of {model}" for model, n in one.replies.items() if n),
            "failed_requests": one.failed,
            "macro_f1_of_replies": round(one.macro_f1, 3),
        }
        for name, one in story.served.items()
    }
    refused = {
        what: {"exit": step.code, "seconds": round(step.seconds, 1), "reason": "; ".join(reasons(step))}
        for what, step in story.refused.items()
    }
    same = "the same bytes" if story.is_reproduced else "other bytes"
    return f"""From {before} to {after} and back, by `python -m training.story --write`: commands in processes of their own, a
service with {_WORKERS} workers beside them, {_where()}. *processor_seconds* are those of the command whatever else the
machine does. The first training reads the shipped corpus, which is kept; the second one made {same} from the same data.

{table(steps)}
Word macro-F1 and the rest before and after, on the own answers that were held out and on the frozen test part:

{table(story.figures)}
The gate on farriers-1:

{story.gate}

The gate on early-1, made of the first {_EARLY} answers only, against farriers-1:

{story.second_gate}

What the running service replied, one client asking all the time; *macro_f1_of_replies* is on the held-out answers:

{table(served)}
Poisoned sets, given to `train --base` in place of the sound one:

{table(refused)}"""


def _seconds(one: Served) -> str:
    return "never" if one.seconds is None else f"{one.seconds:.1f}"


def _where() -> str:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores{load} at the end"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--write", is_flag=True, help="Put the story into training/RETRAINING.md.")
def main(write: bool) -> None:
    """Tell the story of own data with the current model; takes some minutes and changes no model that is served."""
    models = Settings.from_environment().models_dir
    with tempfile.TemporaryDirectory() as folder:
        story = tell(
            Path(folder),
            models / current_model_name(models),
            list(read_split(Split.TEST)),
            commands(Path(folder)),
            lambda what: click.echo(what, err=True),
        )
    text = markdown(story)
    click.echo(text)
    if write:
        fill_tables(PAGE, {"story": text})


if __name__ == "__main__":
    main()
