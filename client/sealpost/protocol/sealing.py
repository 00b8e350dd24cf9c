"""Sealing a message: sign, then encrypt, the context in both layers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sealpost.protocol import bounds, encoding, identifiers, jose, jws
from sealpost.protocol.chain import Head
from sealpost.protocol.context import Context, kids_hash
from sealpost.protocol.conversation import Conversation
from sealpost.protocol.envelope import padding, protected_header
from sealpost.protocol.errors import MessageTooLongError, malformed
from sealpost.protocol.jwk import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed message: the ``envelope`` to send byte for byte, and what the sender keeps of it."""

    envelope: str = field(repr=False)
    context: Context
    inner_hash: str


def seal(
    *,
    body: Mapping[str, Any],
    conversation: Conversation,
    heads: Mapping[str, Head],
    mid: str,
    uid: str,
    n: int,
    now: int,
    expires_at: int | None,
    signing_key: PrivateKey,
    recipients: Collection[PublicKey],
) -> Sealed:
    """Seal ``body`` as message ``mid`` (UUIDv7) of ``uid``'s device for ``recipients``.

    ``heads`` are the chain heads of all members, ``now`` and ``expires_at`` milliseconds, ``n`` the number of
    this device's message in this conversation, from 1. Every call takes a fresh content key and IV, so the
    same message sealed twice is two envelopes: to repeat a send, repeat the bytes.

    Raises :class:`MessageTooLongError`, and ``malformed`` for a body that UTF-8 cannot carry.
    """
    keys = {key.kid: key.jose_key for key in sorted(recipients, key=lambda key: key.kid)}
    if not 1 <= len(keys) == len(recipients) <= bounds.MAX_RECIPIENTS:
        raise ValueError("1 to 100 distinct recipient keys")
    if heads.keys() != set(conversation.members) or uid not in heads:
        raise ValueError("the heads are not those of the members")
    context = Context.parse(
        {
            "v": bounds.VERSION,
            "cid": conversation.cid,
            "mid": identifiers.message_id(mid),
            "uid": uid,
            "dev": signing_key.kid,
            "n": n,
            "iat": now,
            "exp": expires_at,
            "kids": kids_hash(keys),
            "heads": {member: [heads[member].seq, heads[member].hash] for member in sorted(heads)},
            "conv": list(conversation.head),
            "ext": {},
        }
    )
    payload = {"ctx": context.to_json(), "body": dict(body), "pad": "0" * padding(_size(body))}
    inner = jws.sign(jws.Type.MESSAGE, payload, signing_key)
    jwe = jose.encrypt(keys, protected_header(context.hash), inner.encode("ascii"))
    envelope = encoding.compact_json(
        {
            "protected": jwe["protected"],
            "recipients": [
                {"header": entry["header"], "encrypted_key": entry["encrypted_key"]}
                for entry in jwe["recipients"]
            ],
            "iv": jwe["iv"],
            "ciphertext": jwe["ciphertext"],
            "tag": jwe["tag"],
        }
    )
    if len(envelope) >= bounds.MAX_ENVELOPE:
        raise MessageTooLongError(size=len(envelope), limit=bounds.MAX_ENVELOPE - 1)
    return Sealed(envelope, context, encoding.digest(inner))


def _size(body: Mapping[str, Any]) -> int:
    """UTF-8 bytes of the body as the payload carries it."""
    try:
        size = len(encoding.compact_json(dict(body)).encode("utf-8"))
    except UnicodeEncodeError:
        raise malformed("body: a lone surrogate") from None
    if size > bounds.MAX_BODY:
        raise MessageTooLongError(size=size, limit=bounds.MAX_BODY)
    return size
