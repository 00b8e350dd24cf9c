"""The arguments of scripts/run and scripts/test. Read before anything is fetched, so on the standard library alone."""

import argparse
import secrets
from dataclasses import dataclass

_RUN = """Start the whole suite on this machine, on real parts: PostgreSQL, the Firestore and Auth emulators, a mailbox
and the functions. Ctrl-C stops it; its data stay in .local/run until --fresh, and with them the
profiles of .local/bin/sealpost (.local/run/profiles, unless SEALPOST_HOME names another folder)."""

_TEST = """Run every check and test, each part against its time budget. Other arguments go to pytest, and then pytest
alone runs: scripts/test tests/unit -k envelope."""

PARTS = ("static", "unit", "rest", "packaging", "terraform", "functions", "restore", "rules", "e2e")
"""The parts of scripts/test. `functions` holds the contract tests too."""

LONG_PARTS = ("install", "mutation")
"""Those that --long adds."""


@dataclass(frozen=True, slots=True)
class RunArguments:
    demo: bool
    message: str | None
    """The text to send in the demo; `-` is standard input."""
    fresh: bool
    offline: bool


@dataclass(frozen=True, slots=True)
class TestArguments:
    __test__ = False

    long: bool
    offline: bool
    parts: tuple[str, ...]
    pytest: tuple[str, ...]
    coverage: bool
    least: float | None
    """The least coverage in percent that passes, of lines and of branches."""
    seed: int
    """Of the random order of the tests."""


def read_run(arguments: list[str]) -> RunArguments:
    parser = argparse.ArgumentParser("scripts/run", description=_RUN, allow_abbrev=False)
    parser.add_argument(
        "--demo",
        action="store_true",
        help="play the main job: two people sign up, one writes, the other reads",
    )
    parser.add_argument(
        "--message",
        metavar="TEXT",
        help="what is sent in the demo; - reads standard input, as a pipe does too",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="begin without the data and profiles of earlier runs"
    )
    _offline(parser)
    found = parser.parse_args(arguments)
    if found.message is not None and not found.demo:
        parser.error("--message goes with --demo")
    return RunArguments(demo=found.demo, message=found.message, fresh=found.fresh, offline=found.offline)


def read_test(arguments: list[str]) -> TestArguments:
    parser = argparse.ArgumentParser(
        "scripts/test", description=_TEST, allow_abbrev=False, usage="%(prog)s [options] [pytest arguments]"
    )
    parser.add_argument("--long", action="store_true", help="also run what does not fit the time budgets")
    parser.add_argument(
        "--part",
        action="append",
        choices=(*PARTS, *LONG_PARTS),
        help="run this part only (may be repeated)",
    )
    parser.add_argument(
        "--coverage",
        action="store_true",
        help="measure the lines and branches of common/ and client/ that the tests reach, child processes included",
    )
    parser.add_argument("--least", type=float, metavar="PERCENT", help="with --coverage: fail below this")
    parser.add_argument(
        "--seed",
        type=int,
        help="of the tests' random order, which a run prints and another one repeats",
    )
    _offline(parser)
    found, rest = parser.parse_known_args(arguments)
    if found.least is not None and not found.coverage:
        parser.error("--least goes with --coverage")
    if found.seed is not None and rest:
        parser.error("--seed goes with parts; pytest's own is --randomly-seed")
    parts = tuple(found.part or (PARTS + LONG_PARTS if found.long else PARTS))
    return TestArguments(
        long=found.long or any(part in LONG_PARTS for part in parts),
        offline=found.offline,
        parts=parts,
        pytest=tuple(rest),
        coverage=found.coverage,
        least=found.least,
        seed=secrets.randbelow(2**32) if found.seed is None else found.seed,
    )


def _offline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offline", action="store_true", help="fetch nothing; fail and name what is missing")
