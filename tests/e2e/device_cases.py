"""What a service may try with a person's devices, resets and backups, and the code by which a client names it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

import httpx

from sealpost.errors import SealpostError
from sealpost.protocol import acts, encoding, encryption_keys, key_backup, linking
from sealpost.protocol import chain as chains
from sealpost.protocol.chain import Chain
from sealpost.protocol.jwk import PrivateKey
from tests.e2e.household import LINKED, WITH_HISTORY, House, read
from tests.e2e.tampering import Forward, Json, Lie, problem, rewriting
from tests.e2e.victims import ACQUAINTED, NEW, NOW, Client

_TOO_OLD = 1600
"""Seconds since a request to link was made. A pop is believed for 1500."""


class After(Enum):
    """What the case leaves behind."""

    AS_BEFORE = auto()
    """The device knows and keeps what it did."""
    GOES_ON = auto()
    """What honest people write is read, and they are written to."""
    STOPPED = auto()
    """Nothing is sent, for the same reason, also when the lie has ended."""


@dataclass(frozen=True, slots=True)
class DeviceCase:
    """`meets` tampers and lets a device meet it, and gives what its person is told."""

    code: str
    device: str
    meets: Callable[[House, Client], list[str]]
    after: After | None
    """None where `meets` has looked itself."""
    knowing: str = NOW


def told(act: Callable[[], object]) -> list[str]:
    """The code of an error, which says what to do."""
    try:
        act()
    except SealpostError as error:
        return [error.code if error.cure else f"{error.code}, and not what to do"]
    return []


def about_alice(house: House, change: Callable[[Json], object]) -> Lie:
    """Another answer of find_keys about her."""

    def lie(answer: Json) -> None:
        for account in answer["accounts"]:
            if account is not None and account["uid"] == house.uid:
                change(account)

    return rewriting(lie)


def ending_at(house: House, chain: Chain) -> Lie:
    """Alice's chain as it was, or as it is not."""

    def lie(asked: Json, forward: Forward) -> httpx.Response:
        known = [account["known_seq"] for account in asked["accounts"]]

        def change(answer: Json) -> None:
            for account, seq in zip(answer["accounts"], known, strict=True):
                if account is not None and account["uid"] == house.uid:
                    active = {device.id for device in chain.active_devices}
                    account["head"] = chain.head.to_json()
                    account["statements"] = list(chain.statements[seq + 1 :])
                    account["encryption_keys"] = [
                        made for made in account["encryption_keys"] if _device(made) in active
                    ]

        return rewriting(change)(asked, forward)

    return lie


def _device(key_statement: str) -> str:
    return str(encoding.loads(encoding.b64decode(key_statement.split(".")[1]))["device"])


def forked(house: House, after: int) -> Chain:
    """Another chain of Alice's, by the phone before it was removed: it adds a device of Mallory's."""
    begun = house.chain_until(after)
    mallory, phone = house.mallory.signing, house.phone.signing
    added = acts.add_device(begun, mallory.public, house.pop(mallory, begun), phone, begun.times[-1])
    return chains.extend(begun, [added])


def _reset_by(house: House, key: PrivateKey) -> Chain:
    return chains.extend(house.chain, [acts.reset(house.chain, key, int(time.time()))])


def hidden_from(device: str, hidden_seq: int) -> DeviceCase:
    """All that Alice's chain says since her devices were linked, until a message names a later head."""

    def meets(house: House, client: Client) -> list[str]:
        house.owner.store(house.written(heads={house.uid: house.head_at(hidden_seq)}))
        with house.proxy.lying(find_keys=ending_at(house, house.chain_until(LINKED))):
            return read(client)

    return DeviceCase("chain-hidden", device, meets, After.GOES_ON, ACQUAINTED)


def shown(code: str, device: str, change: Callable[[House, Json], object], after: After) -> DeviceCase:
    """A change of what find_keys answers about Alice, when a message is sent: by Bob to her, by her to Bob."""

    def meets(house: House, client: Client) -> list[str]:
        with house.proxy.lying(find_keys=about_alice(house, lambda account: change(house, account))):
            return house.written_to(client)

    return DeviceCase(code, device, meets, after)


