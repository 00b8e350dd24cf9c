from typing import Any

import pytest

from common.errors import InvalidRequest
from common.identity import Caller
from common.jose import RsaKey
from common.keys.chain import require_fresh
from common.keys.encryption_keys import read_encryption_key, stored_encryption_key
from common.keys.model import (
    AddedDevice,
    Backup,
    EncryptionKey,
    FirstDevice,
    HistoryKey,
    Pop,
    Removal,
    Reset,
    Statement,
)
from common.keys.statements import issued_at, read_chain_statement
from tests.refusals import cases
from tests.signing import digest, encryption_key, first_device, key, next_statement, possession

NOW = 1_800_000_000
PHONE, LAPTOP = key("alice_signing"), key("bob_signing")
WRAPPING, ANOTHER = key("alice_encryption"), key("bob_encryption")
CALLER = Caller(uid="alice1", session="s" * 22, device=PHONE.kid)
SIGNING_KEY = RsaKey(n=PHONE.n, alg="PS256", use="sig")
DAY = 86_400
SERVICE = "https://api.sealpost.example"
HEAD = (0, digest("the first statement"))
BACKUP: dict[str, Any] = {"n": 3, "hash": digest("a backup")}


def first(**changed: Any) -> str:
    return first_device(PHONE, "alice1", NOW, **changed)


def later(act: str, **carried: Any) -> str:
    return next_statement(PHONE, "alice1", HEAD, act, NOW, **carried)


def pop(**changed: Any) -> str:
    return possession(LAPTOP, "alice1", HEAD[1], "enc", NOW, audience=SERVICE, **changed)


def encryption(**changed: Any) -> str:
    n = changed.pop("n", 1)
    return encryption_key(PHONE, WRAPPING, "alice1", NOW, n=n, **changed)


def read_first(compact: str) -> Statement:
    return read_chain_statement(compact, CALLER.uid, SIGNING_KEY)


def read_key(compact: str, now: float = NOW) -> EncryptionKey:
    key = read_encryption_key(compact, CALLER, SIGNING_KEY)
    require_fresh(key, now)
    return key


