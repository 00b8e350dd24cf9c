"""The service against the published vectors (tests/vectors/README.md): it takes what must be taken and refuses the rest."""

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from common.conversations import Conversations, NewConversation
from common.conversations.statements import direct_id
from common.errors import InvalidProof, InvalidRequest, SealpostError
from common.identity import UID, Caller
from common.jose import (
    SIGNING,
    WRAPPING,
    RsaKey,
    base64url,
    decode_base64url,
    digest,
    matching,
    parse_json,
    read_key,
    read_signed,
)
from common.keys.chain import require_fresh
from common.keys.encryption_keys import read_encryption_key
from common.keys.statements import read_chain_statement
from common.messages import NewMessage
from common.messages.envelope import read_kids
from common.sessions.proof import Proof, Target, read_proof
from tests.fakes.clock import FakeClock
from tests.fakes.conversations import FakeConversationStore, FakeLiveConversations
from tests.fakes.restores import FakeRestores
from tests.signing import key

FOLDER = Path(__file__).parents[1] / "vectors"
NOW = 1_800_000_000


@cache
def vectors(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def refused(name: str) -> pytest.MarkDecorator:
    """The cases of a file that the service must refuse."""
    cases = [case for case in vectors(name)["refused"] if case.get("server", True)]
    assert cases
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def accepted(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", vectors(name)["accepted"])


def person(name: str) -> Caller:
    people = vectors("keys")["people"]
    return Caller(uid=people[name]["uid"], session="s" * 22, device=people[name]["device"])


def owner(uid: str) -> tuple[Caller, RsaKey]:
    people = vectors("keys")["people"]
    (name,) = (name for name, entry in people.items() if entry["uid"] == uid)
    return person(name), signing_key(name)


def signing_key(name: str) -> RsaKey:
    return RsaKey(n=key(f"{name}_signing").n, alg="PS256", use="sig")


ALICE, BOB = person("alice"), person("bob")


@pytest.mark.parametrize("case", vectors("encodings")["base64url"], ids=lambda case: case["hex"])
def test_base64url(case: dict[str, str]) -> None:
    assert base64url(bytes.fromhex(case["hex"])) == case["text"]
    assert decode_base64url(case["text"], "it").hex() == case["hex"]


@pytest.mark.parametrize("text", vectors("encodings")["base64url_refused"])
def test_base64url_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_base64url(text, "it")


@pytest.mark.parametrize("text", vectors("encodings")["json"])
def test_json(text: str) -> None:
    assert parse_json(text, "it") == json.loads(text)


@pytest.mark.parametrize("text", vectors("encodings")["json_refused"])
def test_json_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_json(text, "it")


@pytest.mark.parametrize("text", vectors("encodings")["uid_refused"])
def test_uid_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        matching(text, UID, "it")


def test_message_ids() -> None:
    for text in vectors("encodings")["message_id"]:
        NewMessage(text, ALICE.device, None, "")
    for text in vectors("encodings")["message_id_refused"]:
        with pytest.raises(InvalidRequest):
            NewMessage(text, ALICE.device, None, "")


@pytest.mark.parametrize("case", vectors("encodings")["direct_conversation"])
def test_direct_conversation_ids(case: dict[str, Any]) -> None:
    assert direct_id(*case["uids"]) == case["cid"]


@accepted("jwk")
def test_jwk(case: dict[str, Any]) -> None:
    role = SIGNING if case["use"] == "sig" else WRAPPING
    assert read_key(case["jwk"], role, "it").kid == case["jwk"]["kid"]


@refused("jwk")
def test_jwk_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        read_key(case["jwk"], WRAPPING, "it")


def verified(compact: str, members: frozenset[str]) -> bool:
    return read_signed(compact, vectors("jws")["typ"], members, "it").verified_by(signing_key("alice"))


@accepted("jws")
def test_jws(case: dict[str, Any]) -> None:
    signed = read_signed(case["compact"], vectors("jws")["typ"], frozenset(case["payload"]), "it")
    assert signed.verified_by(signing_key("alice"))
    assert (signed.payload, signed.hash) == (case["payload"], case["hash"])


@refused("jws")
def test_jws_refused(case: dict[str, Any]) -> None:
    with suppress(InvalidRequest):
        assert not verified(case["compact"], frozenset(vectors("jws")["accepted"][0]["payload"]))


@accepted("chains")
def test_chains(case: dict[str, Any]) -> None:
    """Those that are refused, and longer ones: tests/unit/keys/test_replay.py."""
    (statement,) = case["statements"]
    first = read_chain_statement(statement, case["uid"], owner(case["uid"])[1])
    assert [first.hash] == case["hashes"]
    assert (first.uid, first.hash) == (case["head"]["uid"], case["head"]["hash"])


@accepted("encryption_keys")
def test_encryption_keys(case: dict[str, Any]) -> None:
    file = vectors("encryption_keys")
    read = read_encryption_key(case["statement"], ALICE, signing_key("alice"))
    require_fresh(read, file["now"])
    assert (read.uid, read.kid, read.n) == (file["uid"], case["kid"], case["n"])
    assert digest(read.compact) == case.get("hash", digest(case["statement"]))


@refused("encryption_keys")
def test_encryption_keys_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        require_fresh(
            read_encryption_key(case["statement"], ALICE, signing_key("alice")),
            vectors("encryption_keys")["now"],
        )


def conversations() -> Conversations:
    """A service that knows Alice's and Bob's chains of chains.json."""
    heads = {
        case["uid"]: (case["head"]["seq"], case["head"]["hash"]) for case in vectors("chains")["accepted"]
    }
    return Conversations(
        store=FakeConversationStore(heads=heads),
        live=FakeLiveConversations(),
        restores=FakeRestores(),
        clock=FakeClock(NOW),
    )


@accepted("conversations")
async def test_conversations(case: dict[str, Any]) -> None:
    (statement,) = case["statements"]
    started = await conversations().start(NewConversation(statement), ALICE, signing_key("alice"))
    assert (started.id, started.statements) == (vectors("conversations")["cid"], (statement,))
    assert case["head"] == [0, digest(statement)]


@refused("conversations")
async def test_conversations_refused(case: dict[str, Any]) -> None:
    """Nothing of a refused case begins this conversation; Alice may well begin another one."""
    service = conversations()
    begun = set()
    with suppress(SealpostError):
        for statement in case["statements"]:
            begun.add((await service.start(NewConversation(statement), ALICE, signing_key("alice"))).id)
        assert vectors("conversations")["cid"] not in begun


@pytest.mark.parametrize(
    "case", vectors("envelopes")["accepted"], ids=[case["name"] for case in vectors("envelopes")["accepted"]]
)
def test_envelopes(case: dict[str, Any]) -> None:
    document = case["document"]
    message = NewMessage(document["mid"], document["cid"], document["expires_at"], document["envelope"])
    assert list(read_kids(message.envelope)) == case["kids"]


@refused("envelopes")
def test_envelopes_refused(case: dict[str, Any]) -> None:
    document = case["document"]
    with pytest.raises(InvalidRequest):
        read_kids(NewMessage(document["mid"], document["cid"], None, document["envelope"]).envelope)


def proven(compact: str) -> Proof:
    file = vectors("proofs")
    target = Target(
        audience=file["service_url"], method="POST", url=f"{file['service_url']}/v1/{file['function']}"
    )
    proof = read_proof(compact, target, credential=file["credential"], now=file["now"])
    proof.require_signed_by(signing_key("alice"))
    return proof


def test_proofs() -> None:
    case = vectors("proofs")["accepted"]
    assert proven(case["proof"]).jti == case["claims"]["jti"]
    assert vectors("proofs")["device"] == ALICE.device


@refused("proofs")
def test_proofs_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidProof):
        proven(case["proof"])
