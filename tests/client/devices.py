"""A person's further devices, and what else happens to a key chain."""

import pytest

from sealpost.account import Account
from sealpost.device import signing_key
from sealpost.errors import SealpostError
from sealpost.joining import Request
from sealpost.protocol import acts, chain, encryption_keys, linking
from sealpost.protocol.chain import Chain
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.protocol.statements import Backup
from sealpost.session import open_session
from sealpost.state import Kind
from tests.client.fakes import PASSPHRASE, URL, World, claims


def addition(account: Account, device: PrivateKey, *, by: PrivateKey | None = None) -> str:
    """A device joins an account, added by its own one or by another."""
    own = own_chain(account)
    now = own.times[-1]
    pop = linking.possession(
        uid=own.uid,
        service_url=URL,
        root=own.head.root,
        key=device,
        encryption_statement="an encryption key statement",
        now=now,
    )
    return acts.add_device(own, device.public, pop, by or account._device.key, now)


def joined(world: World, account: Account) -> Account:
    """A second device of an account, as linking leaves it. Its profile is NAME-2."""
    profile = f"{account.address.split('@')[0]}-2"
    new = Account.sign_up(
        account.address,
        service=URL,
        folder=world.folder(profile),
        new_passphrase=lambda: PASSPHRASE,
        passphrase=lambda: PASSPHRASE,
        surroundings=world.around(profile),
    )
    key = signing_key(new._state)
    opened = open_session(service=new.service, email=new.address, code="code", key=key)
    new._profile = new._profile | {"uid": opened.uid}
    new._state.put(Kind.PROFILE, new._profile)
    new._session.begin(opened.tokens)
    publish(world, account, addition(account, key))
    account._contacts.find(uids=[account._uid])
    new._contacts.begin_own(own_chain(account).statements)
    new._device.publish()
    return new


def removal(account: Account, device_id: str) -> str:
    return acts.revoke_device(own_chain(account), device_id, account._device.key, _now(account))


def history_on(account: Account, n: int = 1, key: PrivateKey | None = None) -> str:
    announced = (key or PrivateKey.generate(Use.ENCRYPTION)).public
    own = own_chain(account)
    return acts.set_history_key(own, announced, Backup(n, "A" * 43), account._device.key, _now(account))


def history_off(account: Account) -> str:
    return acts.set_history_key(own_chain(account), None, None, account._device.key, _now(account))


def publish(world: World, account: Account, statement: str) -> None:
    """The service shows one more statement of an account; the account's own device has not looked yet."""
    stored = world.service.accounts[account.address]
    stored["statements"].append(statement)
    stored["other_keys"].pop(
        claims(statement)["device"] if claims(statement)["act"] == "revoke-device" else "", None
    )


def reset(world: World, account: Account) -> PrivateKey:
    """A new device of the account resets it: the service shows its statement and its encryption key alone."""
    stored, key = world.service.accounts[account.address], PrivateKey.generate(Use.SIGNING)
    grown = chain.verify(account._uid, stored["statements"])
    stored["statements"].append(acts.reset(grown, key, grown.times[-1]))
    stored["key"] = encryption_keys.key_statement(
        uid=account._uid,
        signing_key=key,
        encryption_key=PrivateKey.generate(Use.ENCRYPTION).public,
        n=1,
        now=int(world.wall.time()),
    )
    stored["other_keys"] = {}
    return key


def own_chain(account: Account) -> Chain:
    own = account._contacts.own()
    if own is None:
        raise SealpostError("no chain is pinned", code="test")
    return own.chain


def nobody(_request: Request) -> None:
    pytest.fail("no secret is to be shown")


def state_of(account: Account) -> str:
    device = account.whoami().device
    assert device is not None
    return device.state


def interrupted(world: World, new: Account) -> Request:
    """The new device shows its secret, and its process ends."""
    shown: list[Request] = []

    def kill() -> None:
        raise KeyboardInterrupt

    world.wall.meanwhile = kill
    with pytest.raises(KeyboardInterrupt):
        new.devices.link(shown.append)
    world.wall.meanwhile = lambda: None
    return shown[0]


def _now(account: Account) -> int:
    return int(claims(own_chain(account).statements[-1])["iat"])
