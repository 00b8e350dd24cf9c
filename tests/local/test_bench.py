"""The harness' own logic: what it makes of figures, in which order it takes them, and what it says of them."""

import json
import re
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from scripts.local.bootstrap import LOCKS, MODULES
from scripts.local.layout import Layout
from scripts.local.say import Progress, Stop
from scripts.measuring import goals, main, results, tables
from scripts.measuring.arguments import MEASUREMENTS, read_bench
from scripts.measuring.goals import GOALS, Figure, Goal, Verdict, beyond, ratio
from scripts.measuring.order import gathered, interleaved, measured
from scripts.measuring.results import Case, Figures, Results, Row
from tests.local.bench import results_of


def send(target: str, clients: int = 8, **figures: float) -> Row:
    return Row("send", {"target": target, "clients": clients}, [figures])


def test_cases_take_turns() -> None:
    order = interleaved(["a", "b", "c"], 5)
    rounds = [tuple(order[start : start + 3]) for start in range(0, 15, 3)]
    assert [set(each) for each in rounds] == [{"a", "b", "c"}] * 5
    assert rounds[0] == ("a", "b", "c")
    assert len(set(rounds)) > 1
    assert interleaved(["a", "b", "c"], 5) == order


def test_each_case_is_measured_in_its_turn_and_becomes_one_row() -> None:
    turns: list[object] = []

    def measure(case: Case) -> Figures:
        turns.append(case["target"])
        return {"per_second": float(len(turns))}

    rows = measured("send", [{"target": "a"}, {"target": "b"}], 2, measure)
    assert turns == interleaved(["a", "b"], 2)
    assert [row.case for row in rows] == [{"target": "a"}, {"target": "b"}]
    assert [[turns[int(run["per_second"]) - 1] for run in row.runs] for row in rows] == [["a"] * 2, ["b"] * 2]


def test_runs_of_one_case_are_gathered_wherever_they_came() -> None:
    runs: list[tuple[Case, Figures]] = [({"n": 1}, {"x": 1}), ({"n": 2}, {"x": 2}), ({"n": 1}, {"x": 3})]
    assert [len(row.runs) for row in gathered("some", runs)] == [2, 1]


def test_a_row_has_the_median_and_the_range_of_its_runs() -> None:
    row = Row("send", {}, [{"p50_ms": 3.0}, {"p50_ms": 1.0}, {"p50_ms": 9.0, "errors": 1.0}])
    assert (row.median("p50_ms"), row.least("p50_ms"), row.most("p50_ms")) == (3.0, 1.0, 9.0)
    assert row.median("errors") == 1.0
    assert row.median("unknown") is None
    assert tables.ranged(row, "p50_ms") == "3.00 (1.00 - 9.00)"


def test_a_ratio_needs_both_of_its_parts() -> None:
    one, other = _named("a"), _named("b")
    assert ratio(one, other)(results_of(send("a", per_second=6.0), send("b", per_second=3.0))) == 2.0
    assert ratio(one, other)(results_of(send("a", per_second=6.0))) is None
    assert ratio(one, other)(results_of(send("a", per_second=6.0), send("b", per_second=0.0))) is None


def test_what_is_left_needs_all_parts() -> None:
    whole, part, other = _named("a"), _named("b"), _named("c")
    rows = [send("a", per_second=6.0), send("b", per_second=3.0)]
    assert beyond(whole, part)(results_of(*rows)) == 3.0
    assert beyond(whole, part, other)(results_of(*rows)) is None


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(2.0, Verdict.MISSED), (3.5, Verdict.REACHED), (9.0, Verdict.REACHED), (None, Verdict.NOT_MEASURED)],
)
def test_a_goal_is_reached_at_its_target(value: float | None, verdict: Verdict) -> None:
    assert Goal(name="more", compute=lambda _: value, least=3.5).verdict(results_of()) is verdict


def test_less_may_be_the_goal() -> None:
    goal = Goal(name="less", compute=lambda _: 1.1, most=1.2, aim=1.0, unit=" ms")
    assert goal.verdict(results_of()) is Verdict.REACHED
    assert goal.target == "<= 1.2 ms, aim 1"


def test_every_goal_has_one_target_and_a_verdict_when_nothing_was_measured() -> None:
    assert all((goal.least is None) is not (goal.most is None) for goal in GOALS)
    assert {goal.verdict(results_of()) for goal in GOALS} == {Verdict.NOT_MEASURED}


