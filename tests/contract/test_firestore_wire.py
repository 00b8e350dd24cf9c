"""wire.proto against Google's own messages: every field that we name has the name, number and type that theirs has."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud.firestore_v1 import types
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from grpc_tools import protoc

from common.storage.firestore import wire_pb2

ROOT = Path(__file__).parents[2]
SOURCE = "common/storage/firestore/wire.proto"
EVENT = "DocumentEventData"
"""Google ships it in no library."""


def shape(field: FieldDescriptor) -> tuple[object, ...]:
    kind, one = field.message_type or field.enum_type, field.containing_oneof
    named = (kind.name if kind else None, one.name if one else None)
    return field.name, field.type, field.is_repeated, field.has_presence, *named


def described(message: Descriptor, google: Descriptor) -> Iterator[tuple[Descriptor, Descriptor]]:
    yield message, google
    for nested in message.nested_types:
        yield from described(nested, google.nested_types_by_name[nested.name])


@pytest.mark.parametrize("name", sorted(set(wire_pb2.DESCRIPTOR.message_types_by_name) - {EVENT}))
def test_a_message_is_a_part_of_googles(name: str) -> None:
    ours = wire_pb2.DESCRIPTOR.message_types_by_name[name]
    for message, google in described(ours, getattr(types, name).pb().DESCRIPTOR):
        theirs = {field.number: field for field in google.fields}
        for field in message.fields:
            assert shape(field) == shape(theirs[field.number]), f"{message.name}.{field.name}"
        for enum in message.enum_types:
            named = google.enum_types_by_name[enum.name].values_by_number
            assert {value.number: value.name for value in enum.values}.items() <= {
                number: value.name for number, value in named.items()
            }.items()


def test_an_event_has_its_new_document_first() -> None:
    """https://github.com/googleapis/google-cloudevents, google/events/cloud/firestore/v1/data.proto."""
    fields = wire_pb2.DESCRIPTOR.message_types_by_name[EVENT].fields
    assert [(field.name, field.number) for field in fields] == [("value", 1)]


def test_the_module_is_what_the_file_compiles_to(tmp_path: Path) -> None:
    well_known = Path(importlib.import_module("grpc_tools").__file__ or "").parent / "_proto"
    status = protoc.main(
        ["", f"-I{ROOT}", f"-I{well_known}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", SOURCE]
    )
    assert status == 0
    for suffix in ("_pb2.py", "_pb2.pyi"):
        made = (tmp_path / SOURCE).with_name(f"wire{suffix}")
        kept = (ROOT / SOURCE).with_name(made.name)
        assert made.read_text() == kept.read_text(), f"compile it again, as {SOURCE} says"
