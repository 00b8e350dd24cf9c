"""What a service may try, and the code by which a client names it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from sealpost.protocol import chain, conversation, encoding
from sealpost.protocol.identifiers import direct_conversation
from sealpost.protocol.jws import Type
from tests.e2e.device import new_message_id
from tests.e2e.tampering import Document, Forward, Json, rewriting
from tests.e2e.victims import ACQUAINTED, ANSWER, IN_TIME, NEW, NOW, Client, Stage, claims
from tests.vectors import forge

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True, slots=True)
class Case:
    """`meets` tampers and lets Bob meet it, and gives what he is shown. `frozen` says that he believes Alice nothing more."""

    code: str
    meets: Callable[[Stage, Client], list[str]]
    knowing: str = ACQUAINTED
    frozen: bool = False


def delivered(code: str, make: Callable[[Stage], Document]) -> Case:
    """A document that the owner stores."""

    def meets(stage: Stage, bob: Client) -> list[str]:
        stage.owner.store(make(stage))
        return bob.reads()

    return Case(code, meets)


def shown(
    code: str, change: Callable[[Stage, Json], object], *, knowing: str = ACQUAINTED, frozen: bool = False
) -> Case:
    """A change of what find_keys answers about Alice, when Bob writes to her."""

    def meets(stage: Stage, bob: Client) -> list[str]:
        def lie(answer: Json) -> None:
            for account in answer["accounts"]:
                if account["uid"] == stage.alice.uid:
                    change(stage, account)

        with stage.proxy.lying(find_keys=rewriting(lie)):
            return bob.writes(stage.alice.address)

    return Case(code, meets, knowing, frozen)


def appended(code: str, make: Callable[[Stage], str]) -> Case:
    """A further statement of Alice's chain."""

    def change(stage: Stage, account: Json) -> None:
        account["statements"].append(make(stage))

    return shown(code, change, frozen=True)


def announced(code: str, make: Callable[[Stage], str]) -> Case:
    """Another encryption key of Alice."""

    def change(stage: Stage, account: Json) -> None:
        account["encryption_keys"] = [make(stage)]

    return shown(code, change)


def _edited(code: str, edit: Callable[[Stage, Json], Json]) -> Case:
    """The honest message, its envelope altered."""
    return delivered(
        code, lambda stage: stage.letters.honest.holding(edit(stage, stage.letters.honest.envelope))
    )


def flattened(envelope: Json) -> Json:
    (entry,) = envelope["recipients"]
    return {name: envelope[name] for name in envelope if name != "recipients"} | dict(entry)


def _to(kid: str, envelope: Json) -> Json:
    """The envelope with its one recipient named otherwise."""
    (entry,) = envelope["recipients"]
    return envelope | {"recipients": [entry | {"header": {"kid": kid}}]}


def _respelled(text: str) -> str:
    """The same bytes to a lenient decoder: an unused bit of the last character is set."""
    return text[:-1] + _ALPHABET[_ALPHABET.index(text[-1]) + 1]


