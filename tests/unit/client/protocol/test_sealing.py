"""Sealing, and opening what was sealed."""

import json
from typing import Any

import pytest

from sealpost.protocol import bounds, encoding, identifiers, jws, opening, sealing
from sealpost.protocol.body import Text
from sealpost.protocol.chain import Head
from sealpost.protocol.conversation import Conversation
from sealpost.protocol.envelope import Outer
from sealpost.protocol.errors import MessageTooLongError, ProtocolError
from sealpost.protocol.jwk import PublicKey, Use
from tests.vectors import forge
from tests.vectors.people import NOW, direct, person

MID = identifiers.new_message_id(NOW * 1000)


def seal(**changed: Any) -> sealing.Sealed:
    alice, bob = person("alice"), person("bob")
    usual: dict[str, Any] = {
        "body": Text("see you at eight", "alice@example.org").to_json(),
        "conversation": direct("alice", "bob"),
        "heads": {alice.uid: alice.chain.head, bob.uid: bob.chain.head},
        "mid": MID,
        "uid": alice.uid,
        "n": 1,
        "now": NOW * 1000,
        "expires_at": None,
        "signing_key": alice.signing,
        "recipients": [bob.encryption.public],
    }
    return sealing.seal(**usual | changed)


def open_as_bob(sealed: sealing.Sealed, expires_at: int | None = None) -> opening.Opened:
    alice, bob = person("alice"), person("bob")
    opened = opening.open_message(
        opening.Document(
            cid=sealed.context.cid,
            mid=sealed.context.mid,
            sender_uid=alice.uid,
            sender_device=alice.device,
            sent_at=NOW * 1000,
            expires_at=expires_at,
            envelope=sealed.envelope,
        ),
        receiver=opening.Receiver(
            uid=bob.uid,
            device=bob.device,
            keys={bob.encryption.kid: opening.OwnKey(bob.encryption, bob.uid, bob.device)},
        ),
        known=opening.Known(
            chains={alice.uid: alice.chain, bob.uid: bob.chain},
            conversation=lambda: direct("alice", "bob"),
            now=NOW * 1000,
        ),
    )
    assert isinstance(opened, opening.Opened)
    return opened


@pytest.mark.parametrize("text", ["", "see you at eight", "Grüße 👋 \"'\\ \n\t\u0000", "x" * 8192])
def test_what_is_sealed_opens(text: str) -> None:
    sealed = seal(body=Text(text, "alice@example.org").to_json())
    opened = open_as_bob(sealed)
    assert Text.parse(opened.body) == Text(text, "alice@example.org")
    assert opened.context == sealed.context
    assert opened.inner_hash == sealed.inner_hash
    assert opened.notices == ()


def test_a_disappearing_message_opens_before_its_time() -> None:
    assert (
        open_as_bob(seal(expires_at=NOW * 1000 + 1), expires_at=NOW * 1000 + 1).context.exp == NOW * 1000 + 1
    )


def test_the_envelope_has_the_one_form() -> None:
    """General JSON also for one recipient, members in the order of the text, compact, without anything else."""
    sealed = seal()
    envelope = json.loads(sealed.envelope)
    kid = person("bob").encryption.kid
    assert list(envelope) == ["protected", "recipients", "iv", "ciphertext", "tag"]
    assert [list(entry) for entry in envelope["recipients"]] == [["header", "encrypted_key"]]
    assert envelope["recipients"][0]["header"] == {"kid": kid}
    assert encoding.b64decode(envelope["protected"]).decode() == (
        '{"v":1,"alg":"RSA-OAEP-256","enc":"A256GCM","typ":"sealpost+json","cty":"sealpost-msg+jwt",'
        f'"ctx":"{sealed.context.hash}"}}'
    )
    assert json.dumps(envelope, separators=(",", ":")) == sealed.envelope


def test_recipients_ascend_whatever_their_order() -> None:
    keys = [person(name).encryption.public for name in ("alice", "bob", "mallory")]
    kids = sorted(key.kid for key in keys)
    for order in (keys, keys[::-1]):
        sealed = seal(recipients=order)
        assert [entry["header"]["kid"] for entry in json.loads(sealed.envelope)["recipients"]] == kids
        assert sealed.context.kids == encoding.sha256("".join(kids).encode())