REFUSED_STATEMENTS = {
    "The statement must have v 1 and an object ext.": {
        "v is 2": first(v=2),
        "ext is null": first(ext=None),
        "ext is a list": first(ext=[]),
    },
    "v must be a whole number from 0 to 2^53-1.": {
        "v is true": first(v=True),
        "v is 1.0": first(v=1.0),
    },
    "The statement must be of the account and signed by a device of it.": {
        "another account": first(iss="bob1"),
        "signed by another": next_statement(LAPTOP, "alice1", HEAD, "revoke-device", NOW, device=PHONE.kid),
    },
    "The statement must be of the device that signs it.": {
        "another device": first(device=LAPTOP.jwk()),
        "a reset to another device": later("reset", device=LAPTOP.jwk()),
    },
    "The statement's act must be one of add-device, revoke-device, set-history-key, reset.": {
        "recover": first(act="recover"),
        "act is null": first(act=None),
        "act is a list": first(act=["reset"]),
    },
    "A chain begins with add-device.": {
        "revoke-device at seq 0": later("revoke-device", device=PHONE.kid, seq=0, prev=None),
        "set-history-key at seq 0": later("set-history-key", key=None, backup=None, seq=0, prev=None),
        "reset at seq 0": later("reset", device=PHONE.jwk(), seq=0, prev=None),
    },
    "prev must match [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048].": {
        "seq 1 without prev": later("revoke-device", device=PHONE.kid, prev=None),
        "prev is cut short": later("revoke-device", device=PHONE.kid, prev=HEAD[1][1:]),
        "prev is a number": later("revoke-device", device=PHONE.kid, prev=1),
    },
    "The statement must be an object with exactly the members act, device, ext, iat, iss, prev, seq, v.": {
        "a removal with a pop": later("revoke-device", device=PHONE.kid, pop=None),
        "a removal of nothing": later("revoke-device"),
        "a reset with a pop": later("reset", device=PHONE.jwk(), pop=None),
    },
    "The statement must be an object with exactly the members act, backup, ext, iat, iss, key, prev, seq, v.": {
        "a history key with a device": later("set-history-key", key=None, backup=None, device=PHONE.kid),
        "a history key that does not speak of its backup": later("set-history-key", key=None),
    },
    "The statement's device must match [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048].": {
        "removal of a JWK": later("revoke-device", device=LAPTOP.jwk()),
        "removal of null": later("revoke-device", device=None),
    },
    "Without a key, backup is null.": {
        "a backup of no key": later("set-history-key", key=None, backup=BACKUP),
    },
    "The statement's backup must be an object with exactly the members hash, n.": {
        "a key without a backup": later("set-history-key", key=WRAPPING.wrapping_jwk(), backup=None),
        "a backup without n": later("set-history-key", key=WRAPPING.wrapping_jwk(), backup={"hash": HEAD[1]}),
    },
    "n must be a whole number from 1 to 2^53-1.": {
        "backup 0": later("set-history-key", key=WRAPPING.wrapping_jwk(), backup=BACKUP | {"n": 0}),
        "backup true": later("set-history-key", key=WRAPPING.wrapping_jwk(), backup=BACKUP | {"n": True}),
    },
    "The backup's hash must match [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048].": {
        "a hash that is none": later(
            "set-history-key", key=WRAPPING.wrapping_jwk(), backup=BACKUP | {"hash": "x"}
        ),
    },
    "The history key must be an RSA key with e AQAB, alg RSA-OAEP-256 and use enc.": {
        "a signing key for the history": later("set-history-key", key=LAPTOP.jwk(), backup=BACKUP),
    },
    "The history key must be an object with exactly the members alg, e, kid, kty, n, use.": {
        "a private history key": later(
            "set-history-key", key=WRAPPING.wrapping_jwk() | {"d": "AQAB"}, backup=BACKUP
        ),
    },
    "The pop must be what the new device signed in its request to be linked.": {
        "no pop": later("add-device", device=LAPTOP.jwk(), pop=None),
        "a pop that is an object": later("add-device", device=LAPTOP.jwk(), pop={}),
    },
    "The pop must be a compact JWS with a 384-byte signature, 8192 bytes at most.": {
        "a pop that is none": later("add-device", device=LAPTOP.jwk(), pop="x.y.z"),
    },
    "The pop must be of the device to add.": {
        "a pop of another device": later("add-device", device=PHONE.jwk(), pop=pop()),
    },
    "The pop must be of the caller's account and for this service.": {
        "a pop for another account": later("add-device", device=LAPTOP.jwk(), pop=pop(iss="bob1")),
        "a pop for no service": later("add-device", device=LAPTOP.jwk(), pop=pop(aud=None)),
    },
    "The pop must be made shortly before it is used: it counts for 900 seconds.": {
        "a pop 1501 s old": later("add-device", device=LAPTOP.jwk(), pop=pop(iat=NOW - 1501)),
        "a pop 601 s ahead": later("add-device", device=LAPTOP.jwk(), pop=pop(iat=NOW + 601)),
    },
    "The pop's jti must match [A-Za-z0-9_-]{22,128}.": {
        "a pop with a short jti": later("add-device", device=LAPTOP.jwk(), pop=pop(jti="x" * 21)),
    },
    "The pop's root must match [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048].": {
        "a pop without a root": later("add-device", device=LAPTOP.jwk(), pop=pop(root=None)),
    },
    "The pop's enc must match [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048].": {
        "a pop without a key": later("add-device", device=LAPTOP.jwk(), pop=pop(enc="x")),
    },
    "The pop is not signed by the device.": {
        "a pop forged by the one who adds": later("add-device", device=LAPTOP.jwk(), pop=PHONE.forge(pop())),
    },
    "seq must be a whole number from 0 to 2^53-1.": {
        "seq is false": first(seq=False),
        "seq is a string": first(seq="0"),
    },
    "At seq 0, prev and pop are null.": {
        "a prev": first(prev=digest("x")),
        "prev is empty": first(prev=""),
        "a pop": first(pop="a.b.c"),
    },
    "The statement's device must be an object with exactly the members alg, e, kid, kty, n, use.": {
        "device is an id": first(device=PHONE.kid),
        "device with a private member": first(device=PHONE.jwk() | {"d": "AQAB"}),
    },
    "The statement's device must be an RSA key with e AQAB, alg PS256 and use sig.": {
        "device is a wrapping key": first(device=PHONE.wrapping_jwk()),
    },
    "iat must be a whole number from 0 to 2^53-1.": {
        "iat is a float": first(iat=NOW + 0.5),
    },
    "The statement must be an object with exactly the members act, device, ext, iat, iss, pop, prev, seq, v.": {
        "one member too many": first(note="x"),
    },
    "The statement must have alg PS256 and typ sealpost-key+jwt.": {
        "another typ": PHONE.sign("sealpost-enc+jwt", {"v": 1}),
    },
    "The statement is not signed by the device.": {
        "forged under this kid": LAPTOP.forge(first()),
    },
    "The statement must be a compact JWS with a 384-byte signature, 8192 bytes at most.": {
        "not a JWS": "statement",
    },
}

