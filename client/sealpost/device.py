"""This device: its signing key, its encryption keys, and their publication."""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from sealpost import refusals
from sealpost.contact import Contact
from sealpost.errors import SealpostError, ServiceProblem
from sealpost.protocol import bounds, chain, encoding, encryption_keys, jws
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.protocol.opening import OwnKey
from sealpost.service import Service
from sealpost.session import Session
from sealpost.standing import Standing
from sealpost.state import Kind, State
from sealpost.tried import Tried

DeviceState = Literal["new", "pending", "active", "removed"]
"""`new` until the keys are published; `pending` where the account is other devices' and this one is not linked."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device of one's own account. `id` is the thumbprint of its signing key."""

    id: str
    state: DeviceState
    key_number: int = 0
    key_expires: int = 0


@dataclass(frozen=True, slots=True)
class _EncryptionKey:
    """Times are Unix seconds. `published` says that the service confirmed it.

    `ended` is when it was superseded; `jwk` is None once the key is destroyed.
    """

    kid: str
    n: int
    iat: int
    exp: int
    published: bool
    ended: int | None
    jwk: dict[str, str] | None = field(repr=False)

    @property
    def end(self) -> int:
        return self.exp if self.ended is None else min(self.ended, self.exp)

    def save(self, state: State) -> None:
        state.put(Kind.ENCRYPTION_KEY, asdict(self), self.kid)


def signing_key(state: State) -> PrivateKey:
    """The device's signing key; made and stored when there is none yet (0.1 to 1 s)."""
    stored = state.get(Kind.SIGNING_KEY)
    if stored is not None:
        return PrivateKey.parse(stored)
    key = PrivateKey.generate(Use.SIGNING)
    state.put(Kind.SIGNING_KEY, key.to_json())
    return key


