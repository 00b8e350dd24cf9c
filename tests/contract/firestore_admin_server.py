"""Firestore's administration over gRPC, from the library's own messages: exports and imports that are operations."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
from google.cloud.firestore_admin_v1 import (
    ExportDocumentsMetadata,
    ExportDocumentsRequest,
    FirestoreAdminClient,
    ImportDocumentsMetadata,
    ImportDocumentsRequest,
)
from google.cloud.firestore_admin_v1.services.firestore_admin.transports import FirestoreAdminGrpcTransport
from google.cloud.firestore_admin_v1.types import Database, GetDatabaseRequest
from google.longrunning import operations_pb2
from google.rpc import status_pb2

ADMIN, OPERATIONS = "google.firestore.admin.v1.FirestoreAdmin", "google.longrunning.Operations"


@dataclass
class FirestoreAdminServer:
    exports: list[Any] = field(default_factory=list)
    operations: dict[str, Any] = field(default_factory=dict)
    faults: list[grpc.StatusCode | None] = field(default_factory=list)
    """One for a call, before it is answered."""
    databases: set[str] = field(default_factory=set)
    imports: list[Any] = field(default_factory=list)
    bring: Callable[[Any], int | None] = lambda _: 0
    """Brings the documents of an import; how many, or None where it fails."""
    looks: int = 1
    """At a running import, until it has ended."""

    def __enter__(self) -> Self:
        self._server = grpc.server(ThreadPoolExecutor(2))
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    ADMIN,
                    {
                        "ExportDocuments": grpc.unary_unary_rpc_method_handler(
                            self._export,
                            request_deserializer=ExportDocumentsRequest.deserialize,
                            response_serializer=operations_pb2.Operation.SerializeToString,
                        ),
                        "ImportDocuments": grpc.unary_unary_rpc_method_handler(
                            self._import,
                            request_deserializer=ImportDocumentsRequest.deserialize,
                            response_serializer=operations_pb2.Operation.SerializeToString,
                        ),
                        "GetDatabase": grpc.unary_unary_rpc_method_handler(
                            self._database,
                            request_deserializer=GetDatabaseRequest.deserialize,
                            response_serializer=Database.serialize,
                        ),
                    },
                ),
                grpc.method_handlers_generic_handler(
                    OPERATIONS,
                    {
                        "ListOperations": grpc.unary_unary_rpc_method_handler(
                            self._list,
                            request_deserializer=operations_pb2.ListOperationsRequest.FromString,
                            response_serializer=operations_pb2.ListOperationsResponse.SerializeToString,
                        ),
                        "GetOperation": grpc.unary_unary_rpc_method_handler(
                            self._get,
                            request_deserializer=operations_pb2.GetOperationRequest.FromString,
                            response_serializer=operations_pb2.Operation.SerializeToString,
                        ),
                    },
                ),
            )
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._server.stop(None).wait()

    def client(self) -> FirestoreAdminClient:
        return FirestoreAdminClient(transport=FirestoreAdminGrpcTransport(channel=self._channel))

    def end(self, name: str, *, documents: int = 0, code: grpc.StatusCode | None = None) -> None:
        operation = self.operations[name]
        told = ExportDocumentsMetadata(progress_documents={"completed_work": documents})
        operation.metadata.Pack(ExportDocumentsMetadata.pb(told))
        operation.done = True
        if code is not None:
            operation.error.CopyFrom(status_pb2.Status(code=code.value[0], message="canary"))

    def _export(self, request: ExportDocumentsRequest, context: Any) -> Any:
        self._fault(context)
        if any(request.output_uri_prefix == made.output_uri_prefix for made in self.exports):
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "canary")
        self.exports.append(request)
        name = f"{request.name}/operations/export-{len(self.exports)}"
        self.operations[name] = operations_pb2.Operation(name=name)
        return self.operations[name]

    def _import(self, request: ImportDocumentsRequest, context: Any) -> Any:
        self._fault(context)
        self.imports.append(request)
        name = f"{request.name}/operations/import-{len(self.imports)}"
        told = ImportDocumentsMetadata(
            input_uri_prefix=request.input_uri_prefix, collection_ids=request.collection_ids
        )
        self.operations[name] = operations_pb2.Operation(name=name)
        self.operations[name].metadata.Pack(ImportDocumentsMetadata.pb(told))
        return self.operations[name]

    def _database(self, request: GetDatabaseRequest, context: Any) -> Database:
        self._fault(context)
        if request.name not in self.databases:
            context.abort(grpc.StatusCode.NOT_FOUND, "canary")
        return Database(name=request.name)

    def _list(self, request: Any, context: Any) -> Any:
        """One to a page."""
        self._fault(context)
        found = [each for name, each in self.operations.items() if name.startswith(f"{request.name}/")]
        start = int(request.page_token or 0)
        more = str(start + 1) if found[start + 1 :] else ""
        return operations_pb2.ListOperationsResponse(
            operations=found[start : start + 1], next_page_token=more
        )

    def _get(self, request: Any, context: Any) -> Any:
        self._fault(context)
        if request.name not in self.operations:
            context.abort(grpc.StatusCode.NOT_FOUND, "canary")
        operation = self.operations[request.name]
        if operation.metadata.Is(ImportDocumentsMetadata.pb().DESCRIPTOR) and not operation.done:
            self._go_on(operation)
        return operation

    def _go_on(self, operation: Any) -> None:
        """An import ends at its last look."""
        self.looks -= 1
        if self.looks > 0:
            return
        told = ImportDocumentsMetadata.pb()()
        operation.metadata.Unpack(told)
        count = self.bring(told)
        operation.done = True
        if count is None:
            operation.error.CopyFrom(
                status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0], message="canary")
            )
            return
        told.progress_documents.completed_work = count
        operation.metadata.Pack(told)

    def _fault(self, context: Any) -> None:
        if self.faults and (code := self.faults.pop(0)):
            context.abort(code, "canary")
