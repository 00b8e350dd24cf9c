"""Conversation statements, verified (docs/protocol.md, "Conversations")."""

from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

from common.conversations.model import Creation, Kind
from common.errors import InvalidRequest
from common.identity import UID, Caller
from common.jose import RsaKey, Signed, base64url, integer, matching, read_versioned, require_signature
from common.jose.rsa_key import THUMBPRINT

TYP = "sealpost-conv+jwt"
NAME = "The conversation statement"

_MEMBERS = frozenset(
    ("v", "cid", "seq", "prev", "iat", "iss", "dev", "head", "act", "kind", "members", "ext")
)
_SIZES = {"direct": 2, "self": 1}
"""How many members each kind has."""


def direct_id(one: str, other: str) -> str:
    """The id of the direct conversation of two uids, the same whoever begins it."""
    first, second = sorted((one, other))
    return base64url(sha256(f"sealpost direct 1\0{first}\0{second}".encode("ascii")).digest())


def self_id(uid: str) -> str:
    """The id of the conversation of a uid with itself."""
    return base64url(sha256(f"sealpost self 1\0{uid}".encode("ascii")).digest())


@dataclass(frozen=True, slots=True)
class SignedCreation:
    """A creation whose signature is still to be verified."""

    creation: Creation
    signed: Signed

    def verified_by(self, key: RsaKey) -> Creation:
        """Raises InvalidRequest: another key signed it."""
        require_signature(self.signed, key, NAME)
        return self.creation


def read_creation(compact: str, caller: Caller) -> SignedCreation:
    """Read a statement that creates a conversation of two, or with oneself, of which the caller is a member.

    Raises:
        InvalidRequest: it is another statement.
    """
    signed = read_versioned(compact, TYP, _MEMBERS, NAME)
    payload = signed.payload
    if payload["kind"] not in list(_SIZES) or payload["act"] != "create":
        raise InvalidRequest("Only the kinds direct and self are supported yet, with act create.")
    if integer(payload["seq"], "seq") != 0 or payload["prev"] is not None:
        raise InvalidRequest(f"{NAME} must have seq 0 and prev null.")
    if payload["dev"] != signed.kid:
        raise InvalidRequest(f"{NAME} must be signed by the device that it names.")
    kind: Kind = payload["kind"]
    members = _members(payload["members"], _SIZES[kind])
    if not {caller.uid, payload["iss"]} <= set(members) or payload["cid"] != _id(kind, members):
        raise InvalidRequest(
            f"{NAME} must name the caller and its creator as members, and the cid of its kind and members."
        )
    creation = Creation(
        id=payload["cid"],
        hash=signed.hash,
        kind=kind,
        members=members,
        creator=payload["iss"],
        device=signed.kid,
        issued_at=payload["iat"],
        creator_head=_head(payload["head"]),
        compact=compact,
    )
    return SignedCreation(creation, signed)


def _id(kind: Kind, members: tuple[str, ...]) -> str:
    return self_id(*members) if kind == "self" else direct_id(*members)


def _members(value: Any, size: int) -> tuple[str, ...]:
    if not isinstance(value, list) or any(not isinstance(item, list) or len(item) != 2 for item in value):  # noqa: PLR2004 - a pair
        raise InvalidRequest("members must be a list of [uid, role].")
    uids = tuple(matching(uid, UID, "A member's uid") for uid, _ in value)
    ascending = all(one < other for one, other in pairwise(uids))
    if len(uids) != size or not ascending or any(role != "member" for _, role in value):
        raise InvalidRequest(
            'A direct conversation has two members and one with oneself has one, ascending by uid, with the role "member".'
        )
    return uids


def _head(value: Any) -> tuple[int, str]:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a pair
        raise InvalidRequest("head must be [seq, hash].")
    return integer(value[0], "head"), matching(value[1], THUMBPRINT, "head")
