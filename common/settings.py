"""What a deployment says of itself, read once from the environment. A required value that is missing is named."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_SERVICE_URL = re.compile(r"(https://[A-Za-z0-9.-]+|http://(127\.0\.0\.1|localhost|\[::1\]))(:[0-9]{1,5})?")

_DATABASE = re.compile(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]")

_SECRET = re.compile(r"projects/[a-z0-9-]+/secrets/[A-Za-z0-9_-]+")


class SettingsError(Exception):
    """The environment lacks a value or holds one that cannot be. The message names it and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One deployment. Secrets are paths of files (Secret Manager mounts, or 0600 files), never values."""

    project: str
    service_url: str
    """Scheme and host, no trailing slash: issuer and audience of tokens, audience of proofs."""
    link_page: str
    postgres_dsn: str | None
    postgres_instance: str | None
    postgres_user: str | None
    postgres_database: str | None
    pool: int
    signing_keys_file: Path | None
    verification_keys_file: Path | None
    signing_keys_secret: str | None
    verification_keys_secret: str | None
    """Where a rotation writes what those two files show: projects/PROJECT/secrets/NAME."""
    index_key_file: Path | None
    identity_api_key: str
    smtp_url_file: Path | None
    mail_from: str
    trusted_proxies: int
    """How many proxies in front of us append to X-Forwarded-For."""
    scheduler_account: str | None
    scheduler_check: str
    """Who verifies that account's token: "ourselves", or "platform" where Cloud Run lets in nobody else."""
    scheduler_token_file: Path | None
    events_account: str | None
    """The account whose identity token Firestore's calls carry, where the suite is open to others."""
    backup_folder: Path | None
    revocations_bucket: str | None
    revocations_folder: Path | None
    """Where what was ended for good is noted, in the cloud and locally: never together with the backups."""
    backup_bucket: str
    firestore_database: str
    """The id of Firestore's database: a restored one has a name of its own."""
    firestore_emulator: str | None
    auth_emulator: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings.

        Raises:
            SettingsError: a value is missing or malformed.
        """
        service_url = _required(environment, "SEALPOST_URL")
        if not _SERVICE_URL.fullmatch(service_url):
            raise SettingsError(
                "SEALPOST_URL must be https:// and a host, without a slash at the end (http:// is for loopback only)."
            )
        project = _required(environment, "GOOGLE_CLOUD_PROJECT")
        dsn, instance = environment.get("POSTGRES_DSN"), environment.get("POSTGRES_INSTANCE")
        if dsn and instance:
            raise SettingsError(
                "Set one of POSTGRES_DSN (a server) and POSTGRES_INSTANCE (Cloud SQL), not both."
            )
        return cls(
            project=project,
            service_url=service_url,
            link_page=environment.get("SEALPOST_LINK_PAGE", "/"),
            postgres_dsn=dsn,
            postgres_instance=instance,
            postgres_user=_required(environment, "POSTGRES_USER") if instance else None,
            postgres_database=_required(environment, "POSTGRES_DATABASE") if instance else None,
            pool=_integer(environment, "POOL", default=4, least=0),
            signing_keys_file=_path(environment, "SIGNING_KEYS_FILE"),
            verification_keys_file=_path(environment, "VERIFICATION_KEYS_FILE"),
            signing_keys_secret=_secret(environment, "SIGNING_KEYS_SECRET"),
            verification_keys_secret=_secret(environment, "VERIFICATION_KEYS_SECRET"),
            index_key_file=_path(environment, "INDEX_KEY_FILE"),
            identity_api_key=environment.get("IDENTITY_API_KEY", ""),
            smtp_url_file=_path(environment, "SMTP_URL_FILE"),
            mail_from=environment.get("MAIL_FROM", "Sealpost <no-reply@localhost>"),
            trusted_proxies=_integer(environment, "TRUSTED_PROXIES", default=0, least=0),
            scheduler_account=environment.get("SCHEDULER_ACCOUNT"),
            scheduler_check=_one_of(environment, "SCHEDULER_CHECK", ("ourselves", "platform")),
            scheduler_token_file=_path(environment, "SCHEDULER_TOKEN_FILE"),
            events_account=environment.get("EVENTS_ACCOUNT"),
            backup_folder=_path(environment, "BACKUP_FOLDER"),
            revocations_bucket=environment.get("REVOCATIONS_BUCKET") or None,
            revocations_folder=_path(environment, "REVOCATIONS_FOLDER"),
            backup_bucket=environment.get("BACKUP_BUCKET", f"{project}-backups"),
            firestore_database=_database(environment, "FIRESTORE_DATABASE"),
            firestore_emulator=environment.get("FIRESTORE_EMULATOR_HOST"),
            auth_emulator=environment.get("FIREBASE_AUTH_EMULATOR_HOST"),
        )


def secret_file(path: Path | None, name: str) -> Path:
    """The path of a secret that the asking function cannot do without.

    Raises:
        SettingsError: the setting `name` is missing.
    """
    if path is None:
        raise SettingsError(f"Set {name}: this function cannot work without it.")
    return path


def read_secret(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingsError(f"The secret {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"The secret {path} is not ASCII text.") from None


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"Set {name} in the environment.")
    return value


def _integer(environment: Mapping[str, str], name: str, *, default: int, least: int) -> int:
    text = environment.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise SettingsError(f"{name} must be a whole number of {least} or more.")
    return int(text)


def _one_of(environment: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """One of some words, the first of which is the default."""
    value = environment.get(name, values[0])
    if value not in values:
        raise SettingsError(f"{name} must be one of: {', '.join(values)}.")
    return value


def _database(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "(default)")
    if not _DATABASE.fullmatch(value):
        raise SettingsError(
            f"{name} must be (default), or 4 to 63 of a-z, 0-9 and -, beginning with a letter."
        )
    return value


def _secret(environment: Mapping[str, str], name: str) -> str | None:
    value = environment.get(name)
    if value and not _SECRET.fullmatch(value):
        raise SettingsError(f"{name} must read projects/PROJECT/secrets/NAME.")
    return value or None


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value) if value else None
