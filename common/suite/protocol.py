"""uvicorn's HTTP protocol, with the limits and the answers that it leaves to a proxy in front.

Cloud Run has such a proxy; a laptop and a container have none. Without limits a client could fill the memory with a head
that never ends, or hold a connection by not finishing one.
"""

from asyncio import TimerHandle, Transport
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common.errors import InvalidRequest, SealpostError
from common.http.edge import refuse
from common.http.problems import HeadersTooLarge, RequestTimeout

NAME = "suite"
"""What the log calls the server where a request reached no function."""

HEAD_BYTES = 64 * 1024
"""Of a request's line and header fields. What is smaller reaches its function, whose own limit is lower."""
HEAD_SECONDS = 10.0
"""From the connection, or from the first byte of a later request on it, to the end of the head."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection."""

    _in_head = True
    _seen = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # narrowed as uvicorn does
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._start_timer()
            self._seen += len(data)
        super().data_received(data)
        if self._in_head and self._seen > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HeadersTooLarge(f"The head of a request may have {HEAD_BYTES} bytes at most."))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._seen = True, 0

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own sentence
        self._refuse(InvalidRequest("This is not a request of HTTP/1.1."))

    def _unsupported_upgrade_warning(self) -> None:
        """The request is answered as one that asks for no upgrade, which is all that there is to say."""

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self._seen:
            self._refuse(
                RequestTimeout(f"The head of a request must arrive within {HEAD_SECONDS:g} seconds.")
            )
        else:
            self.transport.close()

    def _refuse(self, error: SealpostError) -> None:
        """Answer and close. A call that is being answered just ends: its function sees the client gone, and logs that."""
        if self.cycle is None or self.cycle.response_complete:
            response = refuse(NAME, "", error)
            status = HTTPStatus(response.status_code)
            headers = {**response.headers, "connection": "close"}
            lines = [
                f"HTTP/1.1 {status.value} {status.phrase}",
                *(f"{name}: {headers[name]}" for name in headers),
            ]
            self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + bytes(response.body))
        self.transport.close()