REFUSED_KEYS = {
    "The encryption key must have v 1 and an object ext.": {
        "v is 2": encryption(v=2),
        "ext is null": encryption(ext=None),
    },
    "v must be a whole number from 0 to 2^53-1.": {
        "v is true": encryption(v=True),
    },
    "The encryption key must be of the caller's account and device.": {
        "another account": encryption(iss="bob1"),
        "another device": encryption(device=LAPTOP.kid),
    },
    "n must be a whole number from 1 to 2^53-1.": {
        "n is 0": encryption(n=0),
        "n is negative": encryption(n=-1),
        "n is true": encryption(n=True),
        "n is a float": encryption(n=1.0),
        "n is too large": encryption(n=2**53),
    },
    "The encryption key must expire after it is issued, within 30 days.": {
        "lives 30 days and a second": encryption(exp=NOW + 30 * DAY + 1),
        "ends when it begins": encryption(exp=NOW),
        "ends before it begins": encryption(exp=NOW - 1),
    },
    "The encryption key has expired.": {
        "has ended": encryption(iat=NOW - 600, exp=NOW - 1),
    },
    "exp must be a whole number from 0 to 2^53-1.": {
        "exp is null": encryption(exp=None),
        "exp is a float": encryption(exp=NOW + 10.5),
    },
    "The encryption key's iat is more than 600 seconds away from the server's time.": {
        "dated 601 s ahead": encryption(iat=NOW + 601),
        "601 s old": encryption(iat=NOW - 601),
    },
    "The encryption key must carry one key.": {
        "no key": encryption(keys=[]),
        "two keys": encryption(keys=[WRAPPING.wrapping_jwk(), ANOTHER.wrapping_jwk()]),
        "keys is an object": encryption(keys=WRAPPING.wrapping_jwk()),
        "keys is null": encryption(keys=None),
    },
    "The encryption key must be an RSA key with e AQAB, alg RSA-OAEP-256 and use enc.": {
        "a signing key": encryption(keys=[ANOTHER.jwk()]),
        "RSA-OAEP with SHA-1": encryption(keys=[WRAPPING.wrapping_jwk() | {"alg": "RSA-OAEP"}]),
    },
    "The encryption key must not be the signing key.": {
        "the device's own key": encryption(keys=[PHONE.wrapping_jwk()]),
    },
    "The encryption key must be an object with exactly the members alg, e, kid, kty, n, use.": {
        "a private member": encryption(keys=[WRAPPING.wrapping_jwk() | {"d": "AQAB"}]),
    },
    "The encryption key must list the envelope versions it is for, 1 among them, in env.": {
        "env is empty": encryption(env=[]),
        "env without this version": encryption(env=[2]),
        "env is a number": encryption(env=1),
        "env is null": encryption(env=None),
    },
    "env must be a whole number from 1 to 2^53-1.": {
        "env is true": encryption(env=[True]),
        "env is 1.0": encryption(env=[1.0]),
        "env holds a string": encryption(env=["1"]),
        "env holds 0": encryption(env=[0, 1]),
        "env holds true too": encryption(env=[1, True]),
    },
    "The encryption key must be an object with exactly the members device, env, exp, ext, iat, iss, keys, n, v.": {
        "one member too many": encryption(note="x"),
    },
    "The encryption key must have alg PS256 and typ sealpost-enc+jwt.": {
        "another typ": first(),
    },
    "The encryption key is not signed by the device.": {
        "by another device": encryption_key(LAPTOP, WRAPPING, "alice1", NOW, device=PHONE.kid),
        "forged under this kid": LAPTOP.forge(encryption()),
    },
    "The encryption key must be a compact JWS with a 384-byte signature, 8192 bytes at most.": {
        "not a JWS": "key",
    },
}


