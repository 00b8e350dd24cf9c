from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common.errors import SealpostError


@dataclass
class FakeDeadEvents:
    filed: list[dict[str, object]] = field(default_factory=list)
    fault: SealpostError | None = None

    async def file(self, *, function: str, event_id: str, kind: str, reason: str, now: float) -> None:
        if self.fault:
            raise self.fault
        self.filed.append(
            {"function": function, "event_id": event_id, "kind": kind, "reason": reason, "now": now}
        )


def document_event(
    fields: Mapping[str, object] | None, *, before: Mapping[str, object] | None = None
) -> bytes:
    """DocumentEventData (1 value, 2 old_value) over google.firestore.v1.Document, written by hand.

    Fields may be text, numbers, booleans, bytes, datetimes, lists and mappings.
    """
    value = b"" if fields is None else _field(1, _document(fields))
    return value + (b"" if before is None else _field(2, _document(before)))


def _document(fields: Mapping[str, object]) -> bytes:
    name = _field(1, b"projects/p/databases/(default)/documents/conversations/c/messages/m")
    return name + b"".join(_field(2, _entry(key, value)) for key, value in fields.items())


def _entry(key: str, value: object) -> bytes:
    return _field(1, key.encode()) + _field(2, _value(value))


def _value(value: object) -> bytes:  # noqa: PLR0911 - one for each type of google.firestore.v1.Value
    match value:
        case bool():
            return b"\x08" + _varint(int(value))
        case int():
            return b"\x10" + _varint(value)
        case str():
            return _field(17, value.encode())
        case bytes():
            return _field(18, value)
        case datetime():
            seconds, micros = divmod(round(value.timestamp() * 1_000_000), 1_000_000)
            return _field(10, b"\x08" + _varint(seconds) + b"\x10" + _varint(micros * 1000))
        case list():
            return _field(9, b"".join(_field(1, _value(item)) for item in value))
        case dict():
            return _field(6, b"".join(_field(1, _entry(key, item)) for key, item in value.items()))
        case _:
            raise TypeError(type(value))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
