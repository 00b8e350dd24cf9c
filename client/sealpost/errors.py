"""Everything that stops a command or a call of the API: one exception type, one table of exit statuses."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

SIGN_IN_AGAIN = "Sign in again: sealpost sign-up EMAIL, then sealpost sign-in LINK"


class ExitStatus(IntEnum):
    """Exit statuses of the `sealpost` command. They are part of its interface."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_SIGNED_IN = 3
    LOCKED = 4
    REFUSED = 5
    UNAVAILABLE = 6
    UNSAFE = 7
    TIMED_OUT = 8
    INTERRUPTED = 130


class SealpostError(Exception):
    """`code` is stable and for programs; `str(error)` says the cause and `cure` what to do, both for people.

    A cure names commands as `sealpost sign-up EMAIL`, without a profile: see program.py.
    """

    exit_status = ExitStatus.FAILURE

    def __init__(self, cause: str, /, *, code: str, cure: str = "") -> None:
        super().__init__(cause)
        self.code = code
        self.cure = cure


class UsageError(SealpostError):
    """The command line, a file or a link is not what was expected."""

    exit_status = ExitStatus.USAGE

    def __init__(self, cause: str, /, *, cure: str = "", code: str = "usage") -> None:
        super().__init__(cause, code=code, cure=cure)


class NotSignedIn(SealpostError):
    """There is no account in this profile, or its session has ended."""

    exit_status = ExitStatus.NOT_SIGNED_IN

    def __init__(self, cause: str, /, *, cure: str, code: str = "not-signed-in") -> None:
        super().__init__(cause, code=code, cure=cure)


class Locked(SealpostError):
    """The local state cannot be opened: no passphrase, or a wrong one."""

    exit_status = ExitStatus.LOCKED

    def __init__(self, cause: str, /, *, cure: str, code: str = "locked") -> None:
        super().__init__(cause, code=code, cure=cure)


class ServiceProblem(SealpostError):
    """The service's refusal, from its problem document (RFC 9457).

    `code` is the last part of its `type`, `members` what it has beyond the common ones.
    """

    exit_status = ExitStatus.REFUSED

    def __init__(
        self,
        cause: str,
        /,
        *,
        code: str,
        status: int,
        members: Mapping[str, Any] | None = None,
        cure: str = "",
    ) -> None:
        super().__init__(cause, code=code, cure=cure)
        self.status = status
        self.members = dict(members or {})


def nobody_there(address: str) -> ServiceProblem:
    """What a look-up that finds no account comes to."""
    return ServiceProblem(
        f"{address} is not on this service, has never signed in, or is not to be found by people it does not know.",
        code="not-found",
        status=200,
        cure="Check the address. A person appears here after the first sign-in.",
    )


class ServiceUnavailable(SealpostError):
    """The service cannot be reached, or says that it cannot answer now."""

    exit_status = ExitStatus.UNAVAILABLE

    def __init__(self, cause: str, /, *, code: str = "unavailable", cure: str = "Try again later.") -> None:
        super().__init__(cause, code=code, cure=cure)


class DeviceNotActive(SealpostError):
    """This device is not linked to its account yet, or was removed from it."""

    exit_status = ExitStatus.REFUSED

    def __init__(self, cause: str, /, *, cure: str, code: str = "device-not-active") -> None:
        super().__init__(cause, code=code, cure=cure)


class Unsafe(SealpostError):
    """A contact's keys, or the service's account of them, contradict what was seen before. Nothing was sent."""

    exit_status = ExitStatus.UNSAFE


class TimedOut(SealpostError):
    """The time given with --timeout ended first."""

    exit_status = ExitStatus.TIMED_OUT
