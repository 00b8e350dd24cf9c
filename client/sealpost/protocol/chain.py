"""The key chain of an account: which devices it has, as its own devices signed it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Self

from sealpost.protocol import encoding, identifiers, jws
from sealpost.protocol.bounds import VERSION
from sealpost.protocol.errors import Code, ForkError, HiddenError, ProtocolError, malformed
from sealpost.protocol.jwk import PrivateKey, PublicKey, Use
from sealpost.protocol.statements import Backup, read_backup, read_possession, read_statement


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
class HistoryKey:
    """The living history key: announced at ``seq``, its private half sealed in ``backup``."""

    key: PublicKey
    seq: int
    backup: Backup


@dataclass(frozen=True, slots=True)
class Change:
    """What one statement did, for showing to a person.

    ``device`` is the id of the device that came, went or reset the chain, ``history`` that of the history key that
    was announced (both None when a history key ended), ``iat`` the signed time in seconds.
    """

    seq: int
    act: str
    device: str | None
    signer: str
    iat: int
    history: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A verified chain. Made by :func:`verify` and :func:`extend` only.

    ``statements``, ``hashes`` and ``times`` (``iat``, seconds) have one entry for each statement from 0. ``devices``
    has removed ones too. ``history`` is the living history key, ``backup`` the backup announced last, even if
    its key has ended. ``resets`` are the seqs of the resets, ``encryption_kids`` the history keys that ever were.
    """

    uid: str
    statements: tuple[str, ...] = field(repr=False)
    hashes: tuple[str, ...] = field(repr=False)
    times: tuple[int, ...] = field(repr=False)
    devices: Mapping[str, Device]
    history: HistoryKey | None = None
    backup: Backup | None = None
    resets: tuple[int, ...] = ()
    encryption_kids: frozenset[str] = frozenset()
    log: tuple[Change, ...] = field(default=(), repr=False)

    @property
    def head(self) -> Head:
        return self.head_at(len(self.hashes) - 1)

    def head_at(self, seq: int) -> Head:
        """The head as it was after statement ``seq``."""
        root = max((reset for reset in self.resets if reset <= seq), default=0)
        return Head(self.uid, self.hashes[root], seq, self.hashes[seq])

    @property
    def active_devices(self) -> tuple[Device, ...]:
        return tuple(device for device in self.devices.values() if device.active_at(self.head.seq))

    def active(self, device_id: str) -> Device:
        """The device if it is active at the head, else ``unknown-device``."""
        device = self.devices.get(device_id)
        if device is None or not device.active_at(self.head.seq):
            raise ProtocolError(Code.UNKNOWN_DEVICE, "device is not active in the chain")
        return device

    def changes(self, since: int) -> tuple[Change, ...]:
        """What the statements after ``since`` did; -1 for all."""
        return tuple(change for change in self.log if change.seq > since)

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
    chain = _verified(identifiers.uid(uid), tuple(statements))
    if pinned is not None:
        if chain.head.seq < pinned.seq:
            raise ProtocolError(Code.CHAIN_ROLLBACK, "chain is shorter than the pinned one")
        chain.check_reference(pinned.seq, pinned.hash)
    return chain


@lru_cache(maxsize=64)
def _verified(uid: str, statements: tuple[str, ...]) -> Chain:
    """Kept, as every use of a contact reads its chain again, and 40 statements are 7 to 15 ms."""
    if not statements:
        raise malformed("chain: no statement")
    return extend(_begin(uid, statements[0]), statements[1:])


def extend(chain: Chain, statements: Iterable[str]) -> Chain:
    """The pinned ``chain`` with the statements that follow; raises as :func:`verify` does.

    A statement that the chain already has is passed over if it is the same one, ``chain-fork`` if not.
    """
    growing = _Growing(chain)
    for compact in statements:
        growing.append(compact)
    return growing.chain()


def _begin(uid: str, compact: str) -> Chain:
    parsed, claims = read_statement(compact)
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
        log=(Change(0, "add-device", key.kid, key.kid, claims["iat"]),),
    )


