"""google.events.cloud.firestore.v1.DocumentEventData: what Eventarc brings of a document that was written."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import DecodeError

from common.storage.firestore.wire_pb2 import DocumentEventData


def decode_document(data: bytes) -> dict[str, Any] | None:
    """The fields of the new document, None where the event has none (a deletion).

    Timestamps come as datetimes in UTC, bytes as bytes; references and points are left out.

    Raises:
        ValueError: this is not DocumentEventData.
    """
    event = DocumentEventData()
    try:
        event.ParseFromString(data)
    except DecodeError:
        raise ValueError("not DocumentEventData") from None
    return _fields(event.value.fields) if event.HasField("value") else None


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
