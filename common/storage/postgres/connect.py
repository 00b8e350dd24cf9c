"""Ways to a server: a plain DSN, or a Cloud SQL instance through Google's connector. Both open the same class."""

import ssl
import threading
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import pg8000.dbapi
from pg8000.exceptions import DatabaseError, InterfaceError

from common.settings import Settings, SettingsError
from common.storage.postgres.connection import SESSION, Connection, ConnectionLost, meaning

Connect = Callable[[float], Connection]
"""Opens a connection within so many seconds. Raises ConnectionLost, StatementFailed or DeadlineExceeded."""

APPLICATION = "sealpost"


def from_settings(settings: Settings) -> Connect:
    if settings.postgres_dsn is not None:
        return plain(settings.postgres_dsn)
    if not (settings.postgres_instance and settings.postgres_user and settings.postgres_database):
        raise SettingsError(
            "Set POSTGRES_DSN, or POSTGRES_INSTANCE with POSTGRES_USER and POSTGRES_DATABASE."
        )
    return cloud_sql(settings.postgres_instance, settings.postgres_user, settings.postgres_database)


def plain(dsn: str) -> Connect:
    """A server by `postgresql://user[:password]@host[:port]/database[?sslmode=...&sslrootcert=...]`.

    sslmode is disable, require (encrypted, unverified), verify-ca or verify-full; without it a loopback address is
    reached in the clear and any other one with verify-full.

    Raises:
        SettingsError: the DSN cannot be.

    """
    url = urlsplit(dsn)
    try:
        port = url.port or 5432
    except ValueError:
        raise SettingsError("The port in POSTGRES_DSN is not a number.") from None
    if (
        url.scheme not in {"postgresql", "postgres"}
        or not url.hostname
        or not url.username
        or not url.path.strip("/")
    ):
        raise SettingsError("POSTGRES_DSN must read postgresql://user[:password]@host[:port]/database.")
    arguments: dict[str, Any] = {
        "user": unquote(url.username),
        "password": unquote(url.password) if url.password is not None else None,
        "host": url.hostname,
        "port": port,
        "database": unquote(url.path[1:]),
        "ssl_context": _tls(url),
        "application_name": APPLICATION,
    }
    return lambda seconds: _open(lambda: pg8000.dbapi.connect(timeout=seconds, **arguments))


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
    connection.simple(SESSION)
    return connection


def _tls(url: SplitResult) -> ssl.SSLContext | bool:
    options = dict(parse_qsl(url.query))
    mode = options.pop("sslmode", "disable" if _is_loopback(url.hostname or "") else "verify-full")
    authority = options.pop("sslrootcert", None)
    if options:
        raise SettingsError(f"POSTGRES_DSN knows sslmode and sslrootcert, not {', '.join(sorted(options))}.")
    if mode == "disable":
        return False
    if mode not in {"require", "verify-ca", "verify-full"}:
        raise SettingsError("sslmode in POSTGRES_DSN must be disable, require, verify-ca or verify-full.")
    context = ssl.create_default_context(cafile=authority)
    if mode != "verify-full":
        context.check_hostname = False
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