def test_the_goals_are_reckoned_from_the_figures_that_a_run_gives() -> None:
    """Every figure of a goal, by the names that the measurements use."""
    rows = [
        send("function", per_second=800.0, p50_ms=10.0, p99_ms=20.0, worker_cpu_ms=1.0, worker_mib=45.0),
        send("function", 1, p50_ms=2.0),
        send("floor", per_second=1000.0),
        send("floor", 1, sql_p50_ms=0.5, firestore_p50_ms=1.0),
        send("tutorial", per_second=200.0, worker_cpu_ms=4.0),
        send("hello", worker_mib=30.0),
        send("synapse", per_second=20.0),
        send("prosody", per_second=400.0),
        send("prosody", 1, p50_ms=2.0),
        Row("cold start", {"target": "send_message"}, [{"first_200_ms": 300.0}]),
        Row("cold start", {"target": "hello"}, [{"first_200_ms": 200.0}]),
        Row("receive", {"target": "sealpost"}, [{"p50_ms": 6.0}]),
        Row("receive", {"target": "synapse"}, [{"p50_ms": 60.0}]),
        Row("client", {"operation": "open"}, [{"per_second": 900.0}]),
        Row("client", {"operation": "bare open"}, [{"per_second": 1000.0}]),
        Row("growth", {"accounts": 1_000}, [{"p50_ms": 2.0}]),
        Row("growth", {"accounts": 1_000_000}, [{"p50_ms": 2.2}]),
    ]
    values = [goal.value(results_of(*rows)) for goal in GOALS]
    expected = [0.8, 4.0, 40.0, 2.0, 1.0, 0.25, 2.0, 0.5, 1.5, 1.5, 0.1, 0.9, 1.1]
    assert values == pytest.approx(expected)
    said = tables.verdicts(results_of(*rows))
    assert said.count(Verdict.REACHED) == len(GOALS)


def test_a_result_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = results_of(send("function", per_second=1.5))
    found.write(tmp_path / "one.json")
    assert Results.read(tmp_path / "one.json") == found


@pytest.mark.parametrize("change", [{"schema": 2}, {"more": 1}, {"rows": [{"measurement": "send"}]}])
def test_a_file_of_another_schema_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    results_of().write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(msgspec.ValidationError):
        Results.read(path)


def test_files_are_numbered_by_day_and_the_newest_is_found(tmp_path: Path) -> None:
    assert results.newest(tmp_path) is None
    for name in ("2026-11-22-1.json", "2026-11-22-10.json", "2026-11-22-9.json", "notes.json"):
        (tmp_path / name).touch()
    assert results.next_path(tmp_path, "2026-11-22").name == "2026-11-22-11.json"
    assert results.next_path(tmp_path, "2026-11-23").name == "2026-11-23-1.json"
    assert results.newest(tmp_path) == tmp_path / "2026-11-22-10.json"


def test_a_table_is_aligned_and_has_all_its_cells() -> None:
    lines = tables.markdown(["what", "ms"], [["one", "1.0"], ["another", "20"]]).splitlines()
    assert lines[0] == "| what    |  ms |"
    assert lines[1] == "|---------|----:|"
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(
    ("value", "said"), [(None, ""), (0.123, "0.12"), (12.34, "12.3"), (1234.5, "1,234"), (-0.5, "-0.50")]
)
def test_numbers_have_three_digits(value: float | None, said: str) -> None:
    assert tables.number(value) == said


def test_names_of_figures_become_headings() -> None:
    assert tables.heading("worker_cpu_ms") == "worker cpu, ms"
    assert tables.heading("per_second") == "a second"
    assert tables.heading("effect_size") == "effect size"


def test_every_measurement_has_its_module_and_the_command_its_lock() -> None:
    assert main.MODULES.keys() == MEASUREMENTS.keys()
    assert all(callable(main._measure(name)) for name in MEASUREMENTS)
    assert MODULES["bench"] == main.__name__
    assert "bench" in LOCKS


def test_arguments() -> None:
    assert read_bench([]).only == tuple(MEASUREMENTS)
    assert read_bench(["--quick", "--only", "send", "client"]).only == ("send", "client")
    with pytest.raises(SystemExit):
        read_bench(["--only", "nothing"])


def test_a_peer_that_cannot_be_had_is_named_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Stop("No such package.\n    and its details")

    monkeypatch.setattr(main.PEERS["prosody"], "fetch", refuse)
    monkeypatch.setattr(main.PEERS["synapse"], "fetch", lambda *_: None)
    missing: dict[str, str] = {}
    layout = Layout(tmp_path)
    assert main._fetch_peers(layout, Progress(), missing, wanted=True) == {"synapse"}
    assert missing == {"prosody": "No such package."}
    missing.clear()
    assert main._fetch_peers(layout, Progress(), missing, wanted=False) == frozenset()
    assert missing.keys() == main.PEERS.keys()


def test_goals_are_the_only_place_with_targets() -> None:
    """A figure that is judged twice would be judged differently one day."""
    folder = Path(goals.__file__).parent
    judging = [path.name for path in folder.rglob("*.py") if re.search(r"\bGoal\(", path.read_text())]
    assert judging == ["goals.py"]
    assert [len(list(same)) for _, same in groupby(sorted(goal.name for goal in GOALS))] == [1] * len(GOALS)


def _named(target: str) -> Figure:
    return Figure("send", "per_second", (("target", target), ("clients", 8)))
