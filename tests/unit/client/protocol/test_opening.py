"""Opening: what the vectors cannot show yet (removed devices, later statements), and the order of the checks."""

from dataclasses import replace
from typing import Any

import pytest

from sealpost.protocol import chain, encoding, jose, opening
from sealpost.protocol.context import kids_hash
from sealpost.protocol.envelope import Outer
from sealpost.protocol.errors import Code, HiddenError, Notice, ProtocolError
from tests.vectors import forge, messages
from tests.vectors.messages import MILLISECONDS, OTHER_HASH, context, sealed
from tests.vectors.people import NOW, direct, person


def document(envelope: dict[str, Any] | str | None = None, **changed: Any) -> opening.Document:
    return opening.Document(**messages.document(envelope or sealed(), **changed))


def receiver(**changed: Any) -> opening.Receiver:
    bob = person("bob")
    keys = {bob.encryption.kid: opening.OwnKey(bob.encryption, bob.uid, bob.device)}
    usual: dict[str, Any] = {"uid": bob.uid, "device": bob.device, "keys": keys}
    return opening.Receiver(**usual | changed)


def known(**changed: Any) -> opening.Known:
    people = (person("alice"), person("bob"))
    usual: dict[str, Any] = {
        "chains": {someone.uid: someone.chain for someone in people},
        "conversation": lambda: direct("alice", "bob"),
        "now": MILLISECONDS + 1000,
    }
    return opening.Known(**usual | changed)


def opened(doc: opening.Document, **changed: Any) -> opening.Opened:
    result = opening.open_message(doc, receiver=receiver(), known=known(**changed))
    assert isinstance(result, opening.Opened)
    return result


def refused(doc: opening.Document, as_receiver: opening.Receiver | None = None, **changed: Any) -> Code:
    with pytest.raises(ProtocolError) as raised:
        opening.open_message(doc, receiver=as_receiver or receiver(), known=known(**changed))
    return raised.value.code


def with_removed_device(removed_at: int, *, removed: int = 1) -> dict[str, chain.Chain]:
    """Alice's chain after a statement that removed her device at ``removed_at`` (seconds)."""
    alice, bob = person("alice"), person("bob")
    device = replace(alice.chain.devices[alice.device], removed=removed, removed_at=removed_at)
    longer = replace(
        alice.chain,
        statements=(*alice.chain.statements, "x"),
        hashes=(*alice.chain.hashes, OTHER_HASH),
        times=(NOW, removed_at),
        devices={device.id: device},
    )
    return {alice.uid: longer, bob.uid: bob.chain}


def test_a_removed_device_is_refused_after_its_removal() -> None:
    assert (
        refused(document(sent_at=NOW * 1000 + 1000), chains=with_removed_device(NOW)) is Code.REVOKED_DEVICE
    )


def test_what_it_sent_before_is_shown_and_marked() -> None:
    for sent_at in (NOW * 1000 - 1, NOW * 1000, NOW * 1000 + 999):
        result = opened(document(sent_at=sent_at), chains=with_removed_device(NOW))
        assert result.notices == (Notice.REMOVED_DEVICE,)


def test_a_head_after_the_removal_makes_the_device_unknown() -> None:
    alice, bob = person("alice"), person("bob")
    heads = {alice.uid: [1, OTHER_HASH], bob.uid: [0, bob.chain.head.hash]}
    doc = document(sealed(context(heads=heads)))
    assert refused(doc, chains=with_removed_device(NOW)) is Code.UNKNOWN_DEVICE


def with_later_own_statement(at: int) -> dict[str, chain.Chain]:
    alice, bob = person("alice"), person("bob")
    longer = replace(bob.chain, hashes=(*bob.chain.hashes, OTHER_HASH), times=(NOW, at))
    return {alice.uid: alice.chain, bob.uid: longer}


def test_a_sender_behind_my_statements_is_stale_after_ten_minutes() -> None:
    doc = document(sent_at=MILLISECONDS)
    fresh, stale = NOW - 600, NOW - 601
    assert opened(doc, chains=with_later_own_statement(fresh)).notices == ()
    assert opened(doc, chains=with_later_own_statement(stale)).notices == (Notice.SENDER_STALE,)


def test_a_gap_shows_only_to_who_can_know_it() -> None:
    doc = document(sealed(context(n=3)))
    assert [opened(doc, highest_n=n).notices for n in (None, 5, 3, 2)] == [()] * 4
    assert [opened(doc, highest_n=n).notices for n in (1, 0)] == [(Notice.GAP,)] * 2


def test_the_signed_time_is_shown_from_ten_minutes_on() -> None:
    at_most, beyond = (
        document(sealed(context(iat=MILLISECONDS)), sent_at=MILLISECONDS + 600_000 + more) for more in (0, 1)
    )
    assert opened(at_most).notices == ()
    assert opened(beyond).notices == (Notice.CLOCK,)
    early = document(sealed(context(iat=MILLISECONDS + 700_000)), sent_at=MILLISECONDS)
    assert opened(early).notices == (Notice.CLOCK,)


def test_one_millisecond_decides_expiry() -> None:
    exp = MILLISECONDS + 5000
    doc = document(sealed(context(exp=exp)), expires_at=exp)
    assert opened(doc, now=exp - 1).context.exp == exp
    assert refused(doc, now=exp) is Code.EXPIRED


