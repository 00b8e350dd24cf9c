"""How Firestore is reached. A channel belongs to the loop that makes it, so that these only say how to make one."""

from collections.abc import Callable
from typing import Any

import grpc.aio

Connect = Callable[[], Any]

_RECONNECTING = [("grpc.max_reconnect_backoff_ms", 2_000)]
"""gRPC's own longest pause between two attempts to connect is two minutes, in which a server that is back goes unused."""
_OPTIONS = [("grpc.keepalive_time_ms", 30_000), *_RECONNECTING]  # the first as the client library sets it
_HOST = "firestore.googleapis.com"
_SCOPES = ("https://www.googleapis.com/auth/datastore",)


def to_emulator(host: str) -> Connect:
    return lambda: grpc.aio.insecure_channel(host, options=_RECONNECTING)


def to_google() -> Connect:
    """With TLS and the credentials of whoever runs this.

    What signs the calls is imported at once: workers that fork share it, and no call waits for it.
    """
    from google.api_core.grpc_helpers_async import create_channel

    return lambda: create_channel(
        f"{_HOST}:443", default_host=_HOST, default_scopes=_SCOPES, options=_OPTIONS
    )
