"""The key chain of an account: which devices it has, as its own devices signed it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Self

from sealpost.protocol import encoding, identifiers, jws
from sealpost.protocol.bounds import VERSION
from sealpost.protocol.errors import Code, ForkError, HiddenError, ProtocolError, malformed
from sealpost.protocol.jwk import PrivateKey, PublicKey, Use

_COMMON: Final = frozenset({"v", "iss", "seq", "prev", "iat", "act", "ext"})
_CARRIES: Final = MappingProxyType(
    {
        "add-device": frozenset({"device", "pop"}),
        "revoke-device": frozenset({"device"}),
        "set-history-key": frozenset({"key", "backup"}),
        "reset": frozenset({"device"}),
    }
)
_RESERVED: Final = frozenset({"recover"})


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: ``{"uid","root","seq","hash"}``; root is the hash of the statement it begins with."""

    uid: str
    root: str
    seq: int
    hash: str

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a head out of a server's answer; members that are not known are ignored."""
        if not isinstance(value, dict) or not encoding.is_integer(value.get("seq")):
            raise malformed("head: not an object with a seq")
        return cls(
            uid=identifiers.uid(value.get("uid")),
            root=identifiers.hash256(value.get("root")),
            seq=value["seq"],
            hash=identifiers.hash256(value.get("hash")),
        )

    def to_json(self) -> dict[str, str | int]:
        return {"uid": self.uid, "root": self.root, "seq": self.seq, "hash": self.hash}


@dataclass(frozen=True, slots=True)
class Device:
    """A device of an account: its signing key, and between which statements it is active.

    ``removed_at`` is the time of the removing statement in seconds, None while the device is active.
    """

    key: PublicKey
    added: int
    removed: int | None = None
    removed_at: int | None = None

    @property
    def id(self) -> str:
        return self.key.kid

    def active_at(self, seq: int) -> bool:
        """Whether the device is active after statement ``seq``."""
        return self.added <= seq and (self.removed is None or seq < self.removed)


@dataclass(frozen=True, slots=True)
class Chain:
    """A verified chain. Made by :func:`verify` and :func:`extend` only.

    ``statements``, ``hashes`` and ``times`` (``iat``, seconds) have one entry for each statement from 0.
    """

    uid: str
    statements: tuple[str, ...] = field(repr=False)
    hashes: tuple[str, ...] = field(repr=False)
    times: tuple[int, ...] = field(repr=False)
    devices: Mapping[str, Device]
    root_seq: int = 0

    @property
    def head(self) -> Head:
        return Head(self.uid, self.hashes[self.root_seq], len(self.hashes) - 1, self.hashes[-1])

    @property
    def active_devices(self) -> tuple[Device, ...]:
        return tuple(device for device in self.devices.values() if device.active_at(self.head.seq))

    def active(self, device_id: str) -> Device:
        """The device if it is active at the head, else ``unknown-device``."""
        device = self.devices.get(device_id)
        if device is None or not device.active_at(self.head.seq):
            raise ProtocolError(Code.UNKNOWN_DEVICE, "device is not active in the chain")
        return device

    def check_reference(self, seq: int, statement_hash: str) -> None:
        """That statement ``seq`` of this chain has this hash: else ``chain-hidden`` or ``chain-fork``."""
        if seq >= len(self.hashes):
            raise HiddenError("a newer chain head is named than the pinned one", chains={self.uid: seq})
        if self.hashes[seq] != statement_hash:
            raise ForkError(
                "another statement is named than the pinned one", ours=self.hashes[seq], theirs=statement_hash
            )

    def check_head(self, head: Head) -> None:
        """That the server states this very head: else ``chain-rollback``, ``chain-hidden`` or ``chain-fork``."""
        if head.uid != self.uid:
            raise malformed("head: of another account")
        if head.seq < self.head.seq:
            raise ProtocolError(Code.CHAIN_ROLLBACK, "server states an older head than the pinned one")
        self.check_reference(head.seq, head.hash)
        if head.root != self.head.root:
            raise ForkError("another root is stated", ours=self.head.root, theirs=head.root)


def first_statement(*, uid: str, key: PrivateKey, now: int) -> str:
    """Statement 0 of a chain: the first device adds itself, at ``now`` (seconds). A compact JWS."""
    payload = {
        "v": VERSION,
        "iss": identifiers.uid(uid),
        "seq": 0,
        "prev": None,
        "iat": now,
        "act": "add-device",
        "device": key.public.to_json(),
        "pop": None,
        "ext": {},
    }
    return jws.sign(jws.Type.KEY, payload, key)


