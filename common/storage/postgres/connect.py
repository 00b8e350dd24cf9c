"""pg8000's ways to a server: direct, or to a Cloud SQL instance through Google's connector. Both open the same class."""

import threading
from collections.abc import Callable
from typing import Any

import pg8000.dbapi
from pg8000.exceptions import DatabaseError, InterfaceError

from common.settings import Settings
from common.storage.postgres.connection import Connection, meaning
from common.storage.postgres.failures import ConnectionLost
from common.storage.postgres.server import APPLICATION, BOUNDS, Server, server_of

Connect = Callable[[float], Connection]
"""Opens a connection within so many seconds. Raises ConnectionLost, StatementFailed or DeadlineExceeded."""


def from_settings(settings: Settings) -> Connect:
    """Raises SettingsError: see server_of."""
    where = server_of(settings)
    if isinstance(where, Server):
        return to_server(where)
    return cloud_sql(where.name, where.user, where.database)


def plain(dsn: str) -> Connect:
    """Raises SettingsError: see Server.parse."""
    return to_server(Server.parse(dsn))


def to_server(server: Server) -> Connect:
    return lambda seconds: _open(
        lambda: pg8000.dbapi.connect(
            server.user,
            password=server.password,
            host=server.host,
            port=server.port,
            database=server.database,
            ssl_context=server.tls,
            application_name=APPLICATION,
            timeout=seconds,
        )
    )


def cloud_sql(instance: str, user: str, database: str) -> Connect:
    """A Cloud SQL instance `project:region:name`, over its private address, as an IAM database user.

    The connector is imported and made with the first connection: it costs 350 ms and 50 MB, and reads credentials.
    """
    lock = threading.Lock()
    connectors: list[Any] = []

    def connector() -> Any:
        with lock:
            if not connectors:
                from google.cloud.sql.connector import Connector, IPTypes

                connectors.append(
                    Connector(refresh_strategy="lazy", enable_iam_auth=True, ip_type=IPTypes.PRIVATE)
                )
            return connectors[0]

    def connect(seconds: float) -> Any:
        try:
            # The connector's socket speaks TLS already: pg8000 must not start it anew.
            return connector().connect(
                instance,
                "pg8000",
                user=user,
                db=database,
                timeout=seconds,
                ssl_context=False,
                application_name=APPLICATION,
            )
        except (DatabaseError, InterfaceError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - the connector raises google.auth's, aiohttp's and its own
            raise ConnectionLost(type(error).__name__) from None

    return lambda seconds: _open(lambda: connect(seconds))


def _open(dial: Callable[[], Any]) -> Connection:
    try:
        connection = Connection(dial())
    except (DatabaseError, InterfaceError, OSError) as error:
        raise meaning(error) from None
    connection.simple("; ".join(f"set {name} = '{value}'" for name, value in BOUNDS.items()))
    return connection
