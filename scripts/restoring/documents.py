"""The documents of a database of the Firestore emulator: counted, read in pages, written as they are.

The emulator imports an export only into the database that it was made from, so a backup is imported into a project of its
own and copied from there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.cloud.firestore_v1 import types

from common.backups.model import COLLECTIONS
from common.storage.firestore.client import CommitRequest, CommitResponse, Document, Write
from scripts.local.emulators import Firestore
from scripts.local.ports import HOST
from scripts.local.say import Stop

_SERVICE = "/google.firestore.v1.Firestore/"
_SECONDS = 120.0
_PAGE = 2_000
"""Documents of a query. The emulator sorts all of them for each one."""
_WRITES = 500
_COMMIT = 4 << 20
"""Bytes of documents in one commit; Firestore takes 10 MiB."""
_OWNER = ("authorization", "Bearer owner")

_RunQuery = types.RunQueryRequest.pb()
_RunQueryResponse = types.RunQueryResponse.pb()
_Count = types.RunAggregationQueryRequest.pb()
_CountResponse = types.RunAggregationQueryResponse.pb()


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """One database."""

    emulator: Firestore
    project: str
    database: str

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
            write = Write(update=Document(name=f"{self.root}/{path}", fields=fields))
            if len(writes) == _WRITES or (writes and size + write.ByteSize() > _COMMIT):
                self._commit(writes)
                writes, size = [], 0
            writes.append(write)
            size += write.ByteSize()
        if writes:
            self._commit(writes)

    def delete(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), _WRITES):
            self._commit([Write(delete=f"{self.root}/{path}") for path in paths[start : start + _WRITES]])

    def _commit(self, writes: list[Any]) -> None:
        database = self.root.removesuffix("/documents")
        with self._channel() as channel:
            call = channel.unary_unary(
                f"{_SERVICE}Commit",
                request_serializer=CommitRequest.SerializeToString,
                response_deserializer=CommitResponse.FromString,
            )
            self._heard(
                lambda: call(
                    CommitRequest(database=database, writes=writes),
                    timeout=_SECONDS,
                    metadata=self._metadata(),
                )
            )

    def _query(self, query: Any) -> list[Any]:
        answers = self._stream(
            "RunQuery", _RunQuery(parent=self.root, structured_query=query), _RunQueryResponse
        )
        return [answer.document for answer in answers if answer.document.name]

    def _stream(self, method: str, request: Any, response: Any) -> list[Any]:
        with self._channel() as channel:
            call = channel.unary_stream(
                f"{_SERVICE}{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=response.FromString,
            )
            answers: list[Any] = self._heard(
                lambda: list(call(request, timeout=_SECONDS, metadata=self._metadata()))
            )
        return answers

    def _channel(self) -> Any:
        return grpc.insecure_channel(
            f"{HOST}:{self.emulator.port}", options=[("grpc.max_receive_message_length", 64 << 20)]
        )

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (_OWNER, ("google-cloud-resource-prefix", self.root.removesuffix("/documents")))

    def _heard(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except grpc.RpcError as error:
            code = getattr(error, "code", lambda: grpc.StatusCode.UNKNOWN)()
            raise Stop(f"The Firestore emulator failed ({code.name}). Run this again: it goes on.") from None


def copy(source: Documents, target: Documents, tell: Callable[[int], None]) -> None:
    """Copy all that a backup holds, from where an earlier run came to. `tell` takes the number that is there."""
    there = target.total()
    for collection in COLLECTIONS:
        page = source.page(collection, None, skipped=target.count(collection))
        while page:
            target.write([(source.path(document), document.fields) for document in page])
            there += len(page)
            tell(there)
            page = source.page(collection, source.path(page[-1]))


def imported(emulator: Firestore, export: Path, *, scratch: str, databases: Sequence[str]) -> Documents:
    """An export in a project of its own, in whichever of the databases it was made from.

    Raises:
        Stop: the emulator refused it.
    """
    for database in databases:
        emulator.clear(scratch, database)
    emulator.import_(scratch, export)
    found = [Documents(emulator=emulator, project=scratch, database=each) for each in databases]
    return max(found, key=Documents.total)


def conversation_fields(kind: str, members: Sequence[str]) -> Any:
    """What is stored of a conversation in which nothing has been said."""
    document = Document()
    document.fields["kind"].string_value = kind
    document.fields["version"].integer_value = 1
    document.fields["last_message_at"].integer_value = 0
    document.fields["members"].array_value.SetInParent()
    for uid in members:
        document.fields["members"].array_value.values.add(string_value=uid)
    return document.fields


def below(documents: Documents, conversation: str) -> Iterator[str]:
    """The paths of a conversation's messages."""
    after: str | None = f"conversations/{conversation}/messages/0"
    while page := documents.page("messages", after):
        for each in page:
            path = documents.path(each)
            if not path.startswith(f"conversations/{conversation}/"):
                return
            yield path
        after = documents.path(page[-1])


def _query(collection: str, *, limit: int | None = None) -> Any:
    build = types.StructuredQuery.pb()
    query = build()
    query.from_.add(collection_id=collection, all_descendants=True)
    order = query.order_by.add(direction=int(types.StructuredQuery.Direction.ASCENDING))
    order.field.field_path = "__name__"
    if limit is not None:
        query.limit.value = limit
    return query
