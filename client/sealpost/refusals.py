"""A refused look-up, in a person's words."""

import shlex

from sealpost.contact import Contact
from sealpost.errors import DeviceNotActive, ServiceProblem, ServiceUnavailable, Unsafe
from sealpost.protocol.errors import Code, ProtocolError
from sealpost.terminal import local_time

OWN = "your own account"
_ASK = "Ask the person by other means, and tell the service's operator."
_AGAIN = "If it happens again, tell the person by other means, and the service's operator."
_TELL = "Somebody else may act in your name. Tell the people you write to, and the service's operator."


def unsafe(error: ProtocolError, who: str) -> Unsafe:
    return Unsafe(f"{who}: {error.sentence}", code=error.code.value, cure=_cure(who, _AGAIN))


def key_change(who: str, what: str) -> Unsafe:
    return Unsafe(
        f"{who} {what}. No device of theirs has signed that: somebody may stand in between.",
        code=Code.KEY_CHANGE.value,
        cure=_cure(who, _ASK),
    )


def own_reset() -> Unsafe:
    return Unsafe(
        f"{OWN} was reset by another device, which removed this one.",
        code=Code.KEY_CHANGE.value,
        cure=f"If that was you, go on there; what came before stays readable here. If not: {_TELL}",
    )


def unaccepted(who: str) -> Unsafe:
    """A verified person has begun anew."""
    return Unsafe(
        f"{who} began anew with other keys than those that you had compared (a reset).",
        code=Code.KEY_CHANGE.value,
        cure=f"Nothing was sent. Compare the new ones: sealpost verify {shlex.quote(who)}. "
        f"To write without: sealpost accept {shlex.quote(who)}",
    )


def number_changed(who: str) -> Unsafe:
    return Unsafe(
        f"This is not the number that you were shown for {who}: keys changed since.",
        code=Code.KEY_CHANGE.value,
        cure=f"Nothing was marked. Compare the new number: sealpost verify {shlex.quote(who)}",
    )


def frozen(contact: Contact, who: str) -> Unsafe | None:
    """What stops all that goes to a frozen contact; None for one that is not."""
    if contact.frozen is None:
        return None
    if contact.is_ended_by_reset():
        return own_reset()
    code = contact.frozen[0]
    return Unsafe(
        f"{who} is frozen: the service showed keys earlier that cannot be believed ({code}).",
        code=code,
        cure=_cure(who, _ASK),
    )


def not_linked() -> DeviceNotActive:
    return DeviceNotActive(
        "This device is not linked to the account yet.",
        cure="Run `sealpost link` here and approve it on another device; `sealpost reset` when all others are lost.",
    )


def removed() -> DeviceNotActive:
    return DeviceNotActive(
        "This device was removed from the account. What came before stays readable here.",
        cure="Sign up with a new profile: sealpost --profile NAME sign-up EMAIL --service URL, and link that one.",
    )


def pending_reset(device: str, due_at: int) -> Unsafe:
    """Somebody who reads the account's mail wants to begin anew."""
    return Unsafe(
        f"Device {device[:8]} has signed in with your address and wants to reset the account: "
        f"from {local_time(due_at)} on it may remove all other devices, this one too.",
        code="pending-reset",
        cure="If that is not you: sealpost veto. Then see who else reads your mail.",
    )


def too_many_look_ups(problem: ServiceProblem) -> ServiceProblem:
    """What a refused look-up of accounts says, where it is one too many."""
    if problem.code != "rate-limited":
        return problem
    return ServiceProblem(
        "You have looked up too many new addresses today.",
        code=problem.code,
        status=problem.status,
        members=problem.members,
        cure=f"Write to those whom you have written with before. New addresses: {problem.cure[:1].lower()}{problem.cure[1:]}",
    )


def bad_answer() -> ServiceUnavailable:
    return ServiceUnavailable("The service's answer to a look-up cannot be read.", code="bad-answer")


def bad_link_answer() -> ServiceUnavailable:
    return ServiceUnavailable("The service's answer about the link cannot be read.", code="bad-answer")


def _cure(who: str, cure: str) -> str:
    return f"Nothing was sent. {_TELL if who == OWN else cure}"