def test_a_message_seen_before_is_no_error_even_when_expired() -> None:
    exp = MILLISECONDS + 5000
    doc = document(sealed(context(exp=exp)), expires_at=exp)
    seen = opened(doc).inner_hash
    result = opening.open_message(doc, receiver=receiver(), known=known(seen=seen, now=exp + 1))
    assert isinstance(result, opening.AlreadySeen)


def test_the_history_key_of_the_account_opens_too() -> None:
    bob = person("bob")
    keys = {bob.encryption.kid: opening.OwnKey(bob.encryption, bob.uid, None)}
    result = opening.open_message(document(), receiver=receiver(keys=keys), known=known())
    assert isinstance(result, opening.Opened)


def test_a_held_key_goes_before_a_destroyed_one() -> None:
    alice, bob = person("alice"), person("bob")
    both = sealed(context(kids=kids_hash(key.kid for key in messages.both_keys())), keys=messages.both_keys())
    for destroyed in (alice.encryption.kid, bob.encryption.kid):
        result = opening.open_message(document(both), receiver=receiver(destroyed={destroyed}), known=known())
        assert isinstance(result, opening.Opened)


def test_one_recipients_key_alone_is_unwrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    both = document(
        sealed(context(kids=kids_hash(key.kid for key in messages.both_keys())), keys=messages.both_keys())
    )
    seen = []
    original = jose.decrypt

    def watch(key: jose.Key, *, wrapped: bytes, **parts: Any) -> bytes | None:
        seen.append(wrapped)
        return original(key, wrapped=wrapped, **parts)

    monkeypatch.setattr(jose, "decrypt", watch)
    opened(both)
    wrapped = Outer.parse(both.envelope).wrapped
    assert seen == [encoding.b64decode(wrapped[person("bob").encryption.kid])]


def test_a_newer_head_is_asked_for() -> None:
    alice, bob = person("alice"), person("bob")
    heads = {alice.uid: [2, OTHER_HASH], bob.uid: [1, OTHER_HASH]}
    with pytest.raises(HiddenError) as raised:
        opening.open_message(document(sealed(context(heads=heads))), receiver=receiver(), known=known())
    assert raised.value.chains == {alice.uid: 2}

    heads = {alice.uid: [0, alice.chain.head.hash], bob.uid: [1, OTHER_HASH]}
    with pytest.raises(HiddenError) as raised:
        opening.open_message(document(sealed(context(heads=heads))), receiver=receiver(), known=known())
    assert (raised.value.chains, raised.value.conversation) == ({bob.uid: 1}, None)


def test_newer_heads_of_all_other_members_too() -> None:
    alice, bob, mallory = person("alice"), person("bob"), person("mallory")
    a_head = [0, alice.chain.head.hash]
    heads = {alice.uid: a_head, bob.uid: [1, OTHER_HASH], mallory.uid: [2, OTHER_HASH]}
    round_of_three = replace(direct("alice", "bob"), members=tuple(heads))
    with pytest.raises(HiddenError) as raised:
        opening.open_message(
            document(sealed(context(heads=heads))),
            receiver=receiver(),
            known=known(conversation=lambda: round_of_three),
        )
    assert raised.value.chains == {bob.uid: 1, mallory.uid: 2}


def test_a_newer_conversation_is_asked_for() -> None:
    with pytest.raises(HiddenError) as raised:
        opening.open_message(
            document(sealed(context(conv=[4, OTHER_HASH]))), receiver=receiver(), known=known()
        )
    assert (raised.value.chains, raised.value.conversation) == ({}, 4)


def test_a_forger_cannot_raise_the_alarm_of_a_fork() -> None:
    """The signature is judged before the heads that the message claims."""
    alice, bob = person("alice"), person("bob")
    ctx = context(heads={alice.uid: [0, OTHER_HASH], bob.uid: [0, bob.chain.head.hash]})
    head = forge.header("sealpost-msg+jwt", alice.signing)
    assert (
        refused(document(sealed(ctx, plaintext=messages.inner(ctx, signer="mallory", head=head))))
        is Code.BAD_SIGNATURE
    )


def test_the_place_is_judged_before_the_signature() -> None:
    alice = person("alice")
    head = forge.header("sealpost-msg+jwt", alice.signing)
    forged = sealed(plaintext=messages.inner(context(), signer="mallory", head=head))
    assert refused(document(forged)) is Code.BAD_SIGNATURE
    assert refused(document(forged, mid=messages.MID[:-1] + "2")) is Code.CONTEXT


def test_an_envelope_of_96_kib_is_too_large() -> None:
    text = encoding.compact_json(sealed())
    padded = text + " " * (96 * 1024 - len(text) - 1)
    assert opened(document(padded)).body == messages.BODY
    assert refused(document(padded + " ")) is Code.MALFORMED


def test_the_pinned_conversation_is_the_documents() -> None:
    other = replace(direct("alice", "bob"), cid=OTHER_HASH)
    with pytest.raises(ValueError, match="another"):
        opening.open_message(document(), receiver=receiver(), known=known(conversation=lambda: other))
