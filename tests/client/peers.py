"""A peer who keeps the account's rules and no others: what he signs is his, its content anything."""

import json
import time
from dataclasses import replace
from typing import Any

from sealpost.account import Account
from sealpost.mailbox import MessageDocument
from sealpost.protocol import encoding, identifiers, jose, jws
from sealpost.protocol.context import kids_hash
from sealpost.protocol.envelope import protected_header
from sealpost.protocol.jwk import PublicKey, Use
from tests.client.fakes import World, claims

Json = dict[str, Any]


def forged(
    world: World,
    sender: Account,
    receiver: Account,
    *,
    body: Json | None = None,
    mid: str | None = None,
    exp: int | None = None,
    sent_at: int | None = None,
    **context: Any,
) -> MessageDocument:
    """A sealed message that the service has delivered. `context` replaces members of ctx.

    The two have a conversation already.
    """
    key, now = sender._device.key, int(world.wall.time() * 1000)
    accounts = {account["uid"]: account for account in world.service.accounts.values()}
    pair = {account._uid: accounts[account._uid] for account in (sender, receiver)}
    wrapping = PublicKey.parse(claims(pair[receiver._uid]["key"])["keys"][0], Use.ENCRYPTION)
    cid = identifiers.direct_conversation(*pair)
    (statement,) = world.service.conversations[cid]
    ctx: Json = {
        "v": 1,
        "cid": cid,
        "mid": mid or identifiers.new_message_id(now),
        "uid": sender._uid,
        "dev": key.kid,
        "n": 2,
        "iat": now,
        "exp": exp,
        "kids": kids_hash([wrapping.kid]),
        "heads": {
            uid: [len(account["statements"]) - 1, encoding.digest(account["statements"][-1])]
            for uid, account in pair.items()
        },
        "conv": [0, encoding.digest(statement)],
        "ext": {},
    } | context
    said = body or {"type": "text", "text": "forged", "from": sender.whoami().address}
    inner = jws.sign(jws.Type.MESSAGE, {"ctx": ctx, "body": said, "pad": ""}, key)
    ctx_hash = encoding.sha256(json.dumps(ctx, separators=(",", ":"), sort_keys=True).encode())
    jwe = jose.encrypt({wrapping.kid: wrapping.jose_key}, protected_header(ctx_hash), inner.encode())
    sealed = {name: jwe[name] for name in ("protected", "recipients", "iv", "ciphertext", "tag")}
    document = MessageDocument(
        name=f"conversations/{cid}/messages/{ctx['mid']}",
        cid=cid,
        mid=ctx["mid"],
        sender_uid=sender._uid,
        sender_device=key.kid,
        sent_at=sent_at or int(time.time() * 1_000_000),
        expires_at=None if exp is None else exp * 1000,
        envelope=encoding.compact_json(sealed),
    )
    world.service.add(document)
    return document


def garbage(world: World, **changed: Any) -> MessageDocument:
    """A document in Ada's and Bob's conversation whose envelope is none."""
    first = world.service.documents[0]
    document = replace(first, mid="0" * 8, name="x", sent_at=first.sent_at + 1, envelope="{}")
    world.service.add(replace(document, **changed))
    return document
