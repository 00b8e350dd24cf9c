"""The last step of a restore: what has happened since the backup and is known, and what clients have to make good."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.storage.postgres.erasing import EMPTY_CONVERSATIONS
from common.storage.postgres.load import Target

_ID = 43
"""Letters of a device's id, a thumbprint (RFC 7638)."""

_ERASE = "delete from accounts where uid = any(cast(:uids as text[])) returning uid"
_REVOKE = """
update sessions set revoked_at = to_timestamp(cast(:now as float8))
where id = any(cast(:ids as text[])) and revoked_at is null returning id"""
_REMOVE = """
insert into removed_devices (device) select unnest(cast(:devices as text[])) on conflict (device) do nothing"""
# What an older time asked for was answered since, or asked for again: a reset that was vetoed would be due at once.
_WISHES = "delete from reset_requests; delete from link_requests"
_GROW = """
update restores set restored_at = to_timestamp(cast(:now as float8))
where backup = cast(:backup as text) and restored_at < to_timestamp(cast(:now as float8)) returning true"""
_IS_NOTED = "select exists (select from restores where backup = cast(:backup as text))"
_NOTE = """
insert into restores (backup, point, restored_at) values (
    cast(:backup as text), to_timestamp(cast(:point as float8)), to_timestamp(cast(:now as float8)))"""
_DEVICES = "update devices set restored = true where state = 'active'"
_SESSIONS = "update sessions set restored = true where revoked_at is null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The list that is kept outside the backups: what must not come back."""

    sessions: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> "Ended":
        """From the list's names: sessions/ID, devices/ID and accounts/UID, or below them. Other names are none of ours."""
        pairs = [name.split("/")[:2] for name in names if "/" in name]
        return cls(
            sessions=frozenset(rest for kind, rest in pairs if kind == "sessions"),
            devices=frozenset(rest for kind, rest in pairs if kind == "devices" and len(rest) == _ID),
            accounts=frozenset(rest for kind, rest in pairs if kind == "accounts"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    accounts: int
    """Erased again."""
    sessions: int
    """Revoked again."""


def reopen(target: Target, ended: Ended, *, backup: str, point: float, now: float | None = None) -> Reopened:
    """Erase and revoke again what had been, and note the restore and the removed devices, all in one transaction.

    Conversations that nobody is in any more go with whom they had.

    Run again before people are let in, it does so with a list that has grown, and the time that may be lost ends later.

    Args:
        target: a loaded database.
        ended: the list, as it stands now.
        backup: the name of the backup.
        point: everything acknowledged before is in it, in seconds since the epoch.
        now: when this is, in seconds since the epoch.
    """
    moment = time.time() if now is None else now
    connection = target.open()
    try:
        connection.simple("begin")
        erased = connection.run(_ERASE, uids=sorted(ended.accounts))
        connection.simple(EMPTY_CONVERSATIONS)
        revoked = connection.run(_REVOKE, ids=sorted(ended.sessions), now=moment)
        connection.run(_REMOVE, devices=sorted(ended.devices))
        if connection.run(_IS_NOTED, backup=backup)[0][0]:
            connection.run(_GROW, backup=backup, now=moment)
        else:
            connection.run(_NOTE, backup=backup, point=point, now=max(moment, point))
            connection.simple(f"{_DEVICES}; {_SESSIONS}; {_WISHES}")
        connection.simple("commit")
    finally:
        connection.close()
    return Reopened(accounts=len(erased), sessions=len(revoked))


def members(target: Target) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Each conversation's kind and members, by its id."""
    connection = target.open()
    try:
        found = connection.simple(
            "select cid, kind, coalesce(string_agg(uid, ' ' order by uid), '')"
            " from conversations left join members using (cid) group by cid, kind"
        )
    finally:
        connection.close()
    return {cid: (kind, tuple(uids.split())) for cid, kind, uids in found}


def accounts(target: Target) -> frozenset[str]:
    connection = target.open()
    try:
        return frozenset(uid for (uid,) in connection.simple("select uid from accounts"))
    finally:
        connection.close()
