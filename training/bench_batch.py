"""What a batch costs: rows a second with one and two processes, and memory against the number of rows."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from service.records import Answer

#: Rows of the memory runs: nothing can be judged in them, so that only the batch itself costs.
SIZES = (1_000, 100_000)
_COMMAND = (sys.executable, "-c", "from service.cli import main; main()", "batch")


@dataclass(frozen=True, slots=True)
class BatchRun:
    """One run of the command: its seconds, and the largest memory of its first process in MiB."""

    name: str
    rows: int
    seconds: float
    memory: float


def measure_batch(texts: Sequence[Answer]) -> Iterator[BatchRun]:
    """Yield runs over ``texts`` with one and two processes (and Ray, where it is installed), then by size."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        _write(source, [answer.text for answer in texts])
        engines: dict[str, tuple[str, ...]] = {
            "1 process": ("--workers", "1"),
            "2 processes": ("--workers", "2"),
        }
        if find_spec("ray") is not None:
            engines["Ray, 2 processes"] = ("--engine", "ray", "--workers", "2")
        for name, options in engines.items():
            yield _run(name, source, len(texts), options)
        for size in SIZES:
            _write(source, ["…"] * size)
            yield _run("nothing to judge", source, size, ("--workers", "1"))


def _write(path: Path, texts: Sequence[str]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for text in texts:
            stream.write(json.dumps({"answer": text}) + "\n")


def _run(name: str, source: Path, rows: int, options: Sequence[str]) -> BatchRun:
    out = source.with_name("out.jsonl")
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603
        [*_COMMAND, str(source), "-o", str(out), *options], stderr=subprocess.DEVNULL
    ) as process:
        largest = [0]
        watch = threading.Thread(target=_watch, args=(process, largest), daemon=True)
        watch.start()
        process.wait()
    seconds = time.perf_counter() - began
    watch.join()
    if process.returncode:
        raise RuntimeError(f"the batch with {name} ended with {process.returncode}")
    out.unlink()
    return BatchRun(name, rows, seconds, largest[0] / 2**20)


def _watch(process: subprocess.Popen[bytes], largest: list[int]) -> None:
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            largest[0] = max(largest[0], watched.memory_info().rss)
        except psutil.NoSuchProcess:
            return
        time.sleep(0.05)
