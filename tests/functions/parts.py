"""Parts that misbehave, and a switch that leads a service to them."""

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc

from scripts.local.ports import HOST

if TYPE_CHECKING:
    _Handler = grpc.GenericRpcHandler[bytes, bytes]
else:
    _Handler = grpc.GenericRpcHandler  # generic in its stubs alone


class Switch:
    """A port that leads to another one, which can be changed; nothing stands behind it when that is 0."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server((HOST, 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def lead_to(self, target: int) -> None:
        """From now on, and end what was begun."""
        self.target = target
        with self._lock:
            ended, self._open = self._open, set()
        for one in ended:
            _end(one)

    @contextmanager
    def leading_to(self, target: int) -> Iterator[None]:
        before = self.target
        self.lead_to(target)
        try:
            yield
        finally:
            self.lead_to(before)

    def close(self) -> None:
        _end(self._listener)
        self.lead_to(0)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                try:
                    there = socket.create_connection((HOST, self.target)) if self.target else None
                except OSError:
                    there = None
                if there is None:
                    here.close()
                    continue
                with self._lock:
                    self._open |= {here, there}
                for source, sink in ((here, there), (there, here)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        _end(source)
        _end(sink)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


class Gossip(_Handler):
    """A Firestore that refuses every call and says all of it in its refusal."""

    def __init__(self) -> None:
        self.code = grpc.StatusCode.INTERNAL
        self.heard = 0

    def service(self, handler_call_details: Any) -> Any:
        metadata = repr(handler_call_details.invocation_metadata)

        def refuse(request: bytes, context: Any) -> bytes:
            self.heard += 1
            context.abort(self.code, f"{metadata} {request.decode('latin-1')!r}"[:4000])
            return b""

        return grpc.unary_unary_rpc_method_handler(refuse)


class GossipHttp(BaseHTTPRequestHandler):
    """An Identity Toolkit that refuses every call and says all of it in its refusal."""

    status = 400
    as_json = True
    heard = 0

    def do_POST(self) -> None:
        type(self).heard += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        said = f"{self.path} {dict(self.headers)} {body}"
        answer = (
            json.dumps({"error": {"code": self.status, "message": said, "status": said}})
            if self.as_json
            else said
        )
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nothing is said here of what was heard."""


class GossipSmtp(socketserver.StreamRequestHandler):
    """A mail server that takes no recipient and says whom."""

    heard = 0

    def handle(self) -> None:
        self.wfile.write(b"220 gossip\r\n")
        for line in self.rfile:
            if line[:4].upper() in {b"RCPT", b"DATA"}:
                type(self).heard += 1
                self.wfile.write(b"550 never heard of " + line.strip() + b"\r\n")
            elif line[:4].upper() == b"QUIT":
                return
            else:
                self.wfile.write(b"250 fine\r\n")


@contextmanager
def gossiping() -> Iterator[tuple[Gossip, int, int, int]]:
    """A Firestore and the ports of that one, of an Identity Toolkit and of a mail server."""
    firestore = Gossip()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=4))
        server = grpc.server(pool, handlers=[firestore])
        firestore_port = server.add_insecure_port(f"{HOST}:0")
        server.start()
        stack.callback(lambda: server.stop(grace=0).wait())
        ports = []
        for one in (
            ThreadingHTTPServer((HOST, 0), GossipHttp),
            socketserver.ThreadingTCPServer((HOST, 0), GossipSmtp),
        ):
            threading.Thread(target=one.serve_forever, daemon=True).start()
            stack.callback(one.server_close)
            stack.callback(one.shutdown)
            ports.append(int(one.server_address[1]))
        yield firestore, firestore_port, ports[0], ports[1]
