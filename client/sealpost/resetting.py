"""Beginning anew: a new device takes the account over when all others are lost."""

from dataclasses import dataclass
from typing import Any

from sealpost import refusals
from sealpost.contacts import Contacts
from sealpost.device import OwnDevice
from sealpost.errors import SIGN_IN_AGAIN, ServiceProblem, ServiceUnavailable, Unsafe, UsageError
from sealpost.pinning import texts
from sealpost.protocol import acts, encoding
from sealpost.protocol.chain import Head
from sealpost.protocol.errors import ProtocolError
from sealpost.service import Service
from sealpost.session import Session
from sealpost.standing import Standing
from sealpost.state import Kind, State
from sealpost.terminal import local_time
from sealpost.tried import Tried

_TRIES = 3
"""Once for each that may come first: the statement that overtook this one, and a second that is later than its own."""
_CLOCKS = 2.0
"""Seconds that two clocks may differ by which follow the service's, by answers dated to the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resetting:
    """`own` is one's own uid."""

    state: State
    session: Session
    service: Service
    contacts: Contacts
    device: OwnDevice
    own: str

    def reset(self) -> None:
        """Publishes the reset, and pins the chain that goes on from it. Safe to repeat after a lost answer."""
        self.device.require_pending(_nothing_lost())
        with self.state.alone():
            self.session.renew()
            self.device.require_pending(_nothing_lost())
            standing = Standing.load(self.state)
            if standing is None or standing.head is None:
                raise refusals.bad_answer()
            enc = self.device.first_key()
            if standing.head.root not in self._tried.by_hash():
                self._require_unapproved()
                self._publish(standing.head, enc)
            self._begin(enc)

    def _require_unapproved(self) -> None:
        standing = Standing.load(self.state)
        if standing is not None and standing.device == "active":
            raise UsageError(
                "Another device has approved this one meanwhile: there is nothing to begin anew.",
                cure="Finish the link: sealpost link",
            )

    def _publish(self, head: Head, enc: str) -> None:
        for _ in range(_TRIES - 1):
            try:
                return self._post(head, enc)
            except ServiceProblem as problem:
                head = self._head_after(problem, head)
        try:
            self._post(head, enc)
        except ServiceProblem as problem:
            raise _refusal(problem) from None

    def _head_after(self, problem: ServiceProblem, head: Head) -> Head:
        """What the next try follows. Raises where there is none to be made."""
        if problem.code == "chain-conflict":
            return _head(problem)
        if problem.code == "invalid-request":
            self.session.renew()
            self._require_unapproved()  # an active device may not
            self.service.wall.sleep(_CLOCKS)
            return head
        raise _refusal(problem) from None

    def _post(self, head: Head, enc: str) -> None:
        if head.uid != self.own:
            raise refusals.bad_answer()
        statement = acts.reset_after(head, self.device.key, int(self.service.now()))
        self._tried.add(statement)
        self.session.proved("publish_key", statement=statement, encryption_key=enc)

    def _begin(self, enc: str) -> None:
        """The chain that the service shows now, from its beginning: it must end in this device's reset."""
        asked = {"address": None, "uid": self.own, "known_seq": -1}
        answer = self.session.call("find_keys", {"accounts": [asked], "conversations": []})
        shown: Any = answer.get("accounts")
        if not isinstance(shown, list) or len(shown) != 1 or not isinstance(shown[0], dict):
            raise refusals.bad_answer()
        statements = texts(shown[0].get("statements"))
        if not {encoding.digest(one) for one in statements if one.isascii()} & self._tried.by_hash().keys():
            raise Unsafe(
                "The service does not show the reset that this device has published.",
                code="chain-hidden",
                cure="Try again. If it goes on, tell the service's operator.",
            )
        with self.state.transaction():
            self.contacts.begin_own(statements)
            self.device.confirm_first(enc)
            self._tried.forget()
            self.state.delete(Kind.LINK)

    @property
    def _tried(self) -> Tried:
        return Tried(self.state, Kind.RESET)


def _nothing_lost() -> UsageError:
    return UsageError(
        "This device is one of the account's: there is nothing to begin anew.",
        cure="Remove devices that are lost: sealpost devices, then sealpost revoke DEVICE",
    )


def _head(problem: ServiceProblem) -> Head:
    try:
        return Head.parse(problem.members.get("head"))
    except ProtocolError:
        raise ServiceUnavailable("The service names no head.", code="bad-answer") from None


def _refusal(problem: ServiceProblem) -> ServiceProblem:
    due = problem.members.get("due_at")
    if problem.code == "reset-delayed" and encoding.is_integer(due):
        return ServiceProblem(
            "Another device of this account was in use within the last 7 days. It is told of the reset, and can veto it.",
            code=problem.code,
            status=problem.status,
            members=problem.members,
            cure=f"From {local_time(due)} on, for 7 days, run again: sealpost reset --yes. "
            "If you have that device: sealpost link here, and approve there.",
        )
    if problem.code == "forbidden":
        return ServiceProblem(
            "A reset has to follow a sign-in within 5 minutes.",
            code=problem.code,
            status=problem.status,
            cure=f"{SIGN_IN_AGAIN}, then sealpost reset --yes",
        )
    return problem
