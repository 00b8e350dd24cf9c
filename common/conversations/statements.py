"""Conversation statements, verified (docs/protocol.md, "Conversations")."""

from hashlib import sha256
from typing import Any

from common.conversations.model import Creation
from common.errors import InvalidRequest
from common.identity import UID, Caller
from common.jose import RsaKey, base64url, integer, matching, read_statement, require_signature
from common.jose.rsa_key import THUMBPRINT

TYP = "sealpost-conv+jwt"

_MEMBERS = frozenset(
    ("v", "cid", "seq", "prev", "iat", "iss", "dev", "head", "act", "kind", "members", "ext")
)


def direct_id(one: str, other: str) -> str:
    """The id of the direct conversation of two uids, the same whoever begins it."""
    first, second = sorted((one, other))
    return base64url(sha256(f"sealpost direct 1\0{first}\0{second}".encode("ascii")).digest())


def read_creation(compact: str, caller: Caller, key: RsaKey, now: float) -> Creation:
    """Read and verify the statement that creates a direct conversation, made by the caller's device (`key`).

    Raises:
        InvalidRequest: it is another statement, badly signed, or not issued now.
    """
    name = "The conversation statement"
    signed = read_statement(compact, TYP, _MEMBERS, name, now=now)
    payload = signed.payload
    if payload["kind"] != "direct" or payload["act"] != "create":
        raise InvalidRequest("Only direct conversations are supported yet, with act create.")
    if integer(payload["seq"], "seq") != 0 or payload["prev"] is not None:
        raise InvalidRequest(f"{name} must have seq 0 and prev null.")
    if payload["iss"] != caller.uid or payload["dev"] != caller.device:
        raise InvalidRequest(f"{name} must be of the caller's account and device.")
    members = _two_members(payload["members"])
    if caller.uid not in members or payload["cid"] != direct_id(*members):
        raise InvalidRequest(f"{name} must name the caller as a member and the cid of its two members.")
    head = _head(payload["head"])
    require_signature(signed, key, name)
    return Creation(
        id=payload["cid"],
        hash=signed.hash,
        members=members,
        creator=caller.uid,
        creator_head=head,
        compact=compact,
    )


def _two_members(value: Any) -> tuple[str, str]:
    if not isinstance(value, list) or any(not isinstance(item, list) or len(item) != 2 for item in value):  # noqa: PLR2004 - a pair
        raise InvalidRequest("members must be a list of [uid, role].")
    uids = [matching(uid, UID, "A member's uid") for uid, _ in value]
    if len(uids) != 2 or not uids[0] < uids[1] or any(role != "member" for _, role in value):  # noqa: PLR2004 - direct
        raise InvalidRequest(
            'A direct conversation has two members, ascending by uid, both with the role "member".'
        )
    return uids[0], uids[1]


def _head(value: Any) -> tuple[int, str]:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a pair
        raise InvalidRequest("head must be [seq, hash].")
    return integer(value[0], "head"), matching(value[1], THUMBPRINT, "head")
