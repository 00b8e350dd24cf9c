"""Everything that a profile keeps, opened: to be the same before and after."""

from sealpost.account import Account
from sealpost.state import Json, Kind, StoredMessage


def stored(account: Account) -> tuple[dict[str, list[Json]], list[StoredMessage]]:
    """All but the session, which each call may renew."""
    kinds = {kind.value: account._state.all(kind) for kind in Kind if kind is not Kind.SESSION}
    return kinds, account._state.messages()
