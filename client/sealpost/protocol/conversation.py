"""Conversations: who is in them, as a member signed it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sealpost.protocol import encoding, identifiers, jws
from sealpost.protocol.bounds import VERSION
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.errors import Code, ForkError, HiddenError, ProtocolError, malformed
from sealpost.protocol.jwk import PrivateKey

_MEMBERS: Final = frozenset(
    {"v", "cid", "seq", "prev", "iat", "iss", "dev", "head", "act", "kind", "members", "ext"}
)
_ACTS: Final = frozenset({"create", "add", "remove", "role", "leave"})
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Conversation:
    """A verified conversation; ``members`` are the two uids of a direct one, ascending, or one's own alone."""

    cid: str
    members: tuple[str, ...]
    statements: tuple[str, ...] = field(repr=False)
    hashes: tuple[str, ...] = field(repr=False)

    @property
    def head(self) -> tuple[int, str]:
        """(seq, hash) of the last statement."""
        return len(self.hashes) - 1, self.hashes[-1]

    def members_at(self, seq: int, statement_hash: str) -> tuple[str, ...]:
        """The members after statement ``seq``, whose hash must be this one (``chain-hidden``, ``chain-fork``)."""
        if seq >= len(self.hashes):
            raise HiddenError("a newer conversation head is named than the pinned one", conversation=seq)
        if self.hashes[seq] != statement_hash:
            raise ForkError(
                "another conversation statement is named", ours=self.hashes[seq], theirs=statement_hash
            )
        return self.members


def create_direct(*, uid: str, other: str, head: Head, key: PrivateKey, now: int) -> str:
    """The statement by which ``uid`` makes its conversation with ``other``: a compact JWS.

    ``head`` is the present head of one's own chain, ``now`` in seconds.
    """
    cid = identifiers.direct_conversation(uid, other)
    return _create("direct", cid, sorted((uid, other)), uid=uid, head=head, key=key, now=now)


def create_self(*, uid: str, head: Head, key: PrivateKey, now: int) -> str:
    """The statement by which ``uid`` makes its conversation with itself, as :func:`create_direct`."""
    return _create("self", identifiers.self_conversation(uid), [uid], uid=uid, head=head, key=key, now=now)


def _create(
    kind: str, cid: str, members: list[str], *, uid: str, head: Head, key: PrivateKey, now: int
) -> str:
    if head.uid != uid:
        raise ValueError("the head is of another account")
    payload = {
        "v": VERSION,
        "cid": cid,
        "seq": 0,
        "prev": None,
        "iat": now,
        "iss": uid,
        "dev": key.kid,
        "head": [head.seq, head.hash],
        "act": "create",
        "kind": kind,
        "members": [[member, "member"] for member in members],
        "ext": {},
    }
    return jws.sign(jws.Type.CONVERSATION, payload, key)


def verify(
    cid: str,
    statements: Iterable[str],
    *,
    chains: Mapping[str, Chain],
    pinned: tuple[int, str] | None = None,
) -> Conversation:
    """Verify a conversation; ``chains`` holds the chains of its members, ``pinned`` is (seq, hash).

    Raises ``malformed``, ``bad-signature``, ``unknown-device`` (signer not active at the named head),
    ``not-a-member``, ``update-needed`` (groups), ``chain-hidden`` and ``chain-fork`` (the signer's chain head, or
    the pin, does not fit).
    """
    compacts = tuple(statements)
    if len(compacts) != 1:
        raise malformed("conversation: it has one statement")
    parsed = jws.parse(jws.Type.CONVERSATION, compacts[0])
    claims = _read(parsed.claims)
    if claims["cid"] != cid:
        raise malformed("conversation: another one's statement")
    if pinned is not None and pinned != (0, parsed.hash):
        raise ForkError("two statements create one conversation", ours=pinned[1], theirs=compacts[0])
    members = _members(claims)
    if claims["iss"] not in members:
        raise ProtocolError(Code.NOT_A_MEMBER, "conversation: made by an outsider")
    _check_signer(parsed, claims, chains)
    return Conversation(cid=cid, members=members, statements=compacts, hashes=(parsed.hash,))


def _read(claims: dict[str, Any]) -> dict[str, Any]:
    jws.known_version(claims)
    encoding.members(claims, _MEMBERS)
    if not encoding.is_integer(claims["seq"]) or not encoding.is_integer(claims["iat"]):
        raise malformed("conversation: seq and iat are integers")
    if not isinstance(claims["ext"], dict):
        raise malformed("conversation: ext is an object")
    if not isinstance(claims["act"], str):
        raise malformed("conversation: act is a string")
    for name in ("cid", "dev"):
        identifiers.hash256(claims[name])
    identifiers.uid(claims["iss"])
    if claims["kind"] == "group" and claims["act"] in _ACTS:
        raise ProtocolError(Code.UPDATE_NEEDED, "conversation: this client does not handle groups yet")
    if claims["kind"] not in ("direct", "self") or (claims["act"], claims["seq"], claims["prev"]) != (
        "create",
        0,
        None,
    ):
        raise malformed("conversation: it is created and never changed")
    return claims


def _members(claims: dict[str, Any]) -> tuple[str, ...]:
    match claims["kind"], claims["members"]:
        case "direct", [[str(first), "member"], [str(second), "member"]] if first < second:
            if claims["cid"] == identifiers.direct_conversation(first, second):
                return first, second
        case "self", [[str(only), "member"]]:
            if claims["cid"] == identifiers.self_conversation(only):
                return (only,)
    raise malformed("conversation: members are not those of its id")


def _check_signer(parsed: jws.Unverified, claims: dict[str, Any], chains: Mapping[str, Chain]) -> None:
    seq, statement_hash = reference(claims["head"])
    chain = chains.get(claims["iss"])
    if chain is None:
        raise HiddenError("conversation: the signer's chain is needed", chains={claims["iss"]: seq})
    device = chain.devices.get(claims["dev"])
    if device is None:
        if seq > chain.head.seq:
            raise HiddenError("conversation: signed by a newer device", chains={chain.uid: seq})
        raise ProtocolError(Code.UNKNOWN_DEVICE, "conversation: signed by no device of its maker")
    parsed.verify(device.key)
    chain.check_reference(seq, statement_hash)
    if not device.active_at(seq):
        raise ProtocolError(Code.UNKNOWN_DEVICE, "conversation: signer was not active")


def reference(value: object) -> tuple[int, str]:
    """A ``[seq, hash]`` pair."""
    if not isinstance(value, list | tuple) or len(value) != _PAIR or not encoding.is_integer(value[0]):
        raise malformed("not a seq and a hash")
    return value[0], identifiers.hash256(value[1])
