"""A person's history, and what its backups hold."""

from sealpost.account import Account
from sealpost.protocol import key_backup
from sealpost.protocol.key_backup import Content
from tests.client.devices import own_chain
from tests.client.fakes import World


def no_code() -> str:
    raise AssertionError("nobody is asked for a code")


def turned_on(account: Account) -> str:
    """The recovery code of a history that is turned on for the first time."""
    shown: list[str] = []
    account.history_key.turn_on(code=no_code, show=shown.append)
    (code,) = shown
    return code


def renew(account: Account, code: str) -> int:
    status, _ = account.history_key.turn_on(code=lambda: code, show=lambda _code: None)
    assert status.is_on
    return status.backup or 0


def backups(world: World, account: Account) -> dict[int, str]:
    """The texts that the service keeps, by number."""
    kept: dict[int, str] = world.service.accounts[account.address]["backups"]
    return kept


def opened(world: World, account: Account, code: str) -> Content:
    """What the backup that the account announced last holds."""
    announced = own_chain(account).backup
    assert announced is not None
    return key_backup.open_backup(
        backups(world, account)[announced.n],
        code=key_backup.read_code(code),
        uid=account._uid,
        announced=announced,
    )