def test_every_sealing_is_fresh() -> None:
    first, second = (json.loads(seal().envelope) for _ in range(2))
    assert first["iv"] != second["iv"]
    assert first["ciphertext"] != second["ciphertext"]
    assert first["recipients"][0]["encrypted_key"] != second["recipients"][0]["encrypted_key"]


@pytest.mark.parametrize("text", ["", "a", "ü" * 100, "x" * 3000])
def test_body_and_pad_fill_a_bucket(text: str) -> None:
    bob = person("bob")
    token = forge.open_jwe(
        json.loads(seal(body={"type": "text", "text": text}).envelope), bob.encryption.kid, bob.encryption
    )
    payload = encoding.b64decode(token.split(".")[1]).decode("utf-8")
    body = payload[payload.index(',"body":') + len(',"body":') : payload.rindex(',"pad":')]
    pad = json.loads(payload)["pad"]
    assert json.loads(body)["text"] == text
    assert len(body.encode("utf-8")) + len(pad) in {256, 4096}
    assert set(pad) <= {"0"}


def test_the_longest_body_fits_one_recipient() -> None:
    frame = len(encoding.compact_json({"type": "text", "text": ""}))
    longest = {"type": "text", "text": "x" * (bounds.MAX_BODY - frame)}
    assert open_as_bob(seal(body=longest)).body == longest
    with pytest.raises(MessageTooLongError) as raised:
        seal(body=longest | {"text": longest["text"] + "x"})
    assert (raised.value.size, raised.value.limit) == (bounds.MAX_BODY + 1, bounds.MAX_BODY)
    assert "32769" in raised.value.sentence


def many_keys(count: int) -> list[PublicKey]:
    """Distinct public keys of the right shape; nobody opens with them."""
    n = person("bob").encryption.public.n
    return [PublicKey(n[:-8] + f"{number:07d}" + "B", Use.ENCRYPTION) for number in range(count)]


def test_8_kib_fit_a_hundred_recipients_of_a_hundred_members() -> None:
    uids = [f"member{number:022d}" for number in range(99)] + [person("alice").uid]
    conversation = Conversation(direct("alice", "bob").cid, tuple(uids), ("x",), (encoding.digest("x"),))
    heads = {uid: Head(uid, encoding.digest(uid), 100, encoding.digest(uid)) for uid in uids}
    frame = len(encoding.compact_json({"type": "text", "text": ""}))
    body = {"type": "text", "text": "x" * (8192 - frame)}
    sealed = seal(body=body, conversation=conversation, heads=heads, recipients=many_keys(100))
    assert len(sealed.envelope) < bounds.MAX_ENVELOPE
    assert len(Outer.parse(sealed.envelope).kids) == 100
    with pytest.raises(MessageTooLongError) as raised:
        seal(
            body={"type": "text", "text": "x" * 16_384},
            conversation=conversation,
            heads=heads,
            recipients=many_keys(100),
        )
    assert raised.value.size > bounds.MAX_ENVELOPE > raised.value.limit


def test_a_caller_who_errs_is_told() -> None:
    alice, bob = person("alice"), person("bob")
    errors: list[dict[str, Any]] = [
        {"recipients": []},
        {"recipients": [bob.encryption.public] * 2},
        {"recipients": many_keys(101)},
        {"heads": {alice.uid: alice.chain.head}},
        {"uid": person("mallory").uid},
    ]
    for wrong in errors:
        with pytest.raises(ValueError, match=r"recipient|heads"):
            seal(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"mid": "x"}, {"n": 0}, {"now": 1.5}, {"expires_at": -1}, {"body": {"type": "\ud800"}}]
)
def test_what_no_receiver_would_take_is_not_sealed(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        seal(**wrong)


def test_the_inner_signature_names_the_device() -> None:
    alice, bob = person("alice"), person("bob")
    token = forge.open_jwe(json.loads(seal().envelope), bob.encryption.kid, bob.encryption)
    payload = jws.parse(jws.Type.MESSAGE, token, limit=len(token)).verify(alice.signing.public)
    assert payload["ctx"]["dev"] == alice.device
    assert list(payload) == ["ctx", "body", "pad"]
