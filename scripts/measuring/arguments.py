"""The arguments of scripts/bench. Read before anything is fetched, so on the standard library alone."""

import argparse
from dataclasses import dataclass

_BENCH = """Measure the suite on this machine, on a stack of its own in .local/bench: against the floor of its parts and
against what people would use instead. Writes docs/performance/results/<date>-<n>.json, the tables and plots of
docs/performance/ from it, and says which goals were reached. Let nothing else run meanwhile."""

MEASUREMENTS = {
    "send": "sends by 1, 8 and 32 clients, against the floor, the tutorial way, hello and the peers",
    "receive": "from one person's text to the other's, and the share of each part",
    "calls": "the other calls' latency and CPU, and whether sign_up tells new addresses from known ones",
    "cold-start": "from a process' start to its first answer, every function beside a hello",
    "client": "seals and opens beside bare RSA and AES, and catching up after an absence",
    "growth": "sends with more accounts, in a longer conversation, to more devices",
    "sustained": "ten minutes under load: whether memory stays flat",
    "cost": "what goes over the wire for one message, and dollars for a million",
}
"""By name, in the order in which they run: with `receive` the emulator's compiler first meets listeners."""


@dataclass(frozen=True, slots=True)
class BenchArguments:
    quick: bool
    with_peers: bool
    only: tuple[str, ...]
    list_: bool
    draw: bool
    offline: bool


def read_bench(words: list[str]) -> BenchArguments:
    parser = argparse.ArgumentParser("scripts/bench", description=_BENCH, allow_abbrev=False)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="under three minutes, to see that all of it works: its figures are marked, and never in the docs",
    )
    parser.add_argument(
        "--with-peers",
        action="store_true",
        help="also fetch and measure Synapse and Prosody; where one cannot be had, it is named as missing",
    )
    parser.add_argument(
        "--only", nargs="+", choices=tuple(MEASUREMENTS), metavar="NAME", help="these measurements alone"
    )
    parser.add_argument("--list", action="store_true", dest="list_", help="name the measurements, and end")
    parser.add_argument(
        "--draw",
        action="store_true",
        help="measure nothing: write the tables and plots again, from the newest result file",
    )
    parser.add_argument("--offline", action="store_true", help="fetch nothing; fail and name what is missing")
    found = parser.parse_args(words)
    return BenchArguments(
        quick=found.quick,
        with_peers=found.with_peers,
        only=tuple(found.only or MEASUREMENTS),
        list_=found.list_,
        draw=found.draw,
        offline=found.offline,
    )
