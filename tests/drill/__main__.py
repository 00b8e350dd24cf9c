"""`scripts/drill`: load, back up while messages are being sent, destroy, restore, compare, and time each part."""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from common.storage.firestore.restored import Documents
from common.storage.postgres.connect import plain
from scripts.local import parts
from scripts.local.layout import Layout
from scripts.local.ports import Ports
from scripts.local.processes import Interrupted, Processes, interruptible
from scripts.local.runs import the_only_one
from scripts.local.say import Progress, Step, Stop
from scripts.local.serving import Serving
from scripts.local.stack import PROJECT, Backing, Suite, empty, register_triggers, start_backing, start_suite
from scripts.local.web import call
from scripts.restoring.documents import emulated
from scripts.restoring.restore import Place, Restore
from tests.drill.comparison import Snapshot, differences, snapshot
from tests.drill.crowd import Crowd

_HELP = """Prove a restore: fill databases of their own, back them up while messages are being sent, destroy them, restore the
backup, compare. Nothing of scripts/run is touched."""
TRUSTING = {"TRUSTED_PROXIES": "1"}
"""The crowd comes from many networks, which the limits would otherwise take for one."""
_ENVELOPE = 900
"""Bytes of a message beside its ciphertext, about."""
_MOST = 60_000
"""Bytes of a ciphertext with which an envelope stays below the protocol's bound."""
_FEWEST = 3
"""Accounts: each writes to the next one, and a new pair begins to while the backup runs."""
_SHOWN = 10
"""Differences that are printed."""


