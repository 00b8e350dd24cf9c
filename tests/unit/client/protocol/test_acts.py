"""Statements as this client makes them; what it takes and refuses is in the vectors."""

from functools import cache

import pytest

from sealpost.protocol import acts, chain, encryption_keys, linking
from sealpost.protocol.encoding import digest
from sealpost.protocol.errors import Code, ProtocolError
from sealpost.protocol.statements import Backup
from tests.vectors.people import NOW, SERVICE, person, private_key

ALICE = person("alice")
TABLET, PHONE = private_key("alice_tablet_signing"), private_key("alice_phone_signing")
HISTORY = private_key("alice_history").public
BACKUP = Backup(1, digest("backup"))


@cache
def tablets_statement() -> str:
    return encryption_keys.key_statement(
        uid=ALICE.uid,
        signing_key=TABLET,
        encryption_key=private_key("alice_tablet_encryption").public,
        n=1,
        now=NOW,
    )


def tablets_pop(own: chain.Chain) -> str:
    return linking.possession(
        uid=own.uid,
        service_url=SERVICE,
        root=own.head.root,
        key=TABLET,
        encryption_statement=tablets_statement(),
        now=NOW,
    )


def with_tablet(own: chain.Chain = ALICE.chain) -> chain.Chain:
    return chain.extend(own, [acts.add_device(own, TABLET.public, tablets_pop(own), ALICE.signing, NOW)])


def test_a_device_is_linked_by_the_secret() -> None:
    secret = linking.new_secret()
    pop, enc = tablets_pop(ALICE.chain), tablets_statement()
    newcomer = linking.verify_request(
        secret=linking.read_secret(linking.grouped(secret).lower()),
        pop=pop,
        enc=enc,
        mac=linking.request_mac(secret, pop, enc),
        chain=ALICE.chain,
        service_url=SERVICE,
        now=NOW,
    )
    statement = acts.add_device(ALICE.chain, newcomer.device, newcomer.pop, ALICE.signing, NOW)
    own = chain.extend(ALICE.chain, [statement])
    assert {device.id for device in own.active_devices} == {ALICE.device, TABLET.kid}
    assert own.head.root == ALICE.chain.head.root
    linking.verify_grant(secret=secret, mac=linking.grant_mac(secret, own.head), chain=own, device=TABLET.kid)
    encryption_keys.verify(enc, chain=own, now=NOW)


def test_secrets_are_random_and_have_eighty_bits() -> None:
    many = {linking.new_secret() for _ in range(200)}
    assert len(many) == 200
    assert {len(secret) for secret in many} == {16}
    assert set("".join(many)) == set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert linking.grouped("7Q2M0XK4ZB9T1HRC") == "7Q2M-0XK4-ZB9T-1HRC"


def test_a_mac_is_refused_whatever_characters_it_has() -> None:
    pop, enc = tablets_pop(ALICE.chain), tablets_statement()
    for changed, code in (({"mac": "\ud800"}, Code.WRONG_SECRET), ({"pop": "\ud800"}, Code.MALFORMED)):
        asked = {"pop": pop, "enc": enc, "mac": "x"} | changed
        with pytest.raises(ProtocolError) as raised:
            linking.verify_request(secret="0" * 16, chain=ALICE.chain, service_url=SERVICE, now=NOW, **asked)
        assert raised.value.code is code


def test_devices_are_removed_by_each_other_and_by_themselves() -> None:
    own = with_tablet()
    for signer, device in ((TABLET, ALICE.device), (TABLET, TABLET.kid)):
        smaller = chain.extend(own, [acts.revoke_device(own, device, signer, NOW + 60)])
        assert device not in {device.id for device in smaller.active_devices}
        assert (smaller.devices[device].removed, smaller.devices[device].removed_at) == (2, NOW + 60)


def test_a_history_key_lives_until_a_device_goes() -> None:
    own = with_tablet()
    own = chain.extend(own, [acts.set_history_key(own, HISTORY, BACKUP, TABLET, NOW)])
    assert own.history == chain.HistoryKey(HISTORY, 2, BACKUP)
    newer = acts.set_history_key(own, HISTORY, Backup(2, BACKUP.hash), ALICE.signing, NOW)
    assert chain.extend(own, [newer]).backup == Backup(2, BACKUP.hash)
    for statement in (
        acts.set_history_key(own, None, None, TABLET, NOW),
        acts.revoke_device(own, TABLET.kid, TABLET, NOW),
        acts.reset(own, PHONE, NOW),
    ):
        ended = chain.extend(own, [statement])
        assert (ended.history, ended.backup) == (None, BACKUP)
    with pytest.raises(ValueError, match="together"):
        acts.set_history_key(own, HISTORY, None, TABLET, NOW)


def test_a_reset_begins_a_new_root() -> None:
    own = with_tablet()
    reset = chain.extend(own, [acts.reset(own, PHONE, NOW + 60)])
    assert reset.head.root == reset.hashes[2] == reset.head.hash
    assert reset.head_at(1) == own.head
    assert [device.id for device in reset.active_devices] == [PHONE.kid]
    assert {device.removed_at for device in reset.devices.values()} == {NOW + 60, None}
    assert [(change.act, change.device) for change in reset.changes(0)] == [
        ("add-device", TABLET.kid),
        ("reset", PHONE.kid),
    ]


def test_a_reset_needs_no_more_than_the_head() -> None:
    own = with_tablet()
    reset = chain.extend(own, [acts.reset_after(own.head, PHONE, NOW + 60)])
    assert (reset.resets, reset.times[-1]) == ((2,), NOW + 60)


def test_a_statement_is_never_dated_before_the_one_it_follows() -> None:
    own = with_tablet()
    later = chain.extend(own, [acts.revoke_device(own, TABLET.kid, ALICE.signing, NOW + 60)])
    slow = acts.set_history_key(later, None, None, ALICE.signing, NOW - 3600)
    assert chain.extend(later, [slow]).times[-1] == NOW + 60


def test_a_refused_statement_leaves_the_chain_as_it_was() -> None:
    own = with_tablet()
    again = acts.reset(own, TABLET, NOW)
    with pytest.raises(ProtocolError, match="malformed"):
        chain.extend(own, [again])
    assert own == chain.verify(own.uid, own.statements)


def test_an_encryption_key_is_no_history_key() -> None:
    own = chain.extend(ALICE.chain, [acts.set_history_key(ALICE.chain, HISTORY, BACKUP, ALICE.signing, NOW)])
    statement = encryption_keys.key_statement(
        uid=ALICE.uid, signing_key=ALICE.signing, encryption_key=HISTORY, n=1, now=NOW
    )
    with pytest.raises(ProtocolError, match="malformed"):
        encryption_keys.verify(statement, chain=own, now=NOW)
