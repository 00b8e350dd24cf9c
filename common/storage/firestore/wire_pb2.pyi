import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Value(_message.Message):
    __slots__ = ("boolean_value", "integer_value", "double_value", "map_value", "array_value", "timestamp_value", "string_value", "bytes_value")
    BOOLEAN_VALUE_FIELD_NUMBER: _ClassVar[int]
    INTEGER_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    MAP_VALUE_FIELD_NUMBER: _ClassVar[int]
    ARRAY_VALUE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_VALUE_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    BYTES_VALUE_FIELD_NUMBER: _ClassVar[int]
    boolean_value: bool
    integer_value: int
    double_value: float
    map_value: MapValue
    array_value: ArrayValue
    timestamp_value: _timestamp_pb2.Timestamp
    string_value: str
    bytes_value: bytes
    def __init__(self, boolean_value: _Optional[bool] = ..., integer_value: _Optional[int] = ..., double_value: _Optional[float] = ..., map_value: _Optional[_Union[MapValue, _Mapping]] = ..., array_value: _Optional[_Union[ArrayValue, _Mapping]] = ..., timestamp_value: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., string_value: _Optional[str] = ..., bytes_value: _Optional[bytes] = ...) -> None: ...

class ArrayValue(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class MapValue(_message.Message):
    __slots__ = ("fields",)
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    fields: _containers.MessageMap[str, Value]
    def __init__(self, fields: _Optional[_Mapping[str, Value]] = ...) -> None: ...

class Document(_message.Message):
    __slots__ = ("name", "fields")
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    fields: _containers.MessageMap[str, Value]
    def __init__(self, name: _Optional[str] = ..., fields: _Optional[_Mapping[str, Value]] = ...) -> None: ...

class GetDocumentRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Precondition(_message.Message):
    __slots__ = ("exists",)
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    exists: bool
    def __init__(self, exists: _Optional[bool] = ...) -> None: ...

class DocumentTransform(_message.Message):
    __slots__ = ("document", "field_transforms")
    class FieldTransform(_message.Message):
        __slots__ = ("field_path", "set_to_server_value", "maximum")
        class ServerValue(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            SERVER_VALUE_UNSPECIFIED: _ClassVar[DocumentTransform.FieldTransform.ServerValue]
            REQUEST_TIME: _ClassVar[DocumentTransform.FieldTransform.ServerValue]
        SERVER_VALUE_UNSPECIFIED: DocumentTransform.FieldTransform.ServerValue
        REQUEST_TIME: DocumentTransform.FieldTransform.ServerValue
        FIELD_PATH_FIELD_NUMBER: _ClassVar[int]
        SET_TO_SERVER_VALUE_FIELD_NUMBER: _ClassVar[int]
        MAXIMUM_FIELD_NUMBER: _ClassVar[int]
        field_path: str
        set_to_server_value: DocumentTransform.FieldTransform.ServerValue
        maximum: Value
        def __init__(self, field_path: _Optional[str] = ..., set_to_server_value: _Optional[_Union[DocumentTransform.FieldTransform.ServerValue, str]] = ..., maximum: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    FIELD_TRANSFORMS_FIELD_NUMBER: _ClassVar[int]
    document: str
    field_transforms: _containers.RepeatedCompositeFieldContainer[DocumentTransform.FieldTransform]
    def __init__(self, document: _Optional[str] = ..., field_transforms: _Optional[_Iterable[_Union[DocumentTransform.FieldTransform, _Mapping]]] = ...) -> None: ...

class Write(_message.Message):
    __slots__ = ("update", "delete", "transform", "current_document", "update_transforms")
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    TRANSFORM_FIELD_NUMBER: _ClassVar[int]
    CURRENT_DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TRANSFORMS_FIELD_NUMBER: _ClassVar[int]
    update: Document
    delete: str
    transform: DocumentTransform
    current_document: Precondition
    update_transforms: _containers.RepeatedCompositeFieldContainer[DocumentTransform.FieldTransform]
    def __init__(self, update: _Optional[_Union[Document, _Mapping]] = ..., delete: _Optional[str] = ..., transform: _Optional[_Union[DocumentTransform, _Mapping]] = ..., current_document: _Optional[_Union[Precondition, _Mapping]] = ..., update_transforms: _Optional[_Iterable[_Union[DocumentTransform.FieldTransform, _Mapping]]] = ...) -> None: ...

class CommitRequest(_message.Message):
    __slots__ = ("database", "writes")
    DATABASE_FIELD_NUMBER: _ClassVar[int]
    WRITES_FIELD_NUMBER: _ClassVar[int]
    database: str
    writes: _containers.RepeatedCompositeFieldContainer[Write]
    def __init__(self, database: _Optional[str] = ..., writes: _Optional[_Iterable[_Union[Write, _Mapping]]] = ...) -> None: ...

class WriteResult(_message.Message):
    __slots__ = ("transform_results",)
    TRANSFORM_RESULTS_FIELD_NUMBER: _ClassVar[int]
    transform_results: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, transform_results: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class CommitResponse(_message.Message):
    __slots__ = ("write_results",)
    WRITE_RESULTS_FIELD_NUMBER: _ClassVar[int]
    write_results: _containers.RepeatedCompositeFieldContainer[WriteResult]
    def __init__(self, write_results: _Optional[_Iterable[_Union[WriteResult, _Mapping]]] = ...) -> None: ...

class DocumentEventData(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: Document
    def __init__(self, value: _Optional[_Union[Document, _Mapping]] = ...) -> None: ...