@dataclass(slots=True)
class Drill:
    """One drill on a stack of real parts, whose project nobody else uses.

    Raises, in all that it does:
        Stop: a part failed, or the restore differs.
    """

    place: Place
    suite: Suite
    stop: Callable[[], None]
    """Ends the service."""
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each part took."""
    made: list[Serving] = field(default_factory=list)
    acknowledged: int = 0
    """Messages before the backup began, which must all be there again."""
    while_it_ran: int = 0
    """Messages that were acknowledged between its beginning and its end."""

    def run(
        self,
        *,
        accounts: int,
        messages: int,
        megabytes: float = 0.0,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Serving:
        """The restored databases, which hold all that was acknowledged before the backup began.

        What `meanwhile` does is done after the backup, and lost.
        """
        size = min(_MOST, max(256, int(megabytes * 1_000_000 / messages) * 3 // 4 - _ENVELOPE))
        crowd = Crowd(self.suite.url, self.place.backing.auth.url, self.place.project, size)
        try:
            self._load(crowd, accounts, messages)
            before = self._snapshot("What is there", self.living)
            known = list(crowd.acknowledged)
            self.acknowledged = len(known)
            name = self._back_up(crowd)
            self.while_it_ran = len(crowd.acknowledged) - len(known)
            after = self._snapshot("What is there now", self.living)
        finally:
            crowd.close()
        meanwhile()
        self._destroy()
        with self._timed("restore"):
            pair = Restore(self.place, name, self.progress).run()
        self.made.append(pair)
        restored = self._snapshot("What came back", pair)
        with self._timed("compare"), self.progress.step("The differences"):
            found = differences(before, restored, after, known)
        if found:
            shown = "\n".join(f"  {each}" for each in found[:_SHOWN])
            raise Stop(f"The restore differs in {len(found)} places:\n{shown}")
        return pair

    @property
    def living(self) -> Serving:
        return Serving(documents=self.suite.documents, relations=self.suite.database)

    def documents(self, pair: Serving) -> Documents:
        return emulated(self.place.backing.firestore, self.place.project, pair.documents)

    def _load(self, crowd: Crowd, accounts: int, messages: int) -> None:
        def counted(step: Step, total: int) -> Callable[[int], None]:
            def tell(done: int) -> None:
                step.note = f"{done:,} of {total:,}"

            return tell

        with self._timed("load"):
            with self.progress.step(f"{accounts:,} accounts") as step:
                crowd.enter(accounts, counted(step, accounts))
            with self.progress.step(f"{accounts:,} conversations") as step:
                crowd.converse(counted(step, accounts))
            with self.progress.step(f"{messages:,} messages") as step:
                crowd.write(messages, counted(step, messages))

    def _back_up(self, crowd: Crowd) -> str:
        """Have it made and checked while people write and begin to converse. Its name."""
        with _writing(crowd), self._timed("backup"):
            with self.progress.step("Backup, while messages are being sent"):
                begun = self._scheduled("daily_backup")
            with self.progress.step("Its check"):
                checked = self._scheduled("check_backup")
        if (begun.get("state"), checked.get("state")) != ("started", "complete"):
            raise Stop(f"The backup is not complete: {begun}, then {checked}.")
        return str(checked["name"])

    def _scheduled(self, function: str) -> dict[str, Any]:
        token = self.place.backing.keys.scheduler_token.read_text(encoding="ascii").strip()
        answer = call("POST", f"{self.suite.url}/v1/{function}", {}, bearer=token, timeout=600)
        try:
            found: dict[str, Any] = answer.json
        except ValueError:
            found = {}
        return found | {"status": answer.status}

    def _destroy(self) -> None:
        """The service ends, then both databases."""
        with self._timed("destroy"), self.progress.step("Both databases destroyed"):
            self.stop()
            self.place.backing.postgres.drop(self.suite.database)
            self.place.backing.firestore.clear(self.place.project, self.suite.documents)

    def _snapshot(self, name: str, pair: Serving) -> Snapshot:
        with self._timed("compare"), self.progress.step(name):
            return snapshot(self.documents(pair), plain(self.place.backing.postgres.dsn(pair.relations)))

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - began


@contextmanager
def _writing(crowd: Crowd) -> Iterator[None]:
    """People write, and new pairs begin to, until the block ends."""
    over = threading.Event()
    failed: list[Exception] = []

    def write() -> None:
        people, pairs = list(crowd.people), list(crowd.pairs)
        strangers = list(zip(people, [*people[2:], *people[:2]], strict=True))
        turn = 0
        try:
            while not over.is_set():
                crowd.send(pairs[turn % len(pairs)])
                if turn % 10 == 0 and strangers:
                    crowd.begin(strangers.pop())
                turn += 1
                over.wait(0.005)
        except Exception as error:  # noqa: BLE001 - told by the thread that waits for this one
            failed.append(error)

    writer = threading.Thread(target=write, name="writing")
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()
    if failed:
        raise failed[0]


def main(words: list[str]) -> int:
    arguments = _arguments(words)
    layout, progress = Layout(), Progress()
    data = layout.data("drill")
    try:
        with interruptible(), the_only_one(data), _stack(layout, progress) as (backing, suite, stop):
            drill = Drill(Place(layout=layout, backing=backing, project=PROJECT), suite, stop, progress)
            drill.run(accounts=arguments.accounts, messages=arguments.messages, megabytes=arguments.megabytes)
            _tell(drill)
    except Interrupted as interrupted:
        return 128 + interrupted.number
    except (Stop, OSError) as error:
        sys.stderr.write(f"drill: {error}\n")
        return 1
    return 0


@contextmanager
def _stack(layout: Layout, progress: Progress) -> Iterator[tuple[Backing, Suite, Callable[[], None]]]:
    data = layout.data("drill")
    empty(data)
    processes = Processes(data / "logs")
    ports = Ports.free()
    try:
        backing = start_backing(processes, parts.find(layout), layout, progress, ports=ports, data=data)
        with progress.step("Functions"):
            suite = start_suite(processes, layout, backing, port=ports.service, settings=TRUSTING)
        register_triggers(layout, backing.firestore, PROJECT)
        yield backing, suite, lambda: processes.stop(suite.child)
    finally:
        processes.close()


def _tell(drill: Drill) -> None:
    say = drill.progress.line
    say(
        f"No difference in {drill.acknowledged:,} messages acknowledged before the backup began; "
        f"{drill.while_it_ran:,} more were while it ran."
    )
    for what, took in drill.seconds.items():
        say(f"  {what:<10} {took:7.1f} s")


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("scripts/drill", description=_HELP, allow_abbrev=False)
    parser.add_argument("--accounts", type=int, default=50, help="how many (default: %(default)s)")
    parser.add_argument("--messages", type=int, default=500, help="how many (default: %(default)s)")
    parser.add_argument(
        "--megabytes",
        type=float,
        default=0.0,
        help="how large all messages are together, if larger than they must be",
    )
    parser.add_argument("--long", action="store_true", help="2,000 accounts, 20,000 messages, 100 megabytes")
    found = parser.parse_args(words)
    if found.long:
        found.accounts, found.messages, found.megabytes = 2_000, 20_000, 100.0
    if found.accounts < _FEWEST or found.messages < 1:
        parser.error("a drill takes 3 accounts and a message at least")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
