"""The client: its cryptography beside bare RSA and AES, and what it takes to catch up."""

from scripts.measuring.humans import tell_people
from scripts.measuring.order import gathered, interleaved
from scripts.measuring.results import Case, Figures, Row
from scripts.measuring.stand import Stand

NAME = "client"
CATCH_UP = "catch-up"


def measure(stand: Stand) -> list[Row]:
    """Catching up is measured once: it takes its time, and reads so much that one run is a mean of many."""
    runs: list[tuple[Case, Figures]] = []
    with stand.suite() as suite:
        for _ in interleaved([NAME], stand.settings.repetitions):
            with stand.progress.step(f"{NAME}: {stand.settings.operations} seals and opens"):
                told = tell_people(stand, suite, "sealing", stand.settings.operations)
            runs.extend(({"operation": operation}, figures) for operation, figures in told.items())
        with stand.progress.step(f"{CATCH_UP}: {stand.settings.catch_up} messages"):
            waited = tell_people(stand, suite, "catching_up", stand.settings.catch_up)
        stand.clear()
    return gathered(NAME, runs) + gathered(CATCH_UP, [({}, waited)])
