"""How long and how often: of a run whose figures are quoted, and of a quick one, which only shows that all of it works."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    quick: bool
    repetitions: int
    """Of each case, in turn with the others. Many and short: a host that is slow for seconds then hits few of them."""
    long_repetitions: int
    """Of what takes half a minute each time: the calls, and from text to text."""
    seconds: float
    """Of one run under load."""
    warm_up: float
    """Seconds before them, on the same connections."""
    emulator_warm_up: float
    """Seconds of load before anything is measured: the Firestore emulator's compiler is worth four to seven times."""
    clients: tuple[int, ...]
    pairs: int
    """Messages sent to a waiting receiver in one run."""
    pairs_before: int
    """As many are sent before the first run: the emulator's compiler has not met a listener until then."""
    calls: int
    """Of each function, one after the other, in one run."""
    timings: int
    """Pairs of calls whose times are compared."""
    operations: int
    """Seals and opens in one run."""
    catch_up: int
    """Messages that wait for a client."""
    accounts: tuple[int, ...]
    length: int
    """Messages of a long conversation."""
    devices: tuple[int, ...]
    """Of each account."""
    sustained: float
    """Seconds under load without a pause."""

    def numbers(self) -> dict[str, float]:
        """For the result file."""
        return {
            name: float(value)
            for name, value in asdict(self).items()
            if isinstance(value, int | float) and name != "quick"
        }


FULL = Settings(
    quick=False,
    repetitions=15,
    long_repetitions=5,
    seconds=1.5,
    warm_up=0.5,
    emulator_warm_up=40.0,
    clients=(1, 8, 32),
    pairs=50,
    pairs_before=600,
    calls=30,
    timings=150,
    operations=300,
    catch_up=10_000,
    accounts=(1_000, 10_000, 100_000, 1_000_000),
    length=10_000,
    devices=(1, 2, 5, 10),
    sustained=600.0,
)

QUICK = Settings(
    quick=True,
    repetitions=1,
    long_repetitions=1,
    seconds=1.0,
    warm_up=0.4,
    emulator_warm_up=4.0,
    clients=(1, 8),
    pairs=20,
    pairs_before=20,
    calls=3,
    timings=6,
    operations=30,
    catch_up=100,
    accounts=(1_000, 10_000),
    length=1_000,
    devices=(1, 5),
    sustained=6.0,
)
