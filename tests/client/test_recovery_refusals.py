"""A backup that is not the right one, or does not fit the chain: nothing of it is taken."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import Locked, SealpostError, Unsafe
from sealpost.protocol import acts, encoding, key_backup
from sealpost.protocol.key_backup import Cost
from sealpost.protocol.statements import Backup
from tests.client.devices import own_chain, publish
from tests.client.fakes import World
from tests.client.histories import backups, opened, renew, turned_on
from tests.client.stored import stored

EMAIL = "ada@example.org"


@pytest.fixture
def code(world: World, ada: Account, bob: Account) -> str:
    """Ada has a history with a message from Bob in it."""
    code = turned_on(ada)
    bob.send(EMAIL, "one")
    world.wall.ahead += 2
    return code


def wrong_code(_world: World, _account: Account, _code: str) -> str:
    return "0000-0000-0000-0000-0000-0000"


def truncated(world: World, account: Account, code: str) -> str:
    backups(world, account)[1] = backups(world, account)[1][:-10]
    return code


def older(world: World, account: Account, code: str) -> str:
    first = backups(world, account)[1]
    renew(account, code)
    backups(world, account)[2] = first
    return code


def swapped(world: World, account: Account, code: str) -> str:
    """Another one of the same number, code and keys."""
    content = opened(world, account, code)
    backups(world, account)[1] = key_backup.seal(
        content, code=key_backup.read_code(code), n=1, cost=Cost(8, 1, 1)
    )
    return code


def gone(world: World, account: Account, code: str) -> str:
    del backups(world, account)[1]
    return code


def no_text(world: World, _account: Account, code: str) -> str:
    world.service.before["get_key_backup"] = lambda _body: httpx.Response(200, json={"n": 1})
    return code


def announced(world: World, account: Account, text: str, n: int = 2) -> None:
    """A device of the account that is out of its mind announces any text."""
    backups(world, account)[n] = text
    history = own_chain(account).history
    assert history is not None
    backup = Backup(n, key_backup.digest(text))
    key = account._device.key
    publish(world, account, acts.set_history_key(own_chain(account), history.key, backup, key, 0))


def altered(**header: Any) -> Callable[[World, Account, str], str]:
    def alter(world: World, account: Account, code: str) -> str:
        jwe = json.loads(backups(world, account)[1])
        protected = json.loads(encoding.b64decode(jwe["protected"])) | {"n": 2} | header
        jwe["protected"] = encoding.b64encode(encoding.compact_json(protected).encode())
        announced(world, account, encoding.compact_json(jwe))
        return code

    return alter


def longer_chain_inside(world: World, account: Account, code: str) -> str:
    return _resealed(world, account, code, seq=7)


def other_chain_inside(world: World, account: Account, code: str) -> str:
    return _resealed(world, account, code, hash="A" * 43)


def other_root_inside(world: World, account: Account, code: str) -> str:
    return _resealed(world, account, code, root="A" * 43)


def _resealed(world: World, account: Account, code: str, **head: Any) -> str:
    content = opened(world, account, code)
    content = replace(content, head=replace(content.head, **head))
    announced(
        world, account, key_backup.seal(content, code=key_backup.read_code(code), n=2, cost=Cost(8, 1, 1))
    )
    return code


@pytest.mark.parametrize(
    ("spoil", "kind", "reason"),
    [
        (wrong_code, Locked, "backup-unreadable"),
        (truncated, Unsafe, "backup-stale"),
        (older, Unsafe, "backup-stale"),
        (swapped, Unsafe, "backup-stale"),
        (gone, Unsafe, "backup-stale"),
        (no_text, SealpostError, "bad-answer"),
        (altered(m=262145), Unsafe, "malformed"),
        (altered(m=2**40), Unsafe, "malformed"),
        (altered(t=11), Unsafe, "malformed"),
        (altered(p=5), Unsafe, "malformed"),
        (altered(m=8, p=2), Unsafe, "malformed"),
        (altered(kdf="none"), Unsafe, "malformed"),
        (altered(iss="uid1"), Unsafe, "malformed"),
        (altered(n=3), Unsafe, "backup-stale"),
        (altered(), Locked, "backup-unreadable"),
        (longer_chain_inside, Unsafe, "chain-rollback"),
        (other_chain_inside, Unsafe, "chain-fork"),
        (other_root_inside, Unsafe, "chain-fork"),
    ],
)
@pytest.mark.parametrize("all_lost", [False, True])
def test_nothing_is_taken(  # noqa: PLR0917 - a table
    world: World,
    ada: Account,
    code: str,
    spoil: Callable[[World, Account, str], str],
    kind: type[SealpostError],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    all_lost: bool,
) -> None:
    typed = spoil(world, ada, code)
    if reason == "malformed":
        monkeypatch.setattr(key_backup, "_derive", lambda *_: pytest.fail("a key was derived"))
    account = ada
    if all_lost:
        ada.close()
        account = world.person("ada-2")
        account.devices.reset()
    account.history_key.status()
    account.inbox()
    before = stored(account)

    with pytest.raises(kind) as raised:
        account.recovery.recover(lambda: typed)

    assert raised.value.code == reason
    assert raised.value.cure
    assert stored(account) == before
    if all_lost:
        account.close()
