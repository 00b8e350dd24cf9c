"""Opening a message: the receiver's checks, in the order of protocol.md.

Nothing is returned before every check has passed.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sealpost.protocol import bounds, encoding, jose, jws
from sealpost.protocol.chain import Chain, Device
from sealpost.protocol.context import Context, kids_hash
from sealpost.protocol.conversation import Conversation
from sealpost.protocol.envelope import Outer
from sealpost.protocol.errors import Code, HiddenError, Notice, ProtocolError, malformed
from sealpost.protocol.jwk import PrivateKey

_PAYLOAD: Final = frozenset({"ctx", "body", "pad"})
_PAD: Final = re.compile(r"0*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The message document as the service delivered it; times are milliseconds.

    ``cid`` and ``mid`` come from its path, the rest from its fields.
    """

    cid: str
    mid: str
    sender_uid: str
    sender_device: str
    sent_at: int
    expires_at: int | None
    envelope: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A decryption key of this ``device`` of ``uid``; ``device`` is None for the account's history key."""

    key: PrivateKey
    uid: str
    device: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who opens: the keys still held by kid, and the kids of those destroyed."""

    uid: str
    device: str
    keys: Mapping[str, OwnKey]
    destroyed: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the receiver has pinned and seen when it opens one message.

    ``chains``        pinned chains by uid, one's own among them; a missing one is asked for (:class:`HiddenError`).
    ``conversation``  gives the pinned conversation of the document's path, or None; called after check 6 alone, so
                      that nothing about it is verified for a document that nobody signed.
    ``seen``          inner hash of the message that came or went under this (cid, mid) before, deleted and expired
                      ones too, or None.
    ``highest_n``     highest ``n`` seen of this device in this conversation; 0 if its first message is due, None if
                      this device cannot know (no notice of a gap).
    ``now``           milliseconds.
    """

    chains: Mapping[str, Chain]
    conversation: Callable[[], Conversation | None]
    seen: str | None = None
    highest_n: int | None = None
    now: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that passed every check. ``inner`` is what its sender signed."""

    context: Context
    body: Mapping[str, Any] = field(repr=False)
    inner: str = field(repr=False)
    notices: tuple[Notice, ...]

    @property
    def inner_hash(self) -> str:
        return encoding.digest(self.inner)


@dataclass(frozen=True, slots=True)
class AlreadySeen:
    """The very message that was opened before: nothing to show, nothing wrong."""


def open_message(document: Document, *, receiver: Receiver, known: Known) -> Opened | AlreadySeen:
    """Open a message or raise :class:`ProtocolError` with the code of the first check that fails.

    :class:`HiddenError` (``chain-hidden``) names the chains and the conversation statement that are needed beyond
    the pins: look them up and call again; if it still names the same, that is the verdict.
    """
    outer = Outer.parse(document.envelope)
    own = _own_key(outer, receiver)
    plaintext = jose.decrypt(
        own.key.jose_key,
        wrapped=encoding.b64decode(outer.wrapped[own.key.kid]),
        protected=outer.protected,
        iv=outer.iv,
        ciphertext=outer.ciphertext,
        tag=outer.tag,
    )
    if plaintext is None:
        raise ProtocolError(Code.UNDECRYPTABLE, "no key or no content that fits")
    parsed, context, body = _read_inner(plaintext)
    _check_place(context, outer, document, receiver, own)
    device = _check_sender(parsed, context, document, known)
    _check_members(context, receiver, known)
    if known.seen is not None:
        if known.seen != parsed.hash:
            raise ProtocolError(Code.REPLAYED, "another message came under this id")
        return AlreadySeen()
    try:
        if context.exp is not None and known.now >= context.exp:
            raise ProtocolError(Code.EXPIRED, "message has expired")
        _check_heads(context, known)
    except ProtocolError as error:
        error.inner_hash = parsed.hash
        raise
    return Opened(context, body, parsed.compact, _notices(context, document, receiver, known, device))


def _own_key(outer: Outer, receiver: Receiver) -> OwnKey:
    """Check 2: an entry for a key that is held."""
    for kid in outer.kids:
        if kid in receiver.keys:
            return receiver.keys[kid]
    if any(kid in receiver.destroyed for kid in outer.kids):
        raise ProtocolError(Code.KEY_DESTROYED, "sealed for a key since destroyed")
    raise ProtocolError(Code.NOT_FOR_ME, "no recipient entry is mine")


def _read_inner(plaintext: bytes) -> tuple[jws.Unverified, Context, dict[str, Any]]:
    """Check 4: the plaintext is a compact JWS, which commits the message to one content key."""
    try:
        compact = plaintext.decode("ascii")
    except UnicodeDecodeError:
        raise malformed("inner: not ASCII") from None
    parsed = jws.parse(jws.Type.MESSAGE, compact, limit=bounds.MAX_ENVELOPE)
    payload = encoding.members(parsed.claims, _PAYLOAD)
    body = payload["body"]
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise malformed("inner: body has no type")
    if not isinstance(payload["pad"], str) or not _PAD.fullmatch(payload["pad"]):
        raise malformed("inner: pad is not zeros")
    return parsed, Context.parse(payload["ctx"]), body


def _check_place(context: Context, outer: Outer, document: Document, receiver: Receiver, own: OwnKey) -> None:
    """Check 5: both layers, the path, the document and the recipients agree."""
    if context.hash != outer.ctx:
        raise ProtocolError(Code.CONTEXT, "inner and outer ctx differ")
    stated = (context.cid, context.mid, context.uid, context.dev)
    if stated != (document.cid, document.mid, document.sender_uid, document.sender_device):
        raise ProtocolError(Code.CONTEXT, "ctx and document differ")
    if context.exp is not None and context.exp != document.expires_at:
        raise ProtocolError(Code.CONTEXT, "expiry of ctx and document differ")
    if context.kids != kids_hash(outer.kids):
        raise ProtocolError(Code.RECIPIENTS, "recipients are not those that were sealed for")
    if receiver.uid not in context.heads:
        raise ProtocolError(Code.CONTEXT, "sealed without regard to my chain")
    if own.uid != receiver.uid or own.device not in {receiver.device, None}:
        raise ProtocolError(Code.CONTEXT, "sealed for a key of another device or account")


def _check_sender(parsed: jws.Unverified, context: Context, document: Document, known: Known) -> Device:
    """Check 6: signed by a device that is active where the sender's head says."""
    if context.uid not in context.heads:
        raise ProtocolError(Code.CONTEXT, "ctx has no head of its sender")
    seq, statement_hash = context.heads[context.uid]
    chain = known.chains.get(context.uid)
    device = chain.devices.get(context.dev) if chain else None
    if chain is None or (device is None and seq > chain.head.seq):
        raise HiddenError("sender's chain is needed", chains={context.uid: seq})
    if device is None:
        raise ProtocolError(Code.UNKNOWN_DEVICE, "sender has no such device")
    parsed.verify(device.key)
    chain.check_reference(seq, statement_hash)
    if not device.active_at(seq):
        raise ProtocolError(Code.UNKNOWN_DEVICE, "sender's device was not active")
    if device.removed_at is not None and document.sent_at // 1000 > device.removed_at:
        raise ProtocolError(Code.REVOKED_DEVICE, "sent after the device was removed")
    return device


