"""Bodies of messages, version 1: a text, and the pins that a person's devices tell one another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from sealpost.protocol import bounds, encoding, identifiers
from sealpost.protocol.conversation import reference
from sealpost.protocol.errors import Code, ProtocolError, malformed

_PIN: Final = frozenset({"uid", "head", "verified", "addresses"})


@dataclass(frozen=True, slots=True)
class Text:
    """``{"type":"text","text","from"}``: a text and the address that its sender claims.

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


@dataclass(frozen=True, slots=True)
class Pin:
    """What a device has pinned of one account: ``{"uid","head","verified","addresses"}``.

    ``head`` is (seq, hash), ``verified`` the (root, seq, hash) that the person compared, or None; ``addresses`` are
    those that the service led to this uid.
    """

    uid: str
    head: tuple[int, str]
    verified: tuple[str, int, str] | None = None
    addresses: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        pin = encoding.members(value, _PIN)
        addresses = pin["addresses"]
        if not isinstance(addresses, list) or len(addresses) > bounds.MAX_PIN_ADDRESSES:
            raise malformed("pin: too many addresses, or no list")
        if not all(isinstance(text, str) and 0 < len(text) <= bounds.MAX_ADDRESS for text in addresses):
            raise malformed("pin: not an address")
        return cls(
            identifiers.uid(pin["uid"]),
            reference(pin["head"]),
            _verified(pin["verified"]),
            tuple(addresses),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "head": list(self.head),
            "verified": list(self.verified) if self.verified else None,
            "addresses": list(self.addresses),
        }


def _verified(value: object) -> tuple[str, int, str] | None:
    match value:
        case None:
            return None
        case [str(root), *rest]:
            return (identifiers.hash256(root), *reference(rest))
    raise malformed("pin: verified is a root, seq and hash")


def read_pins(value: object) -> tuple[Pin, ...]:
    """A list of pins, one for an account."""
    if not isinstance(value, list):
        raise malformed("pins: not a list")
    pins = tuple(Pin.parse(pin) for pin in value)
    if len({pin.uid for pin in pins}) != len(pins):
        raise malformed("pins: two of one account")
    return pins


@dataclass(frozen=True, slots=True)
class Pins:
    """``{"type":"pins","pins":[...]}``: what one device tells a person's others, in the conversation with oneself.

    It counts in that conversation alone, and only from a device of one's own.
    """

    pins: tuple[Pin, ...]

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a body; ``update-needed`` for a type that is not known. Unknown members of it are ignored."""
        if body.get("type") != "pins":
            raise ProtocolError(Code.UPDATE_NEEDED, "body: type is unknown")
        pins = read_pins(body.get("pins"))
        if len(pins) > bounds.MAX_PINS:
            raise malformed("pins: too many")
        return cls(pins)

    @classmethod
    def split(cls, pins: Iterable[Pin]) -> tuple[Self, ...]:
        """Bodies that hold all of ``pins``, as many in each as one message carries."""
        bodies: list[Self] = []
        for pin in pins:
            longer = cls((*bodies[-1].pins, pin)) if bodies else None
            if longer and len(longer.pins) <= bounds.MAX_PINS and longer.size <= bounds.MAX_BODY:
                bodies[-1] = longer
            else:
                bodies.append(cls((pin,)))
        return tuple(bodies)

    @property
    def size(self) -> int:
        """UTF-8 bytes of the serialised body."""
        return len(encoding.compact_json(self.to_json()).encode())

    def to_json(self) -> dict[str, Any]:
        return {"type": "pins", "pins": [pin.to_json() for pin in self.pins]}