def _old_head(house: House, bob: Client) -> list[str]:
    with house.proxy.lying(find_keys=ending_at(house, house.chain_until(LINKED))):
        return house.written_to(bob)


def _inserted(house: House, account: Json) -> None:
    """By Mallory, in the laptop's name."""
    key = house.mallory.signing
    added = {"device": key.public.to_json(), "pop": house.pop(key, house.chain)}
    made = house.laptop.next_statement(key, kid=house.laptop.signing.kid, act="add-device", **added)
    account["statements"].append(made)


def _inserted_by_removed(house: House, account: Json) -> None:
    key = house.mallory.signing
    pop = house.pop(key, house.chain)
    account["statements"].append(
        acts.add_device(house.chain, key.public, pop, house.phone.signing, int(time.time()))
    )


def _removed_devices_key(house: House, account: Json) -> None:
    account["encryption_keys"].append(house.phone.key_statement(house.phone.encryption.public))


def _after_removal(house: House, bob: Client) -> list[str]:
    """The phone writes on, as if nothing had happened."""
    late = datetime.fromtimestamp(time.time() + 5, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    letter = house.written(signer=house.phone.signing, heads={house.uid: house.head_at(LINKED)})
    house.owner.store(letter.dated(sent_at=late))
    return read(bob)


def _two_chains(house: House, bob: Client) -> list[str]:
    """Bob is shown one, and the laptop's message names the other."""
    with house.proxy.lying(find_keys=ending_at(house, forked(house, after=LINKED))):
        bob.account.safety_number(house.address)
        house.owner.store(house.written(heads={house.uid: house.head_at(LINKED + 1)}))
        return read(bob)


def _two_chains_of_mine(house: House, laptop: Client) -> list[str]:
    """Bob was shown another one, and his message names it."""
    head = forked(house, after=LINKED).head
    letter = house.written(
        signer=house.bob.signing, uid=house.bob.uid, n=1, heads={house.uid: [head.seq, head.hash]}
    )
    house.owner.store(letter)
    return read(laptop)


def _two_chains_by_pins(house: House, desk: Client) -> list[str]:
    with house.proxy.lying(find_keys=ending_at(house, forked(house, after=LINKED - 1))):
        desk.account.safety_number(house.address)
    house.owner.store(house.pins)
    assert read(desk) == []
    frozen = desk.pinned(house.uid).frozen
    return [] if frozen is None else [frozen[0]]


def _reset_withheld(house: House, glasses: Client) -> list[str]:
    """The service says that it is done, and shows the chain without it."""
    account = {"uid": house.uid, "head": house.chain.head.to_json(), "encryption_keys": []}
    chain = {"statements": list(house.laptop.statements)}
    shows = httpx.Response(200, json={"accounts": [account | chain], "conversations": []})
    done = httpx.Response(200, json={"head": account["head"], "device": {"id": "", "state": "active"}})
    with house.proxy.lying(publish_key=lambda *_: done, find_keys=lambda *_: shows):
        refused = told(glasses.account.devices.reset)
    assert glasses.account._contacts.own() is None
    return refused


def _reset_hidden(house: House, bob: Client) -> list[str]:
    """Alice has begun anew with the watch and writes; Bob is shown her chain of before."""
    reset = _reset_by(house, house.watch).head
    house.owner.store(house.written(signer=house.watch, heads={house.uid: [reset.seq, reset.hash]}))
    return read(bob)


def _another_root(house: House, account: Json) -> None:
    account["head"]["root"] = _reset_by(house, house.watch).head.root


def _next_root(house: House, account: Json) -> None:
    account["head"] = _reset_by(house, house.watch).head.to_json()


def _invented_reset_of_verified(house: House, bob: Client) -> list[str]:
    bob.account.mark_verified(house.address)
    reset = _reset_by(house, house.mallory.signing)
    with house.proxy.lying(find_keys=ending_at(house, reset)):
        first = house.written_to(bob)
        assert first == house.written_to(bob)
    return first


def _invented_reset_of_mine(house: House, laptop: Client) -> list[str]:
    with house.proxy.lying(find_keys=ending_at(house, _reset_by(house, house.mallory.signing))):
        met = house.written_to(laptop)
    assert read(laptop) == []
    assert laptop.alarms == met
    return met


def _removal_not_made(house: House, laptop: Client) -> list[str]:
    """The service says that it is done, and shows the chain without it."""
    done = httpx.Response(200, json={"head": None, "device": {"id": "", "state": "active"}})
    with house.proxy.lying(publish_key=lambda *_: done):
        laptop.account.devices.revoke(house.tablet.signing.kid)
    return house.written_to(laptop)


def backup(code: str, lie: Callable[[House], Lie]) -> DeviceCase:
    """Another answer of get_key_backup."""

    def meets(house: House, laptop: Client) -> list[str]:
        with house.proxy.lying(get_key_backup=lie(house)):
            return told(lambda: laptop.account.recovery.recover(lambda: house.recovery_code))

    return DeviceCase(code, "laptop", meets, After.AS_BEFORE)


def _served(text: str) -> Lie:
    return lambda asked, _forward: httpx.Response(200, json={"n": asked["n"], "backup": text})


def _swapped(house: House) -> Lie:
    """Of the same number, code and keys."""
    code, text = key_backup.read_code(house.recovery_code), house.backups[1]
    announced = house.chain_until(WITH_HISTORY).backup
    assert announced is not None
    content = key_backup.open_backup(text, code=code, uid=house.uid, announced=announced)
    return _served(key_backup.seal(content, code=code, n=2, cost=key_backup.Cost(8, 1, 1)))


def coded(code: str, typed: str) -> DeviceCase:
    """No lie: a recovery code that is none of this account's."""

    def meets(_house: House, laptop: Client) -> list[str]:
        return told(lambda: laptop.account.recovery.recover(lambda: typed))

    return DeviceCase(code, "laptop", meets, After.AS_BEFORE)


def _forged_grant(house: House, watch: Client) -> list[str]:
    """A chain of the service's own making, in which the watch is a device."""
    now = int(time.time())
    begun = chains.verify(
        house.uid, [chains.first_statement(uid=house.uid, key=house.mallory.signing, now=now)]
    )
    pop = house.pop(house.watch, begun)
    made = chains.extend(begun, [acts.add_device(begun, house.watch.public, pop, house.mallory.signing, now)])
    return _granted(house, watch, made)


def _grant_in_the_true_chain(house: House, watch: Client) -> list[str]:
    """By the phone, which the service has got hold of: it has no secret."""
    begun = house.chain_until(LINKED)
    pop, key = house.pop(house.watch, begun), house.phone.signing
    made = acts.add_device(begun, house.watch.public, pop, key, begun.times[-1])
    return _granted(house, watch, chains.extend(begun, [made]))


def _granted(house: House, watch: Client, chain: Chain) -> list[str]:
    def granted(_asked: Json, _forward: Forward) -> httpx.Response:
        mac = linking.grant_mac(linking.new_secret(), chain.head)
        answer = {"state": "granted", "mac": mac, "head": chain.head.to_json()}
        return httpx.Response(200, json=answer | {"statements": list(chain.statements)})

    with house.proxy.lying(get_link_grant=granted):
        return told(lambda: watch.account.devices.link(lambda _request: None))


def requested(code: str, make: Callable[[House, str], tuple[str, str, str]]) -> DeviceCase:
    """Another answer of get_link_request, as (pop, enc, mac), when the secret that a device shows is typed."""

    def meets(house: House, laptop: Client) -> list[str]:
        secret = linking.new_secret()
        pop, enc, mac = make(house, secret)
        request = {"pop": pop, "encryption_key": enc, "mac": mac, "expires_at": int(time.time()) + 600}
        answer = httpx.Response(200, json={"request": request})
        with house.proxy.lying(get_link_request=lambda *_: answer):
            return told(lambda: laptop.account.devices.approve(secret))

    return DeviceCase(code, "laptop", meets, After.GOES_ON)


def _request(house: House, key: PrivateKey, secret: str, *, ago: int = 0) -> tuple[str, str, str]:
    now = int(time.time()) - ago
    enc = encryption_keys.key_statement(
        uid=house.uid,
        signing_key=key,
        encryption_key=house.mallory.encryption.public,
        n=1,
        now=now,
    )
    pop = house.pop(key, house.chain, now=now, enc=enc)
    return pop, enc, linking.request_mac(secret, pop, enc)


def _request_with_a_true_mac(house: House, secret: str) -> tuple[str, str, str]:
    _, _, mac = _request(house, house.watch, secret)
    pop, enc, _ = _request(house, house.mallory.signing, linking.new_secret())
    return pop, enc, mac


def _secret_misread(_house: House, laptop: Client) -> list[str]:
    return told(lambda: laptop.account.devices.approve("0000-0000-0000-000U"))


DEVICE_CASES: dict[str, DeviceCase] = {
    # A chain that is shown in part, or as it was
    "a removal hidden from a peer": hidden_from("bob", WITH_HISTORY + 1),
    "a removal hidden from one's own device": hidden_from("tablet", WITH_HISTORY + 1),
    "a history key hidden from a peer": hidden_from("bob", LINKED + 1),
    "an old head": DeviceCase("chain-rollback", "bob", _old_head, After.STOPPED),
    "a removal that is not made": DeviceCase("chain-rollback", "laptop", _removal_not_made, After.STOPPED),
    "a removed device's key": shown("unknown-device", "bob", _removed_devices_key, After.GOES_ON),
    "a removed device's message": DeviceCase("revoked-device", "bob", _after_removal, After.GOES_ON),
    # A device that is slipped in
    "a device that nobody added": shown("bad-signature", "bob", _inserted, After.STOPPED),
    "a device that a removed one adds": shown("unknown-device", "bob", _inserted_by_removed, After.STOPPED),
    "a device in one's own chain": shown("bad-signature", "laptop", _inserted, After.STOPPED),
    # Several chains
    "one chain for a peer, another one for its owner": DeviceCase(
        "chain-fork", "bob", _two_chains, After.STOPPED, ACQUAINTED
    ),
    "another chain of one's own for a peer": DeviceCase(
        "chain-fork", "laptop", _two_chains_of_mine, After.GOES_ON
    ),
    "two chains of a peer for two devices": DeviceCase(
        "chain-fork", "desk", _two_chains_by_pins, After.STOPPED, NEW
    ),
    # Resets
    "a reset that is not made": DeviceCase("chain-hidden", "glasses", _reset_withheld, None),
    "a reset hidden from a peer": DeviceCase("chain-hidden", "bob", _reset_hidden, After.GOES_ON),
    "a root that no statement leads to": shown("key-change", "bob", _another_root, After.STOPPED),
    "a reset stated and not shown": shown("chain-hidden", "bob", _next_root, After.GOES_ON),
    "a reset invented of somebody verified": DeviceCase(
        "key-change", "bob", _invented_reset_of_verified, None
    ),
    "a reset invented of one's own account": DeviceCase(
        "key-change", "laptop", _invented_reset_of_mine, After.STOPPED
    ),
    # Linking
    "a grant in a chain of the service's": DeviceCase("link-forged", "watch", _forged_grant, After.AS_BEFORE),
    "a grant by whoever has no secret": DeviceCase(
        "link-forged", "watch", _grant_in_the_true_chain, After.AS_BEFORE
    ),
    "another's request": requested(
        "wrong-secret", lambda house, _: _request(house, house.mallory.signing, linking.new_secret())
    ),
    "another's request with a true MAC": requested("wrong-secret", _request_with_a_true_mac),
    "an old request": requested(
        "link-expired", lambda house, secret: _request(house, house.watch, secret, ago=_TOO_OLD)
    ),
    "a removed device's request": requested(
        "malformed", lambda house, secret: _request(house, house.phone.signing, secret)
    ),
    "a secret misread": DeviceCase("mistyped", "laptop", _secret_misread, After.AS_BEFORE),
    # Backups
    "an older backup": backup("backup-stale", lambda house: _served(house.backups[0])),
    "a truncated backup": backup("backup-stale", lambda house: _served(house.backups[1][:-20])),
    "a swapped backup": backup("backup-stale", _swapped),
    "no backup": backup("backup-stale", lambda _: lambda *_: problem(404, "not-found")),
    "a recovery code of another account": coded("backup-unreadable", "0123-4567-89AB-CDEF-GHJK-MNPQ"),
    "a recovery code cut short": coded("mistyped", "0123-4567-89AB"),
}