def common(compact: str, seq: int = 1, prev: str | None = HEAD[1]) -> dict[str, Any]:
    return {
        "uid": "alice1",
        "signer": PHONE.kid,
        "seq": seq,
        "prev": prev,
        "issued_at": NOW,
        "hash": digest(compact),
        "compact": compact,
    }


def test_a_first_device_is_read() -> None:
    compact = first()
    assert read_first(compact) == FirstDevice(**common(compact, seq=0, prev=None))


def test_every_act_is_read() -> None:
    removal = later("revoke-device", device=LAPTOP.kid)
    assert read_first(removal) == Removal(**common(removal), device=LAPTOP.kid)
    reset = later("reset", device=PHONE.jwk())
    assert read_first(reset) == Reset(**common(reset))
    ended = later("set-history-key", key=None, backup=None)
    assert read_first(ended) == HistoryKey(**common(ended), kid=None, backup=None)
    history = later("set-history-key", key=WRAPPING.wrapping_jwk(), backup=BACKUP)
    assert read_first(history) == HistoryKey(
        **common(history), kid=WRAPPING.kid, backup=Backup(3, BACKUP["hash"])
    )
    possessed = pop()
    added = later("add-device", device=LAPTOP.jwk(), pop=possessed)
    assert read_first(added) == AddedDevice(
        **common(added),
        pop=Pop(
            device=LAPTOP.kid,
            modulus=LAPTOP.n,
            audience=SERVICE,
            root=HEAD[1],
            encryption_key=digest("enc"),
            compact=possessed,
        ),
    )


@pytest.mark.parametrize("iat", [NOW - 1500, NOW + 600])
def test_a_pop_counts_for_a_quarter_of_an_hour_by_clocks_ten_minutes_apart(iat: int) -> None:
    read_first(later("add-device", device=LAPTOP.jwk(), pop=pop(iat=iat)))


def test_what_is_stored_is_read_without_its_device() -> None:
    assert issued_at(first()) == NOW
    key = encryption(n=7)
    assert stored_encryption_key(key) == read_key(key)


@pytest.mark.parametrize("now", [NOW - 600, NOW + 600])
def test_two_clocks_may_be_ten_minutes_apart(now: float) -> None:
    assert read_key(encryption(), now).issued_at == NOW


def test_ext_may_hold_what_is_not_known_yet() -> None:
    read_first(first(ext={"later": [1]}))
    read_key(encryption(ext={"later": [1]}))
    read_key(encryption(env=[1, 2]))


@pytest.mark.parametrize(("compact", "sentence"), cases(REFUSED_STATEMENTS))
def test_any_other_statement_is_refused(compact: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_first(compact)
    assert refused.value.detail == sentence


def test_an_encryption_key_is_read() -> None:
    compact = encryption(n=7, exp=NOW + 30 * DAY)
    assert read_key(compact) == EncryptionKey(
        uid="alice1",
        device=PHONE.kid,
        n=7,
        kid=WRAPPING.kid,
        issued_at=NOW,
        expires_at=NOW + 30 * DAY,
        compact=compact,
    )


@pytest.mark.parametrize(("compact", "sentence"), cases(REFUSED_KEYS))
def test_any_other_encryption_key_is_refused(compact: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_key(compact)
    assert refused.value.detail == sentence


@pytest.mark.parametrize("life", [1, 30 * DAY])
def test_a_key_lives_from_a_second_to_30_days(life: int) -> None:
    assert read_key(encryption(exp=NOW + life)).expires_at == NOW + life


def test_a_key_from_a_clock_that_is_ahead_does_not_end_when_it_begins() -> None:
    with pytest.raises(InvalidRequest, match="must expire after it is issued"):
        read_key(encryption(iat=NOW + 600, exp=NOW + 600))


def test_a_key_that_has_ended_by_now_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="expire"):
        read_key(encryption(exp=NOW + 60), now=NOW + 60)
