"""Random messages of a restore, held against its relations."""

import secrets
import string
from collections.abc import Collection, Mapping
from typing import Any

from common.backups.model import BackupRefused
from common.errors import InvalidRequest
from common.messages.envelope import read_kids
from common.storage.firestore.restored import Documents

PLACES, AT_EACH = 5, 10
"""Random places among all messages, and how many are looked at from there."""

_LETTERS = string.ascii_letters + string.digits + "_-"


def check(
    documents: Documents, members: Mapping[str, tuple[str, tuple[str, ...]]], accounts: Collection[str]
) -> int:
    """Look at random messages. The number of those that were looked at.

    Raises:
        BackupRefused: one is of a conversation or to a member whom the relations do not know, or has no envelope.
    """
    seen = {documents.path(found): found.fields for _ in range(PLACES) for found in _somewhere(documents)}
    for path, fields in seen.items():
        _check(path.split("/")[1], fields, members, accounts)
    return len(seen)


def _somewhere(documents: Documents) -> list[Any]:
    start = "".join(secrets.choice(_LETTERS) for _ in range(43))
    found = documents.page("messages", f"conversations/{start}/messages/0", AT_EACH)
    return found or documents.page("messages", None, AT_EACH)


def _check(
    cid: str, fields: Any, members: Mapping[str, tuple[str, tuple[str, ...]]], accounts: Collection[str]
) -> None:
    if cid not in members:
        raise BackupRefused("A message is of a conversation that the relations do not have.")
    people = {value.string_value for value in fields["members"].array_value.values} & set(accounts)
    if not people <= set(members[cid][1]):
        raise BackupRefused("A message has a member who is none of its conversation.")
    try:
        read_kids(fields["envelope"].string_value)
    except InvalidRequest:
        raise BackupRefused("A message has an envelope that is none.") from None
    if not fields["sent_at"].timestamp_value.seconds:
        raise BackupRefused("A message does not say when it was sent.")
