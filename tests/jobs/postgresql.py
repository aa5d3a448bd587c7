"""A PostgreSQL of our own for a session of tests: on a socket in a private folder, never on the network."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

ABSENT = "no postgres with initdb on this machine"
_PLACES = Path("/usr/lib/postgresql")


def find_postgresql() -> Path | None:
    """Return the folder of ``postgres`` and ``initdb``, on the PATH or where Debian puts it."""
    on_path = [Path(found).resolve().parent for found in (shutil.which("initdb"),) if found is not None]
    debian = sorted(_PLACES.glob("*/bin"), reverse=True)
    return next(
        (folder for folder in (*on_path, *debian) if {"initdb", "postgres"} <= _names_in(folder)), None
    )


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _user() -> str | None:
    """Return whom to run it as: it refuses to be run by root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


@contextmanager
def running(binaries: Path) -> Iterator[Path]:
    """Start a server; give the folder of its socket."""
    user = _user()
    # The path of a socket is short, and pytest's folders are for their owner only.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    data = folder / "data"
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "tests", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, user=user, cwd=folder, check=True, capture_output=True)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                str(binaries / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses=",
                # Nothing is to outlive a crash of this machine.
                "-c", "fsync=off", "-c", "max_connections=60",
            ],
            user=user,
            cwd=folder,
            stdout=log,
            stderr=log,
        )  # fmt: skip
        try:
            _wait(folder, server)
            yield folder
        finally:
            # Nothing of it is wanted any more.
            server.send_signal(signal.SIGQUIT)
            server.wait(30)
            shutil.rmtree(folder)


def _wait(folder: Path, server: subprocess.Popen[bytes]) -> None:
    latest = time.monotonic() + 30
    while True:
        assert server.poll() is None, (folder / "log").read_text()
        try:
            psycopg.connect(f"host={folder} user=tests dbname=postgres").close()
        except psycopg.OperationalError:
            assert time.monotonic() < latest
            time.sleep(0.1)
        else:
            return


def make_database(folder: Path, name: str) -> str:
    """Make an empty database; return its address."""
    with psycopg.connect(f"host={folder} user=tests dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://tests@/{name}?host={folder}"