class _Growing:
    """A chain while statements are appended to it."""

    def __init__(self, chain: Chain) -> None:
        self._before = chain
        self._statements = list(chain.statements)
        self._hashes = list(chain.hashes)
        self._times = list(chain.times)
        self._devices = dict(chain.devices)
        self._history = chain.history
        self._backup = chain.backup
        self._resets = list(chain.resets)
        self._encryption_kids = set(chain.encryption_kids)
        self._log = list(chain.log)

    def chain(self) -> Chain:
        return replace(
            self._before,
            statements=tuple(self._statements),
            hashes=tuple(self._hashes),
            times=tuple(self._times),
            devices=MappingProxyType(self._devices),
            history=self._history,
            backup=self._backup,
            resets=tuple(self._resets),
            encryption_kids=frozenset(self._encryption_kids),
            log=tuple(self._log),
        )

    def append(self, compact: str) -> None:
        parsed, claims = read_statement(compact)
        if claims["iss"] != self._before.uid:
            raise malformed("chain: statement of another account")
        seq = claims["seq"]
        if seq < len(self._hashes):
            if self._hashes[seq] != parsed.hash:
                raise ForkError("two statements of one seq", ours=self._statements[seq], theirs=compact)
            return
        if seq > len(self._hashes):
            raise malformed("chain: a statement is missing")
        if claims["prev"] != self._hashes[-1]:
            raise ForkError(
                "statement follows another one than the pinned", ours=self._statements[-1], theirs=compact
            )
        if claims["iat"] < self._times[-1]:
            raise malformed("chain: time falls")
        self._log.append(self._act(parsed, claims))
        self._statements.append(compact)
        self._hashes.append(parsed.hash)
        self._times.append(claims["iat"])

    def _act(self, parsed: jws.Unverified, claims: dict[str, Any]) -> Change:
        """Check the signature, and do what the statement says."""
        device = history = None
        if claims["act"] == "reset":
            device = self._reset(parsed, claims)
        else:
            parsed.verify(self._active(parsed.kid, Code.UNKNOWN_DEVICE).key)
            match claims["act"]:
                case "add-device":
                    device = self._add(claims)
                case "revoke-device":
                    device = self._revoke(claims)
                case _:
                    history = self._set_history_key(claims)
        return Change(claims["seq"], claims["act"], device, parsed.kid, claims["iat"], history)

    def _add(self, claims: dict[str, Any]) -> str:
        key = PublicKey.parse(claims["device"], Use.SIGNING)
        self._refuse_known(key)
        possession = read_possession(claims["pop"])
        if (possession.uid, possession.root) != (self._before.uid, self._hashes[self._root_seq()]):
            raise malformed("chain: pop is for another account or root")
        if possession.device != key:
            raise malformed("chain: pop is another device's")
        possession.check_time(claims["iat"])
        self._devices[key.kid] = Device(key, added=claims["seq"])
        return key.kid

    def _revoke(self, claims: dict[str, Any]) -> str:
        device = self._active(identifiers.hash256(claims["device"]), Code.MALFORMED)
        self._remove(device, claims)
        self._history = None
        return device.id

    def _set_history_key(self, claims: dict[str, Any]) -> str | None:
        backup = read_backup(claims["backup"])
        if claims["key"] is None:
            if backup is not None:
                raise malformed("chain: a backup without a history key")
            self._history = None
            return None
        key = PublicKey.parse(claims["key"], Use.ENCRYPTION)
        if backup is None:
            raise malformed("chain: a history key without a backup")
        if self._history is not None and self._history.key == key:
            if backup.n <= self._history.backup.n:
                raise malformed("chain: n of a backup does not rise")
        else:
            self._refuse_known(key)
        self._history = HistoryKey(key, claims["seq"], backup)
        self._backup = backup
        self._encryption_kids.add(key.kid)
        return key.kid

    def _reset(self, parsed: jws.Unverified, claims: dict[str, Any]) -> str:
        key = PublicKey.parse(claims["device"], Use.SIGNING)
        parsed.verify(key)
        self._refuse_known(key)
        for device in tuple(self._devices.values()):
            if device.removed is None:
                self._remove(device, claims)
        self._devices[key.kid] = Device(key, added=claims["seq"])
        self._history = None
        self._resets.append(claims["seq"])
        return key.kid

    def _refuse_known(self, key: PublicKey) -> None:
        if key.kid in self._devices or key.kid in self._encryption_kids:
            raise malformed("chain: a key occurs once in a chain")

    def _active(self, device_id: str, otherwise: Code) -> Device:
        device = self._devices.get(device_id)
        if device is None or device.removed is not None:
            raise ProtocolError(otherwise, "chain: device is not active")
        return device

    def _remove(self, device: Device, claims: dict[str, Any]) -> None:
        self._devices[device.id] = replace(device, removed=claims["seq"], removed_at=claims["iat"])

    def _root_seq(self) -> int:
        return self._resets[-1] if self._resets else 0
