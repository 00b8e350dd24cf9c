"""Bodies of messages, version 1: ``{"type":"text","text","from"}``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sealpost.protocol.errors import Code, ProtocolError, malformed


@dataclass(frozen=True, slots=True)
class Text:
    """A text and the address that its sender claims.

    The service vouches for nothing but the uid: ``sender`` is the sender's own word until a look-up of that
    address gives the same uid.
    """

    text: str = field(repr=False)
    sender: str = field(repr=False)

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a body; ``update-needed`` for a type that is not known. Unknown members are ignored."""
        if body.get("type") != "text":
            raise ProtocolError(Code.UPDATE_NEEDED, "body: type is unknown")
        if not isinstance(body.get("text"), str) or not isinstance(body.get("from"), str):
            raise malformed("body: text and from are strings")
        return cls(body["text"], body["from"])

    def to_json(self) -> dict[str, str]:
        return {"type": "text", "text": self.text, "from": self.sender}