def verify(uid: str, statements: Iterable[str], *, pinned: Head | None = None) -> Chain:
    """Verify the whole chain of ``uid`` from statement 0, and that it goes on from the ``pinned`` head.

    Raises ``malformed``, ``bad-signature``, ``unknown-device`` or ``update-needed`` for a statement that is not
    acceptable, ``chain-fork`` where it contradicts itself or the pin, ``chain-rollback`` where it ends before
    the pin. Each of them freezes the contact.
    """
    compacts = list(statements)
    if not compacts:
        raise malformed("chain: no statement")
    chain = extend(_begin(identifiers.uid(uid), compacts[0]), compacts[1:])
    if pinned is not None:
        if chain.head.seq < pinned.seq:
            raise ProtocolError(Code.CHAIN_ROLLBACK, "chain is shorter than the pinned one")
        chain.check_reference(pinned.seq, pinned.hash)
    return chain


def extend(chain: Chain, statements: Iterable[str]) -> Chain:
    """The pinned ``chain`` with the statements that follow; raises as :func:`verify` does.

    A statement that the chain already has is passed over if it is the same one, ``chain-fork`` if not.
    """
    for compact in statements:
        chain = _append(chain, compact)
    return chain


def _read(compact: str) -> tuple[jws.Unverified, dict[str, Any]]:
    """A statement's shape without its signature: the members that its act carries, each of its kind."""
    parsed = jws.parse(jws.Type.KEY, compact)
    claims = parsed.claims
    jws.known_version(claims)
    act = claims.get("act")
    if not isinstance(act, str):
        raise malformed("chain: act is a string")
    if act in _RESERVED:
        raise ProtocolError(Code.UPDATE_NEEDED, "chain: act is reserved")
    if act not in _CARRIES:
        raise malformed("chain: unknown act")
    encoding.members(claims, _COMMON | _CARRIES[act])
    identifiers.uid(claims["iss"])
    if not encoding.is_integer(claims["seq"]) or not encoding.is_integer(claims["iat"]):
        raise malformed("chain: seq and iat are integers")
    if not isinstance(claims["ext"], dict):
        raise malformed("chain: ext is an object")
    if claims["prev"] is not None:
        identifiers.hash256(claims["prev"])
    return parsed, claims


def _begin(uid: str, compact: str) -> Chain:
    parsed, claims = _read(compact)
    if claims["iss"] != uid:
        raise malformed("chain: statement of another account")
    if (
        claims["seq"] != 0
        or claims["prev"] is not None
        or claims["act"] != "add-device"
        or claims["pop"] is not None
    ):
        raise malformed("chain: does not begin with a device that adds itself")
    key = PublicKey.parse(claims["device"], Use.SIGNING)
    parsed.verify(key)
    return Chain(
        uid=uid,
        statements=(compact,),
        hashes=(parsed.hash,),
        times=(claims["iat"],),
        devices=MappingProxyType({key.kid: Device(key, added=0)}),
    )


def _append(chain: Chain, compact: str) -> Chain:
    parsed, claims = _read(compact)
    if claims["iss"] != chain.uid:
        raise malformed("chain: statement of another account")
    seq = claims["seq"]
    if seq < len(chain.hashes):
        if chain.hashes[seq] != parsed.hash:
            raise ForkError("two statements of one seq", ours=chain.statements[seq], theirs=compact)
        return chain
    if seq > len(chain.hashes):
        raise malformed("chain: a statement is missing")
    if claims["prev"] != chain.hashes[-1]:
        raise ForkError(
            "statement follows another one than the pinned", ours=chain.statements[-1], theirs=compact
        )
    if claims["iat"] < chain.times[-1]:
        raise malformed("chain: time falls")
    parsed.verify(_signer(chain, parsed.kid, claims))
    raise ProtocolError(Code.UPDATE_NEEDED, "chain: an act that this client does not handle yet")


def _signer(chain: Chain, kid: str, claims: dict[str, Any]) -> PublicKey:
    if claims["act"] == "reset":
        return PublicKey.parse(claims["device"], Use.SIGNING)
    return chain.active(kid).key
