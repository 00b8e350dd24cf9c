"""From one person's text to the other's, with the real client."""

from scripts.measuring.humans import tell_people
from scripts.measuring.order import gathered, interleaved
from scripts.measuring.results import Case, Figures, Row
from scripts.measuring.stand import Stand

NAME = "receive"


def measure(stand: Stand) -> list[Row]:
    """`p50_ms` is from the text to the text; `find_keys`, `seal`, `send_message` and `open` are shares of it."""
    runs: list[tuple[Case, Figures]] = []
    with stand.suite() as suite:
        for target in interleaved(["sealpost"], stand.settings.repetitions):
            with stand.progress.step(f"{NAME}: {target}, {stand.settings.pairs} messages"):
                runs.append(
                    ({"target": target}, tell_people(stand, suite, "receiving", stand.settings.pairs))
                )
            stand.clear()
    return gathered(NAME, runs)
