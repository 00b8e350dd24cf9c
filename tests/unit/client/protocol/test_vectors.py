"""The client meets the language-neutral vectors: what it must take and what it must refuse, with which code."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sealpost.protocol import (
    chain,
    conversation,
    encoding,
    encryption_keys,
    envelope,
    identifiers,
    jws,
    opening,
    proof,
    safety,
)
from sealpost.protocol.errors import Code, ProtocolError
from sealpost.protocol.jwk import PrivateKey, PublicKey, Use
from tests.vectors import forge
from tests.vectors.people import private_key, read

ENCODINGS = read("encodings.json")
KEYS = read("keys.json")
JWKS = read("jwk.json")
JWS = read("jws.json")
CHAINS = read("chains.json")
ENCRYPTION_KEYS = read("encryption_keys.json")
CONVERSATIONS = read("conversations.json")
ENVELOPES = read("envelopes.json")
PROOFS = read("proofs.json")
SAFETY = read("safety.json")

PINNED = {item["uid"]: chain.verify(item["uid"], item["statements"]) for item in CHAINS["accepted"]}


def each(cases: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.get("name"))


def refuses(call: Callable[[], object], code: str = "malformed") -> None:
    with pytest.raises(ProtocolError) as raised:
        call()
    assert raised.value.code == Code(code), raised.value.detail


# encodings.json


@each(ENCODINGS["base64url"])
def test_base64url(case: dict[str, str]) -> None:
    assert encoding.b64encode(bytes.fromhex(case["hex"])) == case["text"]
    assert encoding.b64decode(case["text"]).hex() == case["hex"]


@pytest.mark.parametrize("text", ENCODINGS["base64url_refused"])
def test_base64url_refused(text: str) -> None:
    refuses(lambda: encoding.b64decode(text))


@each(ENCODINGS["canonical"])
def test_canonical(case: dict[str, Any]) -> None:
    assert encoding.canonical(case["value"]) == case["text"]
    assert encoding.canonical_hash(case["value"]) == case["sha256"]


@pytest.mark.parametrize("text", ENCODINGS["canonical_refused"])
def test_canonical_refused(text: str) -> None:
    value = json.loads(text)
    refuses(lambda: encoding.canonical(value))


@pytest.mark.parametrize("text", ENCODINGS["json"])
def test_json(text: str) -> None:
    assert encoding.loads(text) == json.loads(text)


@pytest.mark.parametrize("text", ENCODINGS["json_refused"])
def test_json_refused(text: str) -> None:
    refuses(lambda: encoding.loads(text))


@pytest.mark.parametrize("text", ENCODINGS["uid_refused"])
def test_uid_refused(text: str) -> None:
    refuses(lambda: identifiers.uid(text))


@pytest.mark.parametrize("text", ENCODINGS["message_id"])
def test_message_id(text: str) -> None:
    assert identifiers.message_id(text) == text


@pytest.mark.parametrize("text", ENCODINGS["message_id_refused"])
def test_message_id_refused(text: str) -> None:
    refuses(lambda: identifiers.message_id(text))


@each(ENCODINGS["direct_conversation"])
def test_direct_conversation(case: dict[str, Any]) -> None:
    assert identifiers.direct_conversation(*case["uids"]) == case["cid"]


@each(ENCODINGS["padding"])
def test_padding(case: dict[str, int]) -> None:
    assert envelope.padding(case["body_bytes"]) == case["pad"]


# keys.json, jwk.json


@pytest.mark.parametrize("name", KEYS["keys"])
def test_keys(name: str) -> None:
    key = KEYS["keys"][name]
    assert private_key(name).to_json() == key["private"]
    assert private_key(name).public.to_json() == key["public"]


@each(JWKS["accepted"])
def test_jwk(case: dict[str, Any]) -> None:
    assert PublicKey.parse(case["jwk"], Use(case["use"])).to_json() == case["jwk"]


@each(JWKS["refused"])
def test_jwk_refused(case: dict[str, Any]) -> None:
    refuses(lambda: PublicKey.parse(case["jwk"], Use.ENCRYPTION), case["code"])


# jws.json


@each(JWS["accepted"])
def test_jws(case: dict[str, Any]) -> None:
    parsed = jws.parse(jws.Type(JWS["typ"]), case["compact"])
    assert parsed.verify(PublicKey.parse(JWS["key"], Use.SIGNING)) == case["payload"]
    assert parsed.hash == case["hash"]


@each(JWS["refused"])
def test_jws_refused(case: dict[str, Any]) -> None:
    key = PublicKey.parse(JWS["key"], Use.SIGNING)
    refuses(lambda: jws.parse(jws.Type(JWS["typ"]), case["compact"]).verify(key), case["code"])


# chains.json


@each(CHAINS["accepted"])
def test_chain(case: dict[str, Any]) -> None:
    verified = chain.verify(case["uid"], case["statements"])
    assert list(verified.hashes) == case["hashes"]
    assert verified.head.to_json() == case["head"]
    assert verified.head == chain.Head.parse(case["head"])


@each(CHAINS["refused"])
def test_chain_refused(case: dict[str, Any]) -> None:
    pinned = chain.Head.parse(case["pinned"]) if "pinned" in case else None
    refuses(lambda: chain.verify(CHAINS["uid"], case["statements"], pinned=pinned), case["code"])


# encryption_keys.json


def read_key(case: dict[str, Any]) -> encryption_keys.EncryptionKey:
    own, now = PINNED[ENCRYPTION_KEYS["uid"]], ENCRYPTION_KEYS["now"]
    pinned = encryption_keys.verify(case["pinned"], chain=own, now=now) if "pinned" in case else None
    return encryption_keys.verify(case["statement"], chain=own, now=now, pinned=pinned)


@each(ENCRYPTION_KEYS["accepted"])
def test_encryption_key(case: dict[str, Any]) -> None:
    verified = read_key(case)
    assert (verified.n, verified.key.kid) == (case["n"], case["kid"])
    assert encoding.digest(verified.statement) == case.get("hash", encoding.digest(verified.statement))


@each(ENCRYPTION_KEYS["refused"])
def test_encryption_key_refused(case: dict[str, Any]) -> None:
    refuses(lambda: read_key(case), case["code"])


# conversations.json


def read_conversation(case: dict[str, Any]) -> conversation.Conversation:
    pinned = tuple(case["pinned"]) if "pinned" in case else None
    return conversation.verify(CONVERSATIONS["cid"], case["statements"], chains=PINNED, pinned=pinned)


@each(CONVERSATIONS["accepted"])
def test_conversation(case: dict[str, Any]) -> None:
    verified = read_conversation(case)
    assert list(verified.members) == case["members"]
    assert list(verified.head) == case["head"]


@each(CONVERSATIONS["refused"])
def test_conversation_refused(case: dict[str, Any]) -> None:
    refuses(lambda: read_conversation(case), case["code"])


# envelopes.json


def open_case(case: dict[str, Any]) -> opening.Opened | opening.AlreadySeen:
    known = ENVELOPES["known"] | case.get("known", {})
    receiver = ENVELOPES["receiver"] | case.get("receiver", {})
    keys = {
        key["kid"]: opening.OwnKey(private_key(key["key"]), key["uid"], key["device"])
        for key in receiver["keys"]
    }
    chains = {uid: chain.verify(uid, statements) for uid, statements in known["chains"].items()}
    pinned = known["conversation"]
    return opening.open_message(
        opening.Document(**case["document"]),
        receiver=opening.Receiver(
            uid=receiver["uid"], device=receiver["device"], keys=keys, destroyed=receiver["destroyed"]
        ),
        known=opening.Known(
            chains=chains,
            conversation=lambda: (
                pinned and conversation.verify(_cid(pinned), pinned["statements"], chains=PINNED)
            ),
            seen=known["seen"],
            highest_n=known["highest_n"],
            now=known["now"],
        ),
    )


def _cid(pinned: dict[str, Any]) -> str:
    [statement] = pinned["statements"]
    cid: str = jws.parse(jws.Type.CONVERSATION, statement).claims["cid"]
    return cid


@each(ENVELOPES["accepted"])
def test_envelope(case: dict[str, Any]) -> None:
    opened = open_case(case)
    if case.get("already_seen"):
        assert isinstance(opened, opening.AlreadySeen)
        return
    assert isinstance(opened, opening.Opened)
    assert opened.body == case["body"]
    assert opened.notices == tuple(case["notices"])
    assert opened.inner == case["inner"]
    assert opened.inner_hash == case["inner_hash"]
    assert opened.context.to_json() == case["ctx"]
    assert encoding.canonical(case["ctx"]) == case["ctx_canonical"]
    assert opened.context.hash == case["ctx_hash"] == json.loads(case["protected"])["ctx"]
    assert case["protected"] == envelope.protected_header(case["ctx_hash"])
    assert opened.context.kids == case["kids_hash"]


@each(ENVELOPES["accepted"])
def test_envelope_opens_by_the_primitives_alone(case: dict[str, Any]) -> None:
    [own] = case.get("receiver", ENVELOPES["receiver"])["keys"]
    sealed = json.loads(case["document"]["envelope"])
    assert forge.open_jwe(sealed, own["kid"], private_key(own["key"])) == case["inner"]


@each(ENVELOPES["refused"])
def test_envelope_refused(case: dict[str, Any]) -> None:
    refuses(lambda: open_case(case), case["code"])


def test_every_receiving_code_has_a_case() -> None:
    """The rest are a sender's, and those of linking and backups."""
    others = {Code.KEY_CHANGE, Code.NO_ACTIVE_DEVICE, Code.MISTYPED, Code.WRONG_SECRET, Code.LINK_EXPIRED}
    others |= {Code.LINK_FORGED, Code.BACKUP_STALE, Code.BACKUP_UNREADABLE}
    files = (JWKS, JWS, CHAINS, ENCRYPTION_KEYS, CONVERSATIONS, ENVELOPES)
    assert {case["code"] for file in files for case in file["refused"]} == set(Code) - others


