"""Conversation statements, verified (docs/protocol.md, "Conversations")."""

from hashlib import sha256
from itertools import pairwise
from typing import Any

from common.conversations.model import Creation, Kind
from common.errors import InvalidRequest
from common.identity import UID, Caller
from common.jose import RsaKey, base64url, integer, matching, read_statement, require_signature
from common.jose.rsa_key import THUMBPRINT

TYP = "sealpost-conv+jwt"

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


def read_creation(compact: str, caller: Caller, key: RsaKey, now: float) -> Creation:
    """Read and verify the statement that creates a conversation of two, or with oneself, by the caller's device (`key`).

    Raises:
        InvalidRequest: it is another statement, badly signed, or not issued now.
    """
    name = "The conversation statement"
    signed = read_statement(compact, TYP, _MEMBERS, name, now=now)
    payload = signed.payload
    if payload["kind"] not in list(_SIZES) or payload["act"] != "create":
        raise InvalidRequest("Only the kinds direct and self are supported yet, with act create.")
    if integer(payload["seq"], "seq") != 0 or payload["prev"] is not None:
        raise InvalidRequest(f"{name} must have seq 0 and prev null.")
    if payload["iss"] != caller.uid or payload["dev"] != caller.device:
        raise InvalidRequest(f"{name} must be of the caller's account and device.")
    kind: Kind = payload["kind"]
    members = _members(payload["members"], _SIZES[kind])
    if caller.uid not in members or payload["cid"] != _id(kind, members):
        raise InvalidRequest(f"{name} must name the caller as a member and the cid of its kind and members.")
    head = _head(payload["head"])
    require_signature(signed, key, name)
    return Creation(
        id=payload["cid"],
        hash=signed.hash,
        kind=kind,
        members=members,
        creator=caller.uid,
        creator_head=head,
        compact=compact,
    )


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
