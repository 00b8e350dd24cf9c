"""The context of a message: where it belongs, stated in both layers of its envelope."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from sealpost.protocol import encoding, identifiers, jws
from sealpost.protocol.bounds import MAX_NESTING, VERSION
from sealpost.protocol.conversation import reference
from sealpost.protocol.errors import malformed

_MEMBERS: Final = frozenset(
    {"v", "cid", "mid", "uid", "dev", "n", "iat", "exp", "kids", "heads", "conv", "ext"}
)


def kids_hash(kids: Iterable[str]) -> str:
    """base64url(SHA-256(the recipients' key ids, ascending, concatenated))."""
    return encoding.sha256("".join(sorted(kids)).encode("ascii"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the sender says of the place of a message; nothing secret may enter it. Made by :meth:`parse` alone.

    ``iat`` and ``exp`` are milliseconds, ``exp`` None for a message that does not disappear; ``n`` counts this
    device's messages in this conversation from 1; ``heads`` has (seq, hash) of every member's chain, ``conv`` that
    of the conversation.
    """

    cid: str
    mid: str
    uid: str
    dev: str
    n: int
    iat: int
    exp: int | None
    kids: str
    heads: Mapping[str, tuple[int, str]]
    conv: tuple[int, str]
    ext: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a ``ctx``: ``malformed`` unless it has exactly its members, ``update-needed`` for another ``v``."""
        if not isinstance(value, dict):
            raise malformed("ctx: not an object")
        jws.known_version(value)
        ctx = encoding.members(value, _MEMBERS)
        if not (encoding.is_integer(ctx["n"], low=1) and encoding.is_integer(ctx["iat"])):
            raise malformed("ctx: n and iat are integers")
        if ctx["exp"] is not None and not encoding.is_integer(ctx["exp"]):
            raise malformed("ctx: exp is an integer or null")
        if not isinstance(ctx["heads"], dict) or not isinstance(ctx["ext"], dict):
            raise malformed("ctx: heads and ext are objects")
        return cls(
            cid=identifiers.hash256(ctx["cid"]),
            mid=identifiers.message_id(ctx["mid"]),
            uid=identifiers.uid(ctx["uid"]),
            dev=identifiers.hash256(ctx["dev"]),
            n=ctx["n"],
            iat=ctx["iat"],
            exp=ctx["exp"],
            kids=identifiers.hash256(ctx["kids"]),
            heads={identifiers.uid(uid): reference(head) for uid, head in ctx["heads"].items()},
            conv=reference(ctx["conv"]),
            ext=ctx["ext"],
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "v": VERSION,
            "cid": self.cid,
            "mid": self.mid,
            "uid": self.uid,
            "dev": self.dev,
            "n": self.n,
            "iat": self.iat,
            "exp": self.exp,
            "kids": self.kids,
            "heads": {uid: list(head) for uid, head in self.heads.items()},
            "conv": list(self.conv),
            "ext": dict(self.ext),
        }

    @property
    def hash(self) -> str:
        """base64url(SHA-256(canonical ctx)): the outer layer's ``ctx``.

        :meth:`parse` let nothing in that the canonical form does not know, except into ``ext``: ``malformed``.
        """
        (seq, statement_hash), exp = self.conv, "null" if self.exp is None else self.exp
        heads = ",".join([f'"{uid}":[{at},"{head}"]' for uid, (at, head) in sorted(self.heads.items())])
        canonical = (
            f'{{"cid":"{self.cid}","conv":[{seq},"{statement_hash}"],"dev":"{self.dev}","exp":{exp},'
            f'"ext":{encoding.canonical(self.ext, MAX_NESTING - 1)},"heads":{{{heads}}},"iat":{self.iat},"kids":"{self.kids}",'
            f'"mid":"{self.mid}","n":{self.n},"uid":"{self.uid}","v":{VERSION}}}'
        )
        return encoding.sha256(canonical.encode("ascii"))
