"""A new device asks to be linked, and takes what an active device has answered."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sealpost import refusals
from sealpost.contacts import Contacts
from sealpost.device import OwnDevice
from sealpost.errors import DeviceNotActive, ServiceProblem, TimedOut, Unsafe, UsageError
from sealpost.pinning import texts
from sealpost.protocol import bounds, encoding, linking
from sealpost.protocol import chain as chains
from sealpost.protocol.errors import Code, ProtocolError
from sealpost.service import Json, Service
from sealpost.session import Session
from sealpost.standing import Standing
from sealpost.state import Kind, State
from sealpost.terminal import local_time

_PAUSE = 2.0
"""Seconds between two questions for the grant."""


@dataclass(frozen=True, slots=True)
class Request:
    """`secret` goes from this device's screen to an active one, by its person alone. `expires_at` is in Unix seconds."""

    secret: str = field(repr=False)
    expires_at: int

    def __str__(self) -> str:
        return linking.grouped(self.secret)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as it was made; stored, so that the secret outlives the process that shows it."""

    secret: str = field(repr=False)
    pop: str
    enc: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """`own` is one's own uid."""

    state: State
    session: Session
    service: Service
    contacts: Contacts
    device: OwnDevice
    own: str

    def link(self, show: Callable[[Request], None], *, anew: bool) -> None:
        """Asks, unless an earlier request stands, shows the secret, and waits until it is granted or has ended.

        Also `anew` an earlier one that was granted is taken: a device joins once.
        """
        asked = self._standing()
        if self.contacts.own() is not None:
            return
        if asked is None or anew:
            with self.state.alone():
                asked = self._ask()
        show(Request(asked.secret, asked.expires_at))
        while self.service.now() < asked.expires_at:
            if not self._stands(asked):
                break
            if self.contacts.own() is not None:
                return
            self.service.wall.sleep(_PAUSE)
        self.state.delete(Kind.LINK)
        raise TimedOut(
            "No device has approved this one in time.",
            code=Code.LINK_EXPIRED.value,
            cure="Begin again, with a new secret: sealpost link",
        )

    def _standing(self) -> _Asked | None:
        """The request that this device made before, if it stands, or was granted meanwhile and is taken."""
        self.device.require_pending(_nothing_to_link())
        stored = self.state.get(Kind.LINK)
        if stored is None:
            return None
        asked = _Asked(**stored)
        return asked if self._stands(asked) else None

    def _stands(self, asked: _Asked) -> bool:
        """Whether the service still has the request. What was granted is taken."""
        if self._is_taken(asked):
            return True
        answer = self.session.call("get_link_grant", {})
        match answer.get("state"):
            case "waiting":
                return True
            case "granted":
                self._take(answer, asked)
                return True
            case "gone":
                return False
        raise refusals.bad_link_answer()

    def _is_taken(self, asked: _Asked) -> bool:
        """Whether another process of this profile took the grant. Raises UsageError where it asks with another secret."""
        if self.contacts.own() is not None:
            return True
        if self.state.get(Kind.LINK) != asdict(asked):
            raise UsageError(
                "Another command of this profile asks with another secret now.",
                cure="Give the one that it shows. This one is good for nothing any more.",
            )
        return False

    def _ask(self) -> _Asked:
        self.session.renew()
        standing = Standing.load(self.state)
        self.device.require_pending(_nothing_to_link())
        if standing is None or standing.head is None:
            raise _nothing_to_link()
        if standing.device == "active":
            raise _missed(self.device.key.kid)
        enc, secret = self.device.first_key(), linking.new_secret()
        pop = linking.possession(
            uid=self.own,
            service_url=self.service.url,
            root=standing.head.root,
            key=self.device.key,
            encryption_statement=enc,
            now=int(self.service.now()),
        )
        asked = _Asked(secret, pop, enc, int(self.service.now()) + bounds.LINK_LIFE)
        self.state.put(Kind.LINK, asdict(asked))
        mac = linking.request_mac(secret, pop, enc)
        try:
            answer = self.session.proved("request_link", pop=pop, encryption_key=enc, mac=mac)
        except ServiceProblem as problem:
            raise _pending(problem) from None
        expires_at = answer.get("expires_at")
        if not encoding.is_integer(expires_at):
            raise refusals.bad_link_answer()
        asked = replace(asked, expires_at=expires_at)
        self.state.put(Kind.LINK, asdict(asked))
        return asked

    def _take(self, answer: Json, asked: _Asked) -> None:
        """Pins the chain that holds this device, if whoever was given the secret has added it."""
        statements, mac = texts(answer.get("statements")), answer.get("mac")
        if not isinstance(mac, str):
            raise refusals.bad_link_answer()
        try:
            chain = chains.verify(self.own, statements)
            linking.verify_grant(secret=asked.secret, mac=mac, chain=chain, device=self.device.key.kid)
        except ProtocolError as error:
            if self._is_taken(asked):
                return
            self.state.delete(Kind.LINK)
            raise Unsafe(
                f"This device was not linked. {error.sentence}",
                code=error.code.value,
                cure="Nothing of the answer was kept. Remove this device on another one (sealpost devices, sealpost "
                "revoke DEVICE), and tell the service's operator.",
            ) from None
        if not any(device.id == self.device.key.kid for device in chain.active_devices):
            raise refusals.removed()
        with self.state.transaction():
            self.contacts.begin_own(statements)
            self.device.confirm_first(asked.enc)
            self.state.delete(Kind.LINK)


def _nothing_to_link() -> UsageError:
    return UsageError("This device is one of the account's already.", cure="See them all: sealpost devices")


def _missed(device: str) -> DeviceNotActive:
    """A key stands in a chain once: what nobody has vouched for to this device cannot be made good."""
    return DeviceNotActive(
        "This device was approved, and did not take the answer in time.",
        cure=f"Remove device {device[:8]} on another one (devices, then revoke). Then link a new profile here: "
        "sealpost --profile NAME sign-up EMAIL --service URL",
    )


def _pending(problem: ServiceProblem) -> ServiceProblem:
    until: Any = problem.members.get("expires_at")
    if problem.code != "link-pending" or not encoding.is_integer(until):
        return problem
    return ServiceProblem(
        "Another new device of this account is being linked.",
        code=problem.code,
        status=problem.status,
        members=problem.members,
        cure=f"Approve it first, or try again after {local_time(until)}.",
    )