# proofs.json, safety.json


def test_proof() -> None:
    key = private_key("alice_signing")
    accepted = PROOFS["accepted"]
    made = proof.session_proof(
        service_url=PROOFS["service_url"],
        function=PROOFS["function"],
        credential=PROOFS["credential"],
        now=PROOFS["now"],
        key=key,
        jti=accepted["claims"]["jti"],
    )
    for token in (made, accepted["proof"]):
        assert jws.parse(jws.Type.SESSION, token).verify(key.public) == accepted["claims"]


@each(PROOFS["refused"])
def test_no_refused_proof_is_one_that_this_client_makes(case: dict[str, str]) -> None:
    try:
        claims = jws.parse(jws.Type.SESSION, case["proof"]).verify(private_key("alice_signing").public)
    except ProtocolError:
        return
    assert claims != PROOFS["accepted"]["claims"]


@each(SAFETY["cases"])
def test_safety_number(case: dict[str, Any]) -> None:
    assert safety.safety_number(*case["a"], *case["b"]) == case["number"]


def test_keys_are_only_those_of_the_vectors() -> None:
    """The private test keys say what they are: nobody takes them for real ones."""
    assert "PUBLISHED TEST KEYS" in KEYS["about"]
    assert all(
        PrivateKey.parse(key["private"]).public.to_json() == key["public"] for key in KEYS["keys"].values()
    )