def _check_members(context: Context, receiver: Receiver, known: Known) -> None:
    """Check 7: sender and receiver belong to the conversation, and the heads are its members'."""
    conversation = known.conversation()
    if conversation is None:
        raise HiddenError("conversation is needed", conversation=context.conv[0])
    if conversation.cid != context.cid:
        raise ValueError("the pinned conversation is another one")
    members = conversation.members_at(*context.conv)
    if context.uid not in members or receiver.uid not in members:
        raise ProtocolError(Code.NOT_A_MEMBER, "sender or receiver is no member")
    if context.heads.keys() != set(members):
        raise ProtocolError(Code.CONTEXT, "heads are not those of the members")


def _check_heads(context: Context, known: Known) -> None:
    """Every head that the sender used stands in the pinned chains; newer ones are asked for at once."""
    newer = {
        uid: seq
        for uid, (seq, _) in context.heads.items()
        if uid not in known.chains or seq >= len(known.chains[uid].hashes)
    }
    if newer:
        raise HiddenError("newer chain heads are named than the pinned ones", chains=newer)
    for uid, (seq, statement_hash) in context.heads.items():
        known.chains[uid].check_reference(seq, statement_hash)


def _notices(
    context: Context, document: Document, receiver: Receiver, known: Known, device: Device
) -> tuple[Notice, ...]:
    notices = []
    own = known.chains[receiver.uid]
    following = context.heads[receiver.uid][0] + 1
    stale_before = document.sent_at - bounds.CLOCK_TOLERANCE * 1000
    if following < len(own.times) and own.times[following] * 1000 < stale_before:
        notices.append(Notice.SENDER_STALE)
    if device.removed is not None:
        notices.append(Notice.REMOVED_DEVICE)
    if known.highest_n is not None and context.n > known.highest_n + 1:
        notices.append(Notice.GAP)
    if abs(context.iat - document.sent_at) > bounds.CLOCK_NOTICE:
        notices.append(Notice.CLOCK)
    return tuple(notices)
