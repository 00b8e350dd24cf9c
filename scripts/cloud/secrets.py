"""The first versions of a deployment's secrets: made here, sent to Secret Manager, kept nowhere else."""

import base64
import secrets
import time

from common.sessions.key_ring import KeyRing
from common.storage.key_ring import KeySets
from scripts.cloud.tools import Refused, gcloud, run

INDEX_KEY, SIGNING_KEYS, VERIFICATION_KEYS, SMTP_URL = (
    "INDEX_KEY_FILE",
    "SIGNING_KEYS_FILE",
    "VERIFICATION_KEYS_FILE",
    "SMTP_URL_FILE",
)

_KEPT = 2
"""Versions of the public keys that are left: the latest is read, the one before it may be looked at after a mistake."""


def make_first_versions(project: str, ids: dict[str, str]) -> None:
    """Give every secret without a version its first one; `ids` are their names by the setting they are for.

    Raises:
        Refused: one of them only a person knows, or what is there cannot be told.
    """
    lacking = {name for name, secret in ids.items() if not _has_version(project, secret)}
    if SMTP_URL in lacking:
        raise Refused(
            "The mail server's URL is not known yet. Type it, and Ctrl-D: "
            f"gcloud secrets versions add {ids[SMTP_URL]} --data-file=- --project={project}   (smtps://user:password@host)"
        )
    if INDEX_KEY in lacking:
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode("ascii")
        _add(project, ids[INDEX_KEY], key)
    if lacking & {SIGNING_KEYS, VERIFICATION_KEYS}:
        sets = KeySets.of(KeyRing.new(time.time()))
        _add(project, ids[VERIFICATION_KEYS], sets.verifying)
        _add(project, ids[SIGNING_KEYS], sets.signing)


def destroy_old_versions(project: str, ids: dict[str, str]) -> None:
    """Of the public keys, to which the rotation only adds; the private ones it destroys itself.

    Raises:
        Refused: one cannot be destroyed.
    """
    secret = ids[VERIFICATION_KEYS]
    listing = ("--filter=state=ENABLED", "--sort-by=~createTime", "--format=value(name)")
    versions = (gcloud(project, "secrets", "versions", "list", secret, *listing) or "").split()
    for version in versions[_KEPT:]:
        run(
            [
                *("gcloud", "secrets", "versions", "destroy", version),
                *(f"--secret={secret}", f"--project={project}", "--quiet"),
            ]
        )


def _has_version(project: str, secret: str) -> bool:
    """Whether it ever had one: what was disabled is not made anew. Another index key would lose every account."""
    found = gcloud(project, "secrets", "versions", "list", secret, "--limit=1", "--format=value(name)")
    if found is None:
        raise Refused(f"The versions of the secret {secret} cannot be listed. Run this again.")
    return bool(found)


def _add(project: str, secret: str, value: str) -> None:
    run(
        ["gcloud", "secrets", "versions", "add", secret, "--data-file=-", f"--project={project}"], given=value
    )
