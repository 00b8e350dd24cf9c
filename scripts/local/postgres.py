"""A PostgreSQL server of our own on loopback: made, started, and its databases."""

import os
import pwd
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pg8000.native

from scripts.local.ports import HOST
from scripts.local.processes import Processes, wait_until
from scripts.local.say import Stop
from scripts.local.tools import User, environment, run

SUPERUSER = "postgres"
_LOCALE = "C.UTF-8" if sys.platform == "linux" else "C"


@dataclass(frozen=True, slots=True)
class Server:
    port: int

    def dsn(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@{HOST}:{self.port}/{database}"

    def connect(self, database: str = SUPERUSER) -> pg8000.native.Connection:
        return connect(self.port, database)

    def create(self, database: str, template: str = "template1") -> None:
        """Make a database anew, as a copy of the template (to which nobody may be connected)."""
        connection = self.connect()
        try:
            connection.run(f'drop database if exists "{database}" with (force)')
            connection.run(f'create database "{database}" template "{template}"')
        finally:
            connection.close()

    def checkpoint(self) -> None:
        """Have all that is stored written into the data folder."""
        connection = self.connect()
        try:
            connection.run("checkpoint")
        finally:
            connection.close()

    def drop(self, database: str) -> None:
        connection = self.connect()
        try:
            connection.run(f'drop database if exists "{database}" with (force)')
        finally:
            connection.close()

    def exists(self, database: str) -> bool:
        connection = self.connect()
        try:
            return bool(connection.run("select 1 from pg_database where datname = :name", name=database))
        finally:
            connection.close()


def connect(port: int, database: str = SUPERUSER) -> pg8000.native.Connection:
    return pg8000.native.Connection(SUPERUSER, host=HOST, port=port, database=database, timeout=30)


def start(processes: Processes, binaries: Path, *, data: Path, port: int, lasting: bool) -> Server:
    """Start a server on a data folder, which is made if it is not there.

    `lasting` data are flushed to the disk; others would be lost with the machine, and are written four times as fast.

    Raises:
        Stop: initdb or the server failed.
    """
    user, prefix = _unprivileged(data)
    if not (data / "PG_VERSION").is_file():
        _initialise(binaries, data, user, prefix)
    _refuse_other_version(binaries, data)
    speed = (
        [] if lasting else ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
    )
    child = processes.start(
        "PostgreSQL",
        [
            *prefix,
            binaries / "postgres",
            *("-D", data, "-p", str(port)),
            *("-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="),
            *("-c", "max_connections=200", "-c", "logging_collector=off"),
            *speed,
        ],
        env=environment(),
        cwd=Path("/"),
        user=None if prefix else user,
        stop_signal=signal.SIGINT,  # the fast shutdown: sessions are ended, the data are written
        grace=20,
    )
    wait_until(lambda: _answers(port), child, seconds=30)
    return Server(port)


def _initialise(binaries: Path, data: Path, user: User | None, prefix: list[str]) -> None:
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if user:
        os.chown(data, user.uid, user.gid)
    words = [
        *prefix,
        str(binaries / "initdb"),
        "-D",
        str(data),
        "-U",
        SUPERUSER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        f"--locale={_LOCALE}",
        "--no-sync",
    ]
    run(words, env=environment(), cwd=Path("/"), user=None if prefix else user, cure="Is the disk full?")


def _unprivileged(data: Path) -> tuple[User | None, list[str]]:
    """The user to run as where this is root, whom PostgreSQL refuses, and the words before the command that make it so.

    Under a folder that only root may enter (a home), that user keeps root's right to enter it.
    """
    if os.geteuid() != 0:
        return None, []
    try:
        nobody = pwd.getpwnam("nobody")
        user = User(nobody.pw_uid, nobody.pw_gid)
    except KeyError:
        user = User(65534, 65534)
    if all(folder.stat().st_mode & 0o001 for folder in data.parents):
        return user, []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Stop(
            f"PostgreSQL does not run as root, and no other user can reach {data.parent}. Run this as an ordinary user."
        )
    keep = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return user, [setpriv, f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", *keep]


def _refuse_other_version(binaries: Path, data: Path) -> None:
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    ours = run([binaries / "postgres", "--version"], cure="").split()[2].partition(".")[0]
    if made_by != ours:
        raise Stop(
            f"The data in {data.parent} were written by PostgreSQL {made_by}; this machine now has {ours}. Begin anew with --fresh."
        )


def _answers(port: int) -> bool:
    try:
        connect(port).close()
    except (pg8000.native.Error, OSError):
        return False
    return True
