"""Which server, and how it is reached: what both drivers ask of it."""

import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from common.settings import Settings, SettingsError

APPLICATION = "sealpost"

BOUNDS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
}
"""The server's own: a worker that is gone must leave neither a statement nor a lock behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database of a server, by a DSN."""

    user: str
    password: str | None = field(repr=False)
    host: str
    port: int
    database: str
    tls: ssl.SSLContext | bool

    @classmethod
    def parse(cls, dsn: str) -> Self:
        """`postgresql://user[:password]@host[:port]/database[?sslmode=...&sslrootcert=...]`.

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
        return cls(
            user=unquote(url.username),
            password=unquote(url.password) if url.password is not None else None,
            host=url.hostname,
            port=port,
            database=unquote(url.path[1:]),
            tls=_tls(url),
        )


@dataclass(frozen=True, slots=True)
class Instance:
    """A database of a Cloud SQL instance, `name` being `project:region:name`, for an IAM database user."""

    name: str
    user: str
    database: str


def server_of(settings: Settings) -> Server | Instance:
    """Raises SettingsError: the settings name no database, or no connection to it."""
    if settings.pool < 1:
        raise SettingsError("POOL must be 1 or more for a function that uses the database.")
    if settings.postgres_dsn is not None:
        return Server.parse(settings.postgres_dsn)
    if not (settings.postgres_instance and settings.postgres_user and settings.postgres_database):
        raise SettingsError(
            "Set POSTGRES_DSN, or POSTGRES_INSTANCE with POSTGRES_USER and POSTGRES_DATABASE."
        )
    return Instance(settings.postgres_instance, settings.postgres_user, settings.postgres_database)


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
