from dataclasses import dataclass

from common.identity import Address


@dataclass(frozen=True, slots=True)
class SignUp:
    """The request {"email"}."""

    email: str

    @property
    def address(self) -> Address:
        return Address(self.email)

    def __post_init__(self) -> None:
        _ = self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of Firebase Authentication, as far as signing up cares."""

    uid: str
    verified: bool
    has_password: bool

    @property
    def squatting(self) -> bool:
        """Somebody set a password on an address that nobody has proved to own."""
        return self.has_password and not self.verified