class OwnDevice:
    """The device of a signed-in account."""

    def __init__(
        self, *, state: State, session: Session, service: Service, uid: str, key: PrivateKey
    ) -> None:
        self._state = state
        self._session = session
        self._service = service
        self._uid = uid
        self._tried = Tried(state, Kind.FIRST_STATEMENT)
        self.key = key

    def describe(self) -> Device:
        keys, state = [key for key in self._keys() if key.published], self.state()
        newest = max(keys, key=lambda key: key.n, default=None)
        if state != "active" or newest is None:
            return Device(self.key.kid, "new" if state == "active" else state)
        return Device(self.key.kid, "active", newest.n, newest.exp)

    def state(self) -> DeviceState:
        """How this device stands, as far as is known without asking."""
        standing = Standing.load(self._state)
        if standing is not None and standing.device == "revoked":
            return "removed"
        stored = self._state.get(Kind.CONTACT, self._uid)
        if stored is not None:
            active = Contact.load(stored).chain.active_devices
            return "active" if any(device.id == self.key.kid for device in active) else "removed"
        head = None if standing is None else standing.head
        return "new" if head is None or head.root in self._tried.by_hash() else "pending"

    def require_pending(self, otherwise: SealpostError) -> None:
        """Raises DeviceNotActive on a device that was removed, `otherwise` on one that needs no link."""
        match self.state():
            case "removed":
                raise refusals.removed()
            case "new" | "active":
                raise otherwise

    def receiving_keys(self) -> dict[str, OwnKey]:
        """The private keys still held, by kid."""
        return {
            key.kid: OwnKey(PrivateKey.parse(key.jwk), self._uid, self.key.kid)
            for key in self._keys()
            if key.jwk is not None
        }

    def destroyed_kids(self) -> set[str]:
        return {key.kid for key in self._keys() if key.jwk is None}

    def publish(self) -> None:
        """Publishes what the account still lacks: the chain's first statement, a first or a due encryption key.

        Safe to repeat at any time, also after a crash or a lost answer. Raises DeviceNotActive on a device that is not
        linked, or was removed.
        """
        with self._state.alone():
            match self.state():
                case "pending":
                    raise refusals.not_linked()
                case "removed":
                    raise refusals.removed()
                case "new":
                    self._begin_chain()
                case "active":
                    standing = Standing.load(self._state)
                    if standing is not None and standing.restored:
                        self.publish_again()
                    elif self._renewal_due():
                        self._publish_next_key()

    def publish_again(self, statement: str | None = None) -> None:
        """A key after every one that this device ever tried: the service was restored, and has an old one or none.

        With it goes the statement by which this device began its chain, where the service has lost that.
        """
        with self._state.alone():
            n = max((key.n for key in self._keys()), default=0) + 1
            self._publish_numbered(n, statement)
            standing = Standing.load(self._state)
            if standing is not None:
                replace(standing, restored=False).save(self._state)

    def first_key(self) -> str:
        """The statement of this device's first encryption key, which is stored. To be published, then confirmed."""
        return self._announcement(self._unpublished(n=1))

    def confirm_first(self, statement: str) -> None:
        """The service has taken the key that this statement of `first_key` announced."""
        announced = jws.parse(jws.Type.ENCRYPTION_KEY, statement).claims
        (key,) = (key for key in self._keys() if key.kid == announced["keys"][0]["kid"])
        self._published(replace(key, iat=announced["iat"], exp=announced["exp"]))

    def destroy_ended(self, *, catch_up_started: float) -> None:
        """After a complete catch-up: the private halves that nothing new can be sealed for are destroyed."""
        gone = [
            key
            for key in self._keys()
            if key.jwk is not None
            and encryption_keys.may_destroy(ended_at=key.end, catch_up_started_at=int(catch_up_started))
        ]
        if gone:
            with self._state.destroying():
                for key in gone:
                    replace(key, ended=key.end, jwk=None).save(self._state)

    def _begin_chain(self) -> None:
        """Statement 0 and the first encryption key, in one call."""
        encryption_key = self._unpublished(n=1)
        statement = chain.first_statement(uid=self._uid, key=self.key, now=int(self._service.now()))
        self._tried.add(statement)
        try:
            self._publish(statement, encryption_key)
        except ServiceProblem as problem:
            head = problem.members.get("head")
            if problem.code != "chain-conflict" or not isinstance(head, dict):
                raise
            standing = Standing.read({"device": {"state": "pending"}, "head": head})
            accepted = self._tried.by_hash().get(head["root"])
            if accepted is None:
                standing.save(self._state)
                raise refusals.not_linked() from None
            statement = accepted
        with self._state.transaction():
            self._published(encryption_key)
            Contact(uid=self._uid, statements=(statement,)).save(self._state)
            self._tried.forget()

    def _publish_next_key(self) -> None:
        """The key after the last confirmed one; after the service's own current one, where that is another.

        The service's may be one whose answer was lost, or of a newer copy of this state: either way a new key follows it.
        What was tried stays readable until the new one is confirmed.
        """
        self._publish_numbered(max((key.n for key in self._keys() if key.published), default=0) + 1)

    def _publish_numbered(self, n: int, statement: str | None = None) -> None:
        key = self._unpublished(n=n)
        try:
            self._publish(statement, key)
        except ServiceProblem as problem:
            current = problem.members.get("n")
            if problem.code != "key-conflict" or not encoding.is_integer(current):
                raise
            key = self._unpublished(n=current + 1)
            self._publish(statement, key)
        with self._state.transaction():
            self._published(key)

    def _publish(self, statement: str | None, key: _EncryptionKey) -> None:
        self._session.proved("publish_key", statement=statement, encryption_key=self._announcement(key))

    def _announcement(self, key: _EncryptionKey) -> str:
        return encryption_keys.key_statement(
            uid=self._uid,
            signing_key=self.key,
            encryption_key=PrivateKey.parse(key.jwk).public,
            n=key.n,
            now=key.iat,
            life=key.exp - key.iat,
        )

    def _unpublished(self, *, n: int) -> _EncryptionKey:
        """Key number `n`, stored before it is announced; dated anew at each try.

        Its life starts at the earlier of our clock and the service's: a lying Date cannot lengthen it.
        """
        iat = int(min(self._clocks()))
        waiting = next((key for key in self._keys() if key.n == n and not key.published and key.jwk), None)
        jwk = waiting.jwk if waiting else PrivateKey.generate(Use.ENCRYPTION).to_json()
        assert jwk is not None  # noqa: S101 - for the type checker: `waiting` has one
        key = _EncryptionKey(
            jwk["kid"], n, iat, iat + bounds.MAX_KEY_LIFE, published=False, ended=None, jwk=jwk
        )
        key.save(self._state)
        return key

    def _published(self, key: _EncryptionKey) -> None:
        """`key` is confirmed: every other one has ended now, by the earlier clock."""
        now = int(min(self._clocks()))
        for other in self._keys():
            if other.ended is None and other.kid != key.kid:
                replace(other, ended=now).save(self._state)
        replace(key, published=True).save(self._state)

    def _renewal_due(self) -> bool:
        """By the later clock: a Date that lies puts no renewal off."""
        now = max(self._clocks())
        current = [key for key in self._keys() if key.published and key.ended is None]
        return not any(now < key.iat + bounds.KEY_RENEWAL for key in current)

    def _clocks(self) -> tuple[float, float]:
        """Our time and the service's: of the two, a key's life takes the one that makes it shorter."""
        return self._service.wall.time(), self._service.now()

    def _keys(self) -> list[_EncryptionKey]:
        return [_EncryptionKey(**stored) for stored in self._state.all(Kind.ENCRYPTION_KEY)]
