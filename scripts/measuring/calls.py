"""The other calls by one client, and whether sign_up's time tells new addresses from known ones."""

from scripts.measuring.humans import tell_people
from scripts.measuring.order import gathered, interleaved
from scripts.measuring.results import Case, Figures, Row
from scripts.measuring.stand import Stand

NAME = "calls"
TIMING = "sign_up timing"


def measure(stand: Stand) -> list[Row]:
    runs: list[tuple[Case, Figures]] = []
    timings: list[tuple[Case, Figures]] = []
    with stand.suite(TRUSTED_PROXIES="1") as suite:
        for _ in interleaved([NAME], stand.settings.long_repetitions):
            with stand.progress.step(f"{NAME}: {stand.settings.calls} people"):
                told = tell_people(stand, suite, "calling", stand.settings.calls)
            runs.extend(({"function": function}, figures) for function, figures in told.items())
            with stand.progress.step(f"{TIMING}: {stand.settings.timings} new and known addresses"):
                timings.append(({}, tell_people(stand, suite, "telling_apart", stand.settings.timings)))
            stand.clear()
    return gathered(NAME, runs) + gathered(TIMING, timings)
