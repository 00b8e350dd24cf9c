"""docs/performance/ says what its newest result file says, and nothing else."""

from pathlib import Path

import pytest

from scripts.local.layout import ROOT, Layout, digest
from scripts.measuring import cost, documents
from scripts.measuring.charts import charts
from scripts.measuring.results import Results, Row
from tests.local.bench import results_of

FOLDER = ROOT / documents.DOCS
README = FOLDER / "README.md"


def newest() -> Results | None:
    file = documents.newest(Layout())
    return Results.read(file) if file else None


def test_the_tables_are_those_of_the_newest_result_file() -> None:
    """If this fails: ./scripts/bench --draw."""
    text = README.read_text(encoding="utf-8")
    assert documents.filled(text, newest()) == text


def test_every_table_has_its_place() -> None:
    assert sorted(documents.sections_of(README.read_text(encoding="utf-8"))) == sorted(documents.SECTIONS)


def test_every_result_file_is_of_a_whole_run() -> None:
    for path in (FOLDER / "results").glob("*.json"):
        assert not Results.read(path).quick, f"{path.name} is of a quick run"


def test_every_plot_is_of_the_newest_result_file() -> None:
    """If this fails: ./scripts/bench --draw."""
    file = documents.newest(Layout())
    wanted = {f"{chart.name}.svg" for chart in charts(Results.read(file))} if file else set()
    assert {path.name for path in FOLDER.glob("*.svg")} == wanted
    for name in wanted:
        assert digest(file or Path()) in (FOLDER / name).read_text(encoding="utf-8")


def test_only_what_stands_between_markers_is_written() -> None:
    text = "Before\n<!-- begin goals -->\nformer\n<!-- end goals -->\nAfter, with a number: 7\n"
    filled = documents.filled(text, results_of())
    assert filled.startswith("Before\n<!-- begin goals -->\n| what")
    assert filled.endswith("<!-- end goals -->\nAfter, with a number: 7\n")
    assert "former" not in filled
    assert documents.filled(filled, results_of()) == filled


def test_without_results_every_table_says_so() -> None:
    text = "<!-- begin send -->\n<!-- end send -->\n"
    assert documents.NOTHING in documents.filled(text, None)


def test_a_marker_of_no_section_is_refused() -> None:
    with pytest.raises(KeyError):
        documents.filled("<!-- begin other -->\n<!-- end other -->\n", None)


def test_sections_take_results_that_lack_their_measurement() -> None:
    text = (README).read_text(encoding="utf-8")
    assert documents.NOTHING in documents.filled(text, results_of())


def test_the_shares_of_a_send_are_together_all_of_it() -> None:
    floor = {"sql_p50_ms": 0.5, "firestore_p50_ms": 1.0, "token_p50_ms": 0.1}
    rows = [
        Row("send", {"target": "floor", "clients": 1}, [floor]),
        Row("send", {"target": "function", "clients": 1}, [{"p50_ms": 2.0}]),
    ]
    said = documents.shares(results_of(*rows))
    assert [line.split("|")[3].strip() for line in said.splitlines()[2:]] == [
        "50%",
        "25%",
        "5%",
        "20%",
        "100%",
    ]


def test_charts_show_medians_with_their_ranges() -> None:
    runs = [{"per_second": 2.0}, {"per_second": 1.0}, {"per_second": 4.0}]
    rows = [Row("send", {"target": target, "clients": 8}, runs) for target in ("function", "floor", "hello")]
    (throughput, *_) = charts(results_of(*rows))
    assert [point.label for point in throughput.series[""]] == ["function", "floor"]
    point = throughput.series[""][0]
    assert (point.least, point.middle, point.most) == (1.0, 2.0, 4.0)


def test_a_plot_stands_below_its_table() -> None:
    row = Row("growth", {"accounts": 1_000}, [{"p50_ms": 2.0}])
    filled = documents.filled("<!-- begin growth -->\n<!-- end growth -->\n", results_of(row))
    assert filled.splitlines()[-2] == "![A send's median time, by accounts](growth-accounts.svg)"
    names = {chart.name for chart in charts(results_of(row))}
    assert names <= {name for named in documents.PLOTS.values() for name in named}


def test_nothing_is_drawn_of_what_was_not_measured() -> None:
    assert charts(results_of()) == []


def test_a_bill_is_the_sum_of_what_was_counted() -> None:
    counted = {"firestore_calls": 1.0, "answer_bytes": 0.0, "firestore_bytes": 0.0, "busy_ms": 0.0}
    rows = [
        Row("send", {"target": "function", "clients": 8}, [{"per_second": 1000.0}]),
        Row("cost", {"target": "function"}, [counted]),
        Row("cost", {"target": "trigger"}, [counted]),
    ]
    bill = cost.sealpost(results_of(*rows))
    assert bill == pytest.approx(
        {"writes": 3.6, "reads": 0.6, "deletes": 0.2, "compute": 0.02525, "requests": 0.8, "egress": 0.0}
    )
    assert cost.naive(results_of(*rows)) is None
    assert "not measured here" in cost.dollars(results_of(*rows))
