"""The documents of a Firestore database that a backup is restored into: counted, read in pages, written as they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from common.backups.model import COLLECTIONS
from common.errors import Unavailable

_SERVICE = "/google.firestore.v1.Firestore/"
_SECONDS = 120.0
_PAGE = 2_000
"""Documents of a query. The emulator sorts all of them for each one."""
_WRITES = 500
_COMMIT = 4 << 20
"""Bytes of documents in one commit; Firestore takes 10 MiB."""
_OPTIONS = [("grpc.max_receive_message_length", 64 << 20)]

Document, Value = types.Document.pb(), types.Value.pb()
_Write = types.Write.pb()
_Commit, _CommitResponse = types.CommitRequest.pb(), types.CommitResponse.pb()
_RunQuery = types.RunQueryRequest.pb()
_RunQueryResponse = types.RunQueryResponse.pb()
_Collections = types.ListCollectionIdsRequest.pb()
_CollectionsResponse = types.ListCollectionIdsResponse.pb()
_Count = types.RunAggregationQueryRequest.pb()
_CountResponse = types.RunAggregationQueryResponse.pb()


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """One database."""

    project: str
    database: str
    connect: Callable[[], Any]
    """Opens a channel to Firestore."""
    bearer: tuple[tuple[str, str], ...] = ()
    """What the channel does not say by itself of who calls."""

    @property
    def root(self) -> str:
        return f"projects/{self.project}/databases/{self.database}/documents"

    def count(self, collection: str) -> int:
        """How many of a collection group."""
        request = _Count(parent=self.root)
        query = request.structured_aggregation_query
        query.structured_query.CopyFrom(_query(collection))
        query.aggregations.add(alias="all").count.SetInParent()
        (answer,) = self._stream("RunAggregationQuery", request, _CountResponse)
        return int(answer.result.aggregate_fields["all"].integer_value)

    def total(self) -> int:
        """How many of all that a backup holds."""
        return sum(self.count(collection) for collection in COLLECTIONS)

    def page(
        self, collection: str, after: str | None, limit: int | None = None, *, skipped: int = 0
    ) -> list[Any]:
        """The next ones by name, as protobuf documents, but for the first `skipped` ones."""
        query = _query(collection, limit=limit or _PAGE)
        query.offset = skipped
        if after is not None:
            query.start_at.values.add(reference_value=f"{self.root}/{after}")
            query.start_at.before = False
        return self._query(query)

    def path(self, document: Any) -> str:
        return str(document.name).removeprefix(f"{self.root}/")

    def write(self, pairs: Sequence[tuple[str, Any]]) -> None:
        """Make documents with these paths and fields, or replace them, in commits of a bounded size."""
        writes: list[Any] = []
        size = 0
        for path, fields in pairs:
            write = _Write(update=Document(name=f"{self.root}/{path}", fields=fields))
            if len(writes) == _WRITES or (writes and size + write.ByteSize() > _COMMIT):
                self._commit(writes)
                writes, size = [], 0
            writes.append(write)
            size += write.ByteSize()
        if writes:
            self._commit(writes)

    def delete(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), _WRITES):
            self._commit([_Write(delete=f"{self.root}/{path}") for path in paths[start : start + _WRITES]])

    def is_empty(self) -> bool:
        """Whether there is no document of any collection."""
        found = self._unary(
            "ListCollectionIds", _Collections(parent=self.root, page_size=1), _CollectionsResponse
        )
        return not found.collection_ids

    def _commit(self, writes: list[Any]) -> None:
        database = self.root.removesuffix("/documents")
        self._unary("Commit", _Commit(database=database, writes=writes), _CommitResponse)

    def _unary(self, method: str, request: Any, response: Any) -> Any:
        with self.connect() as channel:
            call = channel.unary_unary(
                f"{_SERVICE}{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=response.FromString,
            )
            return self._heard(lambda: call(request, timeout=_SECONDS, metadata=self._metadata))

    def _query(self, query: Any) -> list[Any]:
        answers = self._stream(
            "RunQuery", _RunQuery(parent=self.root, structured_query=query), _RunQueryResponse
        )
        return [answer.document for answer in answers if answer.document.name]

    def _stream(self, method: str, request: Any, response: Any) -> list[Any]:
        with self.connect() as channel:
            call = channel.unary_stream(
                f"{_SERVICE}{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=response.FromString,
            )
            answers: list[Any] = self._heard(
                lambda: list(call(request, timeout=_SECONDS, metadata=self._metadata))
            )
        return answers

    def _heard(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except grpc.RpcError as error:
            code = getattr(error, "code", lambda: grpc.StatusCode.UNKNOWN)()
            raise Unavailable(f"Firestore failed ({code.name}).") from None

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (*self.bearer, ("google-cloud-resource-prefix", self.root.removesuffix("/documents")))


def in_cloud(project: str, database: str, credentials: Any = None) -> Documents:
    """Google's, with the given credentials or those of whoever runs this."""

    def connect() -> Any:
        return FirestoreGrpcTransport.create_channel(credentials=credentials, options=_OPTIONS)

    return Documents(project=project, database=database, connect=connect)


def in_emulator(project: str, database: str, host: str) -> Documents:
    """Of the emulator at `host`, as its owner."""

    def connect() -> Any:
        return grpc.insecure_channel(host, options=_OPTIONS)

    return Documents(
        project=project, database=database, connect=connect, bearer=(("authorization", "Bearer owner"),)
    )


def _query(collection: str, *, limit: int | None = None) -> Any:
    build = types.StructuredQuery.pb()
    query = build()
    query.from_.add(collection_id=collection, all_descendants=True)
    order = query.order_by.add(direction=int(types.StructuredQuery.Direction.ASCENDING))
    order.field.field_path = "__name__"
    if limit is not None:
        query.limit.value = limit
    return query
