"""Which users of the server have which of our roles. The roles are made by the migrations, the users by a deployment."""

import json
from collections.abc import Mapping

from common.settings import SettingsError
from common.storage.postgres.connection import Connection

Grants = Mapping[str, frozenset[str]]
"""Roles by user."""

_PREFIX = "sealpost_"
_HELD = """
select member.rolname::text, held.rolname::text
from pg_auth_members
join pg_roles member on member.oid = pg_auth_members.member
join pg_roles held on held.oid = pg_auth_members.roleid
where starts_with(held.rolname::text, 'sealpost_') and member.rolcanlogin"""


def read_grants(text: str | None) -> Grants | None:
    """POSTGRES_GRANTS: a JSON object of users and the list of each one's roles. None where it is not set.

    Raises:
        SettingsError: it is no such object, or names a role that is not ours.
    """
    if not text:
        return None
    try:
        grants = {user: frozenset(roles) for user, roles in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError):
        raise SettingsError('POSTGRES_GRANTS must be JSON like {"user": ["sealpost_backup"]}.') from None
    for roles in grants.values():
        if not all(isinstance(role, str) and role.startswith(_PREFIX) for role in roles):
            raise SettingsError(
                f"POSTGRES_GRANTS grants roles whose names begin with {_PREFIX}, and no others."
            )
    return grants


def apply_grants(connection: Connection, grants: Grants) -> None:
    """Grant what is missing, and revoke what a user that is not named any more still has."""
    wanted = {(user, role) for user, roles in grants.items() for role in roles}
    owner = connection.simple("select current_user::text")[0][0]
    held = {(user, role) for user, role in connection.simple(_HELD) if user != owner}
    for user, role in sorted(wanted - held):
        connection.simple(f"grant {quoted(role)} to {quoted(user)}")
    for user, role in sorted(held - wanted):
        connection.simple(f"revoke {quoted(role)} from {quoted(user)}")


def quoted(name: str) -> str:
    """An identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