def _altered(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def _tag_twice(stage: Stage) -> Document:
    honest = stage.letters.honest
    return honest.saying(envelope=f'{honest.text[:-1]},"tag":"{honest.envelope["tag"]}"}}')


def _ciphertext_respelled(stage: Stage) -> Document:
    """Only a length that is no multiple of three leaves bits unused."""
    said = ({"type": "text", "text": "x" * length, "from": stage.alice.address} for length in range(3))
    made = (stage.forged(body=body) for body in said)
    document, text = next((one, text) for one in made if len(text := one.envelope["ciphertext"]) % 4)
    return document.holding(document.envelope | {"ciphertext": _respelled(text)})


def _with_protected(envelope: Json, **changed: Any) -> Json:
    head = encoding.loads(encoding.b64decode(envelope["protected"])) | changed
    return envelope | {"protected": encoding.b64encode(forge.text(head).encode())}


def _for_two(stage: Stage) -> Document:
    """What Alice would seal for two devices."""
    return stage.forged(keys=(stage.bob.encryption.public, stage.mallory.encryption.public))


def _one_dropped(stage: Stage) -> Document:
    both = _for_two(stage)
    mine = [one for one in both.envelope["recipients"] if one["header"]["kid"] == stage.bob.encryption.kid]
    return both.holding(both.envelope | {"recipients": mine})


def _one_swapped(stage: Stage) -> Document:
    both = _for_two(stage)
    envelope = both.envelope
    for entry in envelope["recipients"]:
        if entry["header"]["kid"] != stage.bob.encryption.kid:
            entry["header"]["kid"] = stage.alice.encryption.kid
    envelope["recipients"].sort(key=lambda entry: str(entry["header"]["kid"]))
    return both.holding(envelope)


def _forwarded(stage: Stage) -> Document:
    """What Alice wrote to Mallory, sealed by Mallory for Bob."""
    written = stage.sent("alice", to=stage.mallory, text="for Mallory")
    inner = forge.open_jwe(written.envelope, stage.mallory.encryption.kid, stage.mallory.encryption)
    ctx_hash = encoding.canonical_hash(claims(inner)["ctx"])
    sealed = forge.jwe(forge.protected(ctx_hash), inner, [stage.bob.encryption.public])
    return stage.letters.honest.moved(mid=written.mid).holding(sealed)


def _resealed_elsewhere(stage: Stage) -> Document:
    """What Alice signed, in an envelope whose context is that of another id."""
    elsewhere = stage.context | {"mid": new_message_id()}
    head = forge.protected(encoding.canonical_hash(elsewhere))
    sealed = forge.jwe(head, stage.inner, [stage.bob.encryption.public])
    return stage.letters.honest.moved(mid=elsewhere["mid"]).holding(sealed)


def _sealed_for_a_key_published_as_hers(stage: Stage) -> Document:
    """Mallory announces Bob's key as her own; what Alice then writes to her is given to Bob."""
    sent: list[Json] = []

    def keep(asked: Json, _forward: Forward) -> httpx.Response:
        sent.append(asked)
        return httpx.Response(200, json={"sent_at": "2026-11-22T12:00:00.123456Z"})

    def announce(answer: Json) -> None:
        for account in answer["accounts"]:
            if account["uid"] == stage.mallory.uid:
                bobs = stage.bob.encryption.public
                account["encryption_keys"] = [stage.mallory.key_statement(bobs)]

    with (
        stage.client("alice") as alice,
        stage.proxy.lying(find_keys=rewriting(announce), send_message=keep),
    ):
        alice.account.send(stage.mallory.address, "for Mallory")
    (asked,) = sent
    place = {"cid": asked["conversation_id"], "mid": asked["message_id"]}
    return stage.letters.honest.moved(**place).saying(envelope=asked["envelope"])


def _by_a_stranger(stage: Stage) -> Document:
    """Signed by a true account that has nothing to do with the conversation."""
    mallory = stage.mallory
    heads = stage.context["heads"] | {mallory.uid: [0, mallory.head.hash]}
    return stage.forged(signer=mallory.signing, uid=mallory.uid, dev=mallory.signing.kid, heads=heads)


def _expired(stage: Stage) -> Document:
    past = int(time.time()) - 1
    ended = datetime.fromtimestamp(past, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return stage.forged(exp=past * 1000).dated(expires_at=ended)


def _naming_head(stage: Stage, seq: int) -> Document:
    """Alice's word that her chain has another head than the service shows."""
    other = encoding.digest(stage.inner)
    return stage.forged(heads=stage.context["heads"] | {stage.alice.uid: [seq, other]})


def _twice(stage: Stage, bob: Client) -> list[str]:
    """The honest message, then another sealing of it under its id."""
    stage.owner.store(stage.letters.honest)
    met = bob.reads()
    stage.owner.store(stage.letters.honest.saying(envelope=stage.letters.first_sealing))
    return met + bob.reads()


def _too_late(stage: Stage, _bob: Client) -> list[str]:
    """Bob's letter comes to Alice after its key has ended, and another one in time."""
    in_time = stage.sent("bob", to=stage.alice, text=IN_TIME)
    stage.owner.store(stage.letters.late, in_time)
    with stage.client("alice", knowing=NOW) as alice:
        met = [one for one in alice.reads() if one != ANSWER]
    met.remove(IN_TIME)
    return met


def _nobody_there(stage: Stage, bob: Client) -> list[str]:
    """A message of somebody whom the service does not show."""
    stage.owner.store(stage.forged())
    with stage.proxy.lying(find_keys=rewriting(lambda answer: answer.update(accounts=[None]))):
        return bob.reads()


def _conversation_of_others(stage: Stage, bob: Client) -> list[str]:
    """Mallory's statement of the conversation of Alice and Bob."""
    mallory = stage.mallory
    statement = conversation.create_direct(
        uid=mallory.uid, other=stage.bob.uid, head=mallory.head, key=mallory.signing, now=int(time.time())
    )
    members = [[uid, "member"] for uid in sorted((stage.bob.uid, stage.alice.uid))]
    claimed = claims(statement) | {"cid": stage.letters.honest.cid, "members": members}
    made = forge.jws(forge.header(Type.CONVERSATION, mallory.signing), claimed, mallory.signing)
    shown = [{"statements": [made]}]

    def change(answer: Json) -> None:
        if answer["conversations"]:
            answer["conversations"] = shown

    stage.owner.store(stage.forged())
    with stage.proxy.lying(find_keys=rewriting(change)):
        return bob.reads()


def _invented(stage: Stage) -> str:
    """Alice's chain, begun by a device that is not hers."""
    iat = claims(stage.alice.first_statement)["iat"]
    return chain.first_statement(uid=stage.alice.uid, key=stage.mallory.signing, now=iat)


def _reset(stage: Stage, bob: Client) -> list[str]:
    """PostgreSQL's rows say that Alice began anew."""
    rows = stage.alice.first_statement, _invented(stage)
    hashes = encoding.digest(rows[0]), encoding.digest(rows[1])
    with stage.owner.rows(
        ("statements", "statement", *rows),
        ("statements", "hash", *hashes),
        ("accounts", "root", *hashes),
        ("accounts", "head_hash", *hashes),
    ):
        return bob.writes(stage.alice.address)


def _foreign_key(stage: Stage, bob: Client) -> list[str]:
    """PostgreSQL's row of Alice's encryption key holds one that Mallory's device announced."""
    foreign = stage.mallory.key_statement(stage.mallory.encryption.public, iss=stage.alice.uid)
    with stage.owner.rows(("encryption_keys", "statement", stage.letters.announced, foreign)):
        return bob.writes(stage.alice.address)


def _older_key(stage: Stage, bob: Client) -> list[str]:
    """Alice's newest key has been seen; then the one before it is shown."""
    (older,) = bob.pinned(stage.alice.uid).keys.values()
    bob.account.safety_number(stage.alice.address)
    return announced("", lambda _stage: older).meets(stage, bob)


def _another_account(stage: Stage, bob: Client) -> list[str]:
    """Alice's address leads to Mallory."""

    def lie(asked: Json, forward: Forward) -> httpx.Response:
        asked["accounts"][0] = {"address": None, "uid": stage.mallory.uid, "known_seq": -1}
        return forward(asked)

    with stage.proxy.lying(find_keys=lie):
        return bob.writes(stage.alice.address)


def _own_chain_gone(stage: Stage, bob: Client) -> list[str]:
    """The service states that Bob's account has no chain."""
    with stage.proxy.lying(create_session=rewriting(lambda answer: answer.update(head=None))):
        bob.account.sign_in(stage.code(stage.bob.address))
    return bob.alarms


def _first_respelled(_stage: Stage, account: Json) -> None:
    account["statements"] = [account["statements"][0] + "="]


def _misnamed_key(stage: Stage) -> str:
    """A key of Alice's that says it is Bob's."""
    jwk = stage.mallory.encryption.public.to_json() | {"kid": stage.bob.encryption.kid}
    return stage.alice.key_statement(stage.mallory.encryption.public, n=3, keys=[jwk])


CASES: dict[str, Case] = {
    # What is stored: the envelope
    "flattened JWE": _edited("malformed", lambda _, envelope: flattened(envelope)),
    "duplicate member": delivered("malformed", _tag_twice),
    "thumbprint respelled": _edited(
        "malformed", lambda stage, envelope: _to(_respelled(stage.bob.encryption.kid), envelope)
    ),
    "ciphertext respelled": delivered("malformed", _ciphertext_respelled),
    "a member that nobody authenticates": _edited("malformed", lambda _, envelope: envelope | {"aad": "eA"}),
    "a later version": _edited("update-needed", lambda _, envelope: _with_protected(envelope, v=2)),
    "kid swapped": _edited("not-for-me", lambda stage, envelope: _to(stage.mallory.encryption.kid, envelope)),
    "ciphertext altered": _edited(
        "undecryptable", lambda _, envelope: envelope | {"ciphertext": _altered(envelope["ciphertext"])}
    ),
    "context's hash altered": _edited(
        "undecryptable", lambda stage, envelope: _with_protected(envelope, ctx=encoding.digest(stage.inner))
    ),
    "a recipient dropped": delivered("recipients", _one_dropped),
    "another recipient's kid swapped": delivered("recipients", _one_swapped),
    # What is stored: the place
    "moved to another id": delivered(
        "context", lambda stage: stage.letters.honest.moved(mid=new_message_id())
    ),
    "moved to another conversation": delivered(
        "context",
        lambda stage: stage.letters.honest.moved(
            cid=direct_conversation(stage.mallory.uid, stage.bob.uid), mid=new_message_id()
        ),
    ),
    "under another's name": delivered(
        "context", lambda stage: stage.letters.honest.saying(sender_uid=stage.mallory.uid)
    ),
    "inner signature moved to another conversation": delivered("context", _forwarded),
    "inner signature moved to another id": delivered("context", _resealed_elsewhere),
    "sealed under another context's hash": delivered(
        "context", lambda stage: _resealed_elsewhere(stage).moved(mid=stage.letters.honest.mid)
    ),
    "sealed for a foreign key published as one's own": delivered(
        "context", _sealed_for_a_key_published_as_hers
    ),
    "replayed under one id": Case("replayed", _twice),
    "delivered after its key's time": Case("key-destroyed", _too_late),
    "delivered after its time": delivered("expired", _expired),
    # What is stored: who signed
    "signed by another's device": delivered(
        "unknown-device",
        lambda stage: stage.forged(signer=stage.mallory.signing, dev=stage.mallory.signing.kid),
    ),
    "signed in another's name": delivered(
        "bad-signature",
        lambda stage: stage.forged(signer=stage.mallory.signing, kid=stage.alice.signing.kid),
    ),
    "lenient base64 in an inner signature": delivered("malformed", lambda stage: stage.forged(after="=")),
    "written by a stranger": delivered("not-a-member", _by_a_stranger),
    "a newer head is named than is shown": delivered("chain-hidden", lambda stage: _naming_head(stage, 1)),
    "another head is named than was pinned": delivered("chain-fork", lambda stage: _naming_head(stage, 0)),
    "its sender hidden": Case("chain-hidden", _nobody_there, knowing=NEW),
    "a conversation that a stranger made": Case("not-a-member", _conversation_of_others, knowing=NEW),
    # What is shown of a chain
    "nonsense in a chain": appended("malformed", lambda _: "nonsense"),
    "lenient base64 in a signature": appended("malformed", lambda stage: stage.alice.first_statement + "="),
    "a stranger's statement": appended(
        "unknown-device", lambda stage: stage.alice.next_statement(stage.mallory.signing)
    ),
    "a forged statement": appended(
        "bad-signature",
        lambda stage: stage.alice.next_statement(stage.mallory.signing, kid=stage.alice.signing.kid),
    ),
    "a statement of a later version": appended(
        "update-needed", lambda stage: stage.alice.next_statement(stage.mallory.signing, v=2)
    ),
    "forked chain": appended("chain-fork", _invented),
    "a statement after another one": appended(
        "chain-fork",
        lambda stage: stage.alice.next_statement(stage.mallory.signing, prev=encoding.digest(stage.inner)),
    ),
    "reset": Case("key-change", _reset, frozen=True),
    "an address that leads elsewhere": Case("key-change", _another_account),
    "hidden head": shown("chain-hidden", lambda _, account: account["head"].update(seq=1)),
    "shrunk chain": Case("chain-rollback", _own_chain_gone),
    "lenient base64 at first sight": shown("malformed", _first_respelled, knowing=NEW),
    # What is shown of encryption keys
    "a stranger's key": Case("unknown-device", _foreign_key),
    "an older key": Case("chain-rollback", _older_key),
    "two keys of one number": announced(
        "chain-fork", lambda stage: stage.alice.key_statement(stage.mallory.encryption.public, n=1)
    ),
    "a key under another's thumbprint": announced("malformed", _misnamed_key),
    "no key at all": shown(
        "no-active-device", lambda _, account: account.update(encryption_keys=[]), knowing=NEW
    ),
}
