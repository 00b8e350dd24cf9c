"""Firestore's administration over gRPC, from the library's own messages: exports that are operations, which a test ends."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
from google.cloud.firestore_admin_v1 import (
    ExportDocumentsMetadata,
    ExportDocumentsRequest,
    FirestoreAdminClient,
)
from google.cloud.firestore_admin_v1.services.firestore_admin.transports import FirestoreAdminGrpcTransport
from google.longrunning import operations_pb2
from google.rpc import status_pb2

ADMIN, OPERATIONS = "google.firestore.admin.v1.FirestoreAdmin", "google.longrunning.Operations"


@dataclass
class FirestoreAdminServer:
    exports: list[Any] = field(default_factory=list)
    operations: dict[str, Any] = field(default_factory=dict)
    faults: list[grpc.StatusCode | None] = field(default_factory=list)
    """One for a call, before it is answered."""

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
                        )
                    },
                ),
                grpc.method_handlers_generic_handler(
                    OPERATIONS,
                    {
                        "GetOperation": grpc.unary_unary_rpc_method_handler(
                            self._get,
                            request_deserializer=operations_pb2.GetOperationRequest.FromString,
                            response_serializer=operations_pb2.Operation.SerializeToString,
                        )
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

    def _get(self, request: Any, context: Any) -> Any:
        self._fault(context)
        if request.name not in self.operations:
            context.abort(grpc.StatusCode.NOT_FOUND, "canary")
        return self.operations[request.name]

    def _fault(self, context: Any) -> None:
        if self.faults and (code := self.faults.pop(0)):
            context.abort(code, "canary")
