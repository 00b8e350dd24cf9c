"""A gRPC server that passes every call on to another one and keeps what was asked."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

if TYPE_CHECKING:
    _Handler = grpc.GenericRpcHandler[bytes, bytes]
else:
    _Handler = grpc.GenericRpcHandler  # generic in its stubs alone


@dataclass(slots=True)
class Recorder(_Handler):
    """Calls as (method, the messages sent). Unary and streaming calls look the same on the wire and are treated so."""

    channel: Any
    port: int = 0
    calls: list[tuple[str, list[bytes]]] = field(default_factory=list)

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        sent: list[bytes] = []
        self.calls.append((method, sent))

        def keep(requests: Iterator[bytes]) -> Iterator[bytes]:
            for request in requests:
                sent.append(request)
                yield request

        def pass_on(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            metadata = [
                (name, value) for name, value in context.invocation_metadata() if not name.startswith("grpc-")
            ]
            answers = self.channel.stream_stream(method)(keep(requests), metadata=metadata)
            context.add_callback(answers.cancel)
            try:
                yield from answers
            except grpc.RpcError as error:
                context.abort(answers.code(), f"{error}")

        return grpc.stream_stream_rpc_method_handler(pass_on)


@dataclass(slots=True)
class AnswersLost(Recorder):
    """The server does what it is asked, and of so many calls nobody hears that it did."""

    lost: int = 0

    def service(self, handler_call_details: Any) -> Any:
        handler = Recorder.service(self, handler_call_details)
        if self.lost == 0:
            return handler
        self.lost -= 1

        def lose(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            with suppress(Exception):  # what `abort` raises, should the server refuse the call
                yield from (answer for answer in handler.stream_stream(requests, context) if not answer)
            context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")

        return grpc.stream_stream_rpc_method_handler(lose)


Kind = TypeVar("Kind", bound=Recorder)


@contextmanager
def recorded(port: int, kind: type[Kind]) -> Iterator[Kind]:
    """A recorder in front of a gRPC server on loopback, on a port of its own."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, ThreadPoolExecutor(max_workers=16) as pool:
        recorder = kind(channel)
        server = grpc.server(pool, handlers=[recorder])
        recorder.port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield recorder
        server.stop(grace=0).wait()
