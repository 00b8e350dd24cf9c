"""docs/performance/README.md: prose by people, and between markers the tables of the newest result file."""

import re
from collections.abc import Callable
from pathlib import Path

from scripts.local.layout import Layout
from scripts.measuring import cost, receiving, results, tables
from scripts.measuring.charts import charts
from scripts.measuring.results import Results, Row

DOCS = "docs/performance"

NOTHING = "Not measured yet: `./scripts/bench` writes this."

_MARKED = re.compile(r"(<!-- begin (?P<name>[a-z-]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)


def machine(found: Results) -> str:
    """What the run was made on."""
    one, peers = found.machine, ", ".join(f"{name}: {why}" for name, why in found.missing.items())
    parts = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    load = " ".join(f"{value:.2f}" for value in one.load)
    return "\n".join(
        [
            f"- Begun {found.at}, {found.minutes:.0f} minutes, commit `{found.commit}`",
            f"- {one.cores} cores of {one.cpu}, {one.memory_gib:.0f} GiB, {one.system}; load average before: {load}",
            f"- {found.settings['repetitions']:.0f} repetitions of {found.settings['seconds']:g} s each, in turn",
            f"- {parts}",
            *([f"- Not measured there: {peers}"] if peers else []),
        ]
    )


def send(found: Results) -> str:
    """A table for each number of clients."""
    figures = ("per_second", "p50_ms", "p99_ms", "worker_cpu_ms", "firestore_cpu_ms", "postgresql_cpu_ms")
    parts = []
    for clients in dict.fromkeys(row.case["clients"] for row in found.of("send")):
        rows = [row for row in found.of("send") if row.case["clients"] == clients]
        shown = (*figures, "worker_mib", "generator_share")
        parts.append(
            f"**{clients} client{'s' if clients != 1 else ''}**\n\n{tables.chosen(rows, ('target',), shown)}"
        )
    return "\n\n".join(parts)


def shares(found: Results) -> str:
    """Of a send by one client: what each layer takes."""
    floor, ours = (
        found.row("send", target="floor", clients=1),
        found.row("send", target="function", clients=1),
    )
    whole = ours.median("p50_ms") if ours else None
    if floor is None or whole is None:
        return NOTHING
    layers = {
        "Firestore: the commit": floor.median("firestore_p50_ms"),
        "PostgreSQL: the statement": floor.median("sql_p50_ms"),
        "the token's signature": floor.median("token_p50_ms"),
    }
    known = {name: value for name, value in layers.items() if value is not None}
    known["HTTP, JSON, the envelope's checks, the log line"] = whole - sum(known.values())
    known["all of it"] = whole
    return tables.markdown(
        ["layer", "p50, ms", "share"],
        [[name, tables.number(value), f"{value / whole:.0%}"] for name, value in known.items()],
    )


def receive(found: Results) -> str:
    return tables.chosen(found.of("receive"), ("target",), ("p50_ms", "p95_ms", "p99_ms", "count", "lost"))


def receive_shares(found: Results) -> str:
    """Of the whole way of a message: what each part takes. The clients' state is what is left."""
    measured = receiving.parts(found)
    whole = found.median("receive", "p50_ms", target="sealpost")
    if not measured or whole is None:
        return NOTHING
    parts = {name: median for name, (median, _, _) in measured.items()}
    parts["both clients' own state"] = whole - sum(parts.values())
    parts["all of it"] = whole
    return tables.markdown(
        ["part", "p50, ms", "share"],
        [[name, tables.number(value), f"{value / whole:.0%}"] for name, value in parts.items()],
    )


def calls(found: Results) -> str:
    return tables.chosen(found.of("calls"), ("function",), ("p50_ms", "p95_ms", "worker_cpu_ms"))


def timing(found: Results) -> str:
    shown = ("new_p50_ms", "known_p50_ms", "effect_size", "count")
    return tables.chosen(
        [Row(row.measurement, {"call": "sign_up"}, row.runs) for row in found.of("sign_up timing")],
        ("call",),
        shown,
    )


def cold_start(found: Results) -> str:
    hello = found.median("cold start", "first_200_ms", target="hello")
    rows = []
    for row in found.of("cold start"):
        middle = row.median("first_200_ms")
        beside = tables.number(middle / hello) if middle and hello else ""
        rows.append([str(row.case["target"]), tables.ranged(row, "first_200_ms"), beside])
    return tables.markdown(["function", "first answer, ms", "/ hello"], rows)


def client(found: Results) -> str:
    shown = ("messages", "per_second", "client_cpu_ms", "before_mib", "after_mib")
    catching_up = [Row(row.measurement, {"what": "catching up"}, row.runs) for row in found.of("catch-up")]
    return "\n\n".join(
        [
            tables.chosen(found.of("client"), ("operation",), ("per_second", "p50_ms")),
            tables.chosen(catching_up, ("what",), shown),
        ]
    )


def growth(found: Results) -> str:
    """A table for each thing that grows."""
    parts = []
    for what in dict.fromkeys(key for row in found.of("growth") for key in row.case):
        rows = [row for row in found.of("growth") if what in row.case]
        parts.append(tables.chosen(rows, (what,), ("p50_ms", "p99_ms", "worker_cpu_ms", "postgresql_cpu_ms")))
    return "\n\n".join(parts)


def sustained(found: Results) -> str:
    shown = ("first_mib", "half_mib", "last_mib", "per_minute_mib")
    return "\n\n".join(
        [
            tables.chosen(
                found.of("sustained"), ("target",), ("per_second", "p50_ms", "p99_ms", "worker_mib")
            ),
            tables.chosen(found.of("sustained memory"), ("target",), shown),
        ]
    )


SECTIONS: dict[str, Callable[[Results], str]] = {
    "machine": machine,
    "goals": tables.verdicts,
    "send": send,
    "shares": shares,
    "receive": receive,
    "receive-shares": receive_shares,
    "calls": calls,
    "timing": timing,
    "cold-start": cold_start,
    "client": client,
    "growth": growth,
    "sustained": sustained,
    "operations": cost.operations,
    "cost": cost.dollars,
}


PLOTS = {
    "send": ("throughput", "latency"),
    "receive-shares": ("receive",),
    "cold-start": ("cold-start",),
    "growth": ("growth-accounts", "growth-devices", "growth-messages"),
    "sustained": ("sustained",),
}
"""Below which table each plot stands."""


def filled(text: str, found: Results | None) -> str:
    """The document with its sections drawn from these results.

    Raises:
        KeyError: a marker names a section that there is not.
    """

    def fill(marked: re.Match[str]) -> str:
        section = SECTIONS[marked["name"]]
        drawn = (section(found) if found else "").strip() or NOTHING
        shown = [
            f"![{chart.title}]({chart.name}.svg)"
            for chart in (charts(found) if found else [])
            if chart.name in PLOTS.get(marked["name"], ())
        ]
        return "\n".join([marked[1] + drawn, *(["", *shown] if shown else []), marked[3]])

    return _MARKED.sub(fill, text)


def sections_of(text: str) -> list[str]:
    return [marked["name"] for marked in _MARKED.finditer(text)]


def newest(layout: Layout) -> Path | None:
    """The result file that the documents are drawn from."""
    return results.newest(layout.root / DOCS / "results")


def write(layout: Layout) -> None:
    """Fill the document anew."""
    path, file = layout.root / DOCS / "README.md", newest(layout)
    text = path.read_text(encoding="utf-8")
    path.write_text(filled(text, Results.read(file) if file else None), encoding="utf-8")
