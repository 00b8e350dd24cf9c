"""asyncpg's ways to a server: direct, or to a Cloud SQL instance through Google's connector."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from common.storage.postgres.failures import ConnectionLost
from common.storage.postgres.server import APPLICATION, BOUNDS, Instance, Server

Dial = Callable[[], Awaitable[Any]]
"""Opens an `asyncpg.Connection`. Raises FAILURES or ConnectionLost."""

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What asyncpg raises."""

_OPTIONS: dict[str, Any] = {
    "server_settings": {"application_name": APPLICATION, "synchronous_commit": "off", **BOUNDS},
    "max_cached_statement_lifetime": 0,  # for ever: a statement is prepared once
}
_SCOPE = "https://www.googleapis.com/auth/sqlservice.admin"


def direct(server: Server) -> Dial:
    """Everything is named: what is not, asyncpg takes from the environment and from files."""
    return lambda: asyncpg.connect(
        user=server.user,
        password=server.password or "",
        host=server.host,
        port=server.port,
        database=server.database,
        ssl=server.tls,
        direct_tls=False,
        target_session_attrs="any",
        **_OPTIONS,
    )


def cloud_sql(instance: Instance) -> Dial:
    """Over its private address, as an IAM database user.

    The connector is imported and made with the first connection, and its credentials are asked for, in a thread: that
    takes 350 ms and more. A dial that was begun is never cut short, because dials share what the connector fetches.
    """
    made: list[tuple[Any, Any]] = []
    making = asyncio.Lock()

    async def connector() -> Any:
        async with making:
            if not made:
                made.append(await asyncio.to_thread(_make, asyncio.get_running_loop()))
            ready, credentials = made[0]
            if not credentials.valid:
                await asyncio.to_thread(_refresh, credentials)
            return ready

    async def dial() -> Any:
        ready = await connector()
        return await ready.connect_async(
            instance.name, "asyncpg", user=instance.user, db=instance.database, **_OPTIONS
        )

    async def to_its_end() -> Any:
        dialling = asyncio.ensure_future(dial())
        try:
            return await asyncio.shield(dialling)
        except asyncio.CancelledError:
            dialling.add_done_callback(_hang_up)
            raise
        except FAILURES:
            raise
        except Exception as error:  # noqa: BLE001 - the connector raises google.auth's, aiohttp's and its own
            raise ConnectionLost(type(error).__name__) from None

    return to_its_end


def _make(loop: asyncio.AbstractEventLoop) -> tuple[Any, Any]:
    import google.auth
    from google.cloud.sql.connector import Connector, IPTypes

    credentials, _ = google.auth.default(scopes=[_SCOPE])
    connector = Connector(
        loop=loop,
        credentials=credentials,
        refresh_strategy="lazy",
        enable_iam_auth=True,
        ip_type=IPTypes.PRIVATE,
    )
    return connector, credentials


def _refresh(credentials: Any) -> None:
    from google.auth.transport.requests import Request

    credentials.refresh(Request())


def _hang_up(dialling: "asyncio.Future[Any]") -> None:
    if not dialling.cancelled() and dialling.exception() is None:
        dialling.result().terminate()
