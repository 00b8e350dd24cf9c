"""What a message costs: Firestore's operations as they go over the wire, CPU, bytes; and from them dollars at list prices."""

from scripts.measuring import prices, tables
from scripts.measuring.results import Results, Row

NAME = "cost"
DELIVERED = 1
"""Documents that Firestore delivers for one message: one for each device that listens."""
TARGETS = ("function", "trigger", "naive")


def operations(found: Results) -> str:
    shown = ("sql_round_trips", "firestore_calls", "answer_bytes", "firestore_bytes")
    return tables.chosen(found.of(NAME), ("target",), shown)


def dollars(found: Results) -> str:
    """A million messages, delivered once each and deleted when they expire."""
    bills = {
        "Sealpost": sealpost(found),
        "the naive Firebase transaction": naive(found),
        "Synapse on a VM that does nothing else": synapse(found),
    }
    names = list(dict.fromkeys(name for bill in bills.values() if bill for name in bill))
    rows = []
    for who, bill in bills.items():
        parts = [tables.number(bill.get(name)) if bill else "" for name in names]
        rows.append([who, *parts, tables.number(sum(bill.values())) if bill else "not measured here"])
    return tables.markdown(["$ for a million messages", *names, "together"], rows)


Bill = dict[str, float]
"""Dollars for a million messages, by what they are for."""


def sealpost(found: Results) -> Bill | None:
    """The send, the trigger that it starts, one delivery, and the deletion when it expires."""
    rate = found.median("send", "per_second", target="function", clients=8)
    sent, heard = found.row(NAME, target="function"), found.row(NAME, target="trigger")
    if rate is None or sent is None or heard is None:
        return None
    writes = _of(sent, "firestore_calls") + _of(heard, "firestore_calls")
    return {
        "writes": writes * prices.WRITE,
        "reads": DELIVERED * prices.READ,
        "deletes": prices.DELETE,
        "compute": prices.instance(1 / rate + _of(heard, "busy_ms") / 1000),
        "requests": 2 * prices.REQUEST,
        "egress": _egress(_of(sent, "answer_bytes") + DELIVERED * _of(sent, "firestore_bytes")),
    }


def naive(found: Results) -> Bill | None:
    """Its transaction reads one document and writes three; the recipient's copy is delivered. Nothing expires."""
    rate = found.median("send", "per_second", target="naive", clients=8)
    sent = found.row(NAME, target="naive")
    if rate is None or sent is None:
        return None
    return {
        "writes": 3 * prices.WRITE,
        "reads": (1 + DELIVERED) * prices.READ,
        "compute": prices.instance(1 / rate),
        "requests": prices.REQUEST,
        "egress": _egress(_of(sent, "answer_bytes") + DELIVERED * _of(sent, "request_bytes")),
    }


def synapse(found: Results) -> Bill | None:
    """A virtual machine that always does as much as it can; one that waits costs the same."""
    rate = found.median("send", "per_second", target="synapse", clients=8)
    return {"compute": prices.MACHINE_HOUR / 3600 / rate * 1e6} if rate else None


def _egress(count: float) -> float:
    """Dollars for a million times so many bytes."""
    return count * 1e6 / 2**30 * prices.EGRESS_GIB


def _of(row: Row, figure: str) -> float:
    return row.median(figure) or 0.0
