"""google.events.cloud.firestore.v1.DocumentEventData: the new document is field 1, the old one 2, the update mask 3.

Google ships the message in no library that we use otherwise. google.firestore.v1.DocumentChange has the same field 1
and neither 2 nor 3, so it reads the new document and keeps the rest as unknown fields.
"""

from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore_v1.types import write
from google.protobuf.message import DecodeError

_DocumentEventData = write.DocumentChange.pb()


def decode_document(data: bytes) -> dict[str, Any] | None:
    """The fields of the new document, None where the event has none (a deletion).

    Timestamps come as datetimes in UTC, bytes as bytes; references and points are left out.

    Raises:
        ValueError: this is not DocumentEventData.
    """
    event = _DocumentEventData()
    try:
        event.ParseFromString(data)
    except DecodeError:
        raise ValueError("not DocumentEventData") from None
    return _fields(event.document.fields) if event.HasField("document") else None


def _fields(fields: Any) -> dict[str, Any]:
    return {name: _python(value) for name, value in fields.items()}


def _python(value: Any) -> Any:
    kind = value.WhichOneof("value_type")
    match kind:
        case "timestamp_value":
            return value.timestamp_value.ToDatetime(tzinfo=UTC) if _in_range(value.timestamp_value) else None
        case "array_value":
            return [_python(item) for item in value.array_value.values]
        case "map_value":
            return _fields(value.map_value.fields)
        case "string_value" | "integer_value" | "double_value" | "boolean_value" | "bytes_value":
            return getattr(value, kind)
        case _:
            return None


def _in_range(stamp: Any) -> bool:
    return bool(0 <= stamp.seconds <= datetime.max.replace(tzinfo=UTC).timestamp())
