"""Draws the plots of a result file: `python -m scripts.measuring.plots RESULTS FOLDER`, with matplotlib on the path.

Equal results give equal bytes. Each file names the digest of the results that it was drawn from.
"""

import sys
from pathlib import Path

from scripts.local import pip
from scripts.local.layout import Layout, digest
from scripts.local.say import Progress
from scripts.local.tools import environment, run
from scripts.measuring.charts import Chart, charts
from scripts.measuring.results import Results

PART = "plots"
_BARS = "#3b6ea5"


def draw(layout: Layout, progress: Progress, results: Path, folder: Path) -> None:
    """Have matplotlib fetched, once, and draw.

    Raises:
        Stop: it cannot be had.
    """
    library = layout.part(PART, pip.lock_of(PART))
    if not library.is_dir():
        layout.parts.mkdir(parents=True, exist_ok=True)
        with progress.step("matplotlib from PyPI") as step:
            pip.install_part(layout, PART, step)
    with progress.step("Plots"):
        run(
            [layout.python, "-P", "-m", "scripts.measuring.plots", results, folder],
            env=environment(PYTHONPATH=f"{layout.root}:{library}", MPLCONFIGDIR=str(layout.cache / PART)),
            cwd=layout.root,
            cure="",
        )


def _draw(chart: Chart, folder: Path, source: str) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = chart.name
    from matplotlib import pyplot as plt

    most = max(len(points) for points in chart.series.values())
    figure, axes = plt.subplots(figsize=(7.5, max(4.2, 0.24 * most)), layout="constrained")
    if len(chart.series) == 1 and "" in chart.series:
        points = chart.series[""]
        spans = _spans([(point.middle, point.least, point.most) for point in points])
        axes.barh(
            [point.label for point in points], [point.middle for point in points], xerr=spans, color=_BARS
        )
        axes.invert_yaxis()
        axes.set_xlabel(chart.unit)
        axes.tick_params(axis="y", labelsize=8)
    else:
        for name, points in chart.series.items():
            spans = _spans([(point.middle, point.least, point.most) for point in points])
            middles = [point.middle for point in points]
            axes.errorbar(
                [point.label for point in points], middles, yerr=spans, label=name, marker="o", capsize=3
            )
        axes.set_xlabel(chart.across)
        axes.set_ylabel(chart.unit)
        axes.set_yscale("log" if chart.logarithmic else "linear")
        if not chart.logarithmic:
            axes.set_ylim(bottom=0)
        axes.legend(fontsize=8)
    axes.set_title(chart.title)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / f"{chart.name}.svg", metadata={"Date": None, "Source": source})
    plt.close(figure)


def _spans(values: list[tuple[float, float, float]]) -> list[list[float]]:
    return [[middle - least for middle, least, _ in values], [most - middle for middle, _, most in values]]


def main(results: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for chart in charts(Results.read(results)):
        _draw(chart, folder, digest(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
