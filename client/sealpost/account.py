"""`Account`: what a program uses of this package."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from sealpost import addresses, refusals
from sealpost.audit import AuditEntry, read_audit
from sealpost.delivery import Hooks
from sealpost.device import signing_key
from sealpost.errors import DeviceNotActive, NotSignedIn, SealpostError, UsageError
from sealpost.folders import ProfileFolder
from sealpost.links import parse_code
from sealpost.parts import Parts
from sealpost.people import Identity, SafetyNumber
from sealpost.receiving import Item
from sealpost.sending import Receipt
from sealpost.service import checked_url
from sealpost.session import is_signed_in, open_session
from sealpost.state import Kind
from sealpost.surroundings import Surroundings

__all__ = ["Account", "Identity", "SafetyNumber", "Surroundings"]


class Account(Parts):
    """One person's account on this device. Not for several threads; a context manager.

    Every method may raise a subclass of SealpostError, with `code` and `cure`.
    """

    @property
    def address(self) -> str:
        """The email address of this profile."""
        return str(self._profile["email"])

    @classmethod
    def sign_up(
        cls,
        email: str,
        *,
        service: str | None,
        folder: ProfileFolder,
        new_passphrase: Callable[[], str],
        passphrase: Callable[[], str],
        surroundings: Surroundings | None = None,
    ) -> Self:
        """Asks for a sign-in link to be mailed to `email`; makes the profile when there is none yet.

        `service` is the service's URL; an existing profile knows it and keeps it, as it keeps its address.
        """
        around = surroundings or Surroundings()
        address = addresses.normal(email)
        if folder.state.exists():
            account = cls.open(folder, passphrase=passphrase, surroundings=around)
            account.adopt(address, service)
        else:
            if service is None:
                raise UsageError(
                    "A new profile needs the service's URL.",
                    cure="For example: sealpost sign-up ada@example.org --service https://sealpost.example.org",
                )
            url = checked_url(service)
            profile = {"service": url, "email": address, "uid": None}
            state = folder.state.create(new_passphrase(), cost=around.cost, documents={Kind.PROFILE: profile})
            account = cls(state, surroundings=around)
        with around.progress("Asking for a sign-in link"):
            account.service.call("sign_up", {"email": address})
        return account

    @classmethod
    def open(
        cls, folder: ProfileFolder, *, passphrase: Callable[[], str], surroundings: Surroundings | None = None
    ) -> Self:
        """An existing profile. `passphrase` is asked unless the profile is unlocked."""
        if not folder.state.exists():
            raise NotSignedIn(
                f"There is no profile {folder.name!r} here.",
                cure="Start with: sealpost sign-up EMAIL --service URL",
            )
        return cls(folder.state.open(passphrase), surroundings=surroundings)

    def sign_in(self, link: str) -> Identity:
        """Redeems the mailed link or the code; publishes the keys of an account's first device.

        A further device is `pending` until it is linked (`devices.link`), or resets the account (`devices.reset`).
        """
        code = parse_code(link, service=self.service.url)
        with self._around.progress("Making this device's signing key"):
            key = signing_key(self._state)
        opened = open_session(service=self.service, email=self._profile["email"], code=code, key=key)
        if self._profile["uid"] not in {None, opened.uid}:
            raise SealpostError(
                "The service says that this address is another account now.",
                code="key-change",
                cure="Sign up with a new profile: sealpost --profile NAME sign-up EMAIL --service URL",
            )
        with self._state.transaction():
            self._profile = self._profile | {"uid": opened.uid}
            self._state.put(Kind.PROFILE, self._profile)
            self._session.begin(opened.tokens)
        self._stand(opened.standing)
        if self._device.state() == "removed":
            with suppress(SealpostError):
                self._session.end()
            raise refusals.removed()
        with self._around.progress("Making and publishing this device's keys"), suppress(DeviceNotActive):
            self._device.publish()
        return self.whoami()

    def whoami(self) -> Identity:
        """From the local state alone."""
        uid = self._profile["uid"]
        return Identity(
            address=self._profile["email"],
            service=self.service.url,
            uid=uid,
            device=self._device.describe() if uid else None,
            signed_in=is_signed_in(self._state),
        )

    def send(self, to: str, text: str) -> Receipt:
        """Sends `text` to an address. Returns once the service has stored it."""
        address = addresses.normal(to)
        with self._around.progress("Sending"):
            self._device.publish()
            receipt = self._sender.send(address, text)
            self.sync.tell()
            return receipt

    def resume(self) -> list[Receipt]:
        """Sends again, byte for byte, the messages whose answer was lost."""
        with self._around.progress("Sending"):
            self._device.publish()
            return self._sender.resume()

    def waiting(self) -> int:
        """How many messages wait for `resume`."""
        return self._sender.waiting()

    def inbox(self, *, mark: bool = True) -> list[Item]:
        """Fetches what has come, and returns what was not handed out before, in the service's order.

        Without `mark` each stays new until `mark_shown`: a program that may fail in between loses none.
        """
        self._tell_alarm()
        with self._around.progress("Fetching messages"):
            for _ in self._delivery.catch_up():
                pass
            self.sync.tell()
        items = list(self._reader.history(new=True))
        if mark:
            with self._state.transaction():
                for item in items:
                    self.mark_shown(item)
        return items

    def history(self) -> list[Item]:
        """Every message kept on this device, one's own among them; nothing is fetched."""
        return list(self._reader.history(new=False))

    def listen(
        self, *, timeout: float | None = None, hooks: Hooks | None = None, mark: bool = True
    ) -> Iterator[Item]:
        """First what was not handed out before, then messages in real time, until `timeout` seconds have passed.

        `mark` is as in `inbox`.
        """
        self._tell_alarm()
        for item in self._unshown_then_new(timeout, hooks or Hooks()):
            if mark:
                self.mark_shown(item)
            yield item

    def mark_shown(self, item: Item) -> None:
        """`item` is not handed out again."""
        self._reader.mark_shown(item)

    def safety_number(self, address: str) -> SafetyNumber:
        """Looks a person up, and gives the number to compare with what they see."""
        return self._comparison.number(address)

    def mark_verified(self, address: str) -> SafetyNumber:
        """Remembers that the person compared the number with `address` and found it equal.

        Raises Unsafe where it is not the number that they were shown last: keys have changed in between.
        """
        number = self._comparison.mark(address)
        self.sync.tell()
        return number

    def accept(self, address: str) -> None:
        """Takes the new keys of a verified person who was reset, without comparing them."""
        self._comparison.accept(address)
        self.sync.tell()

    def audit(self) -> Iterator[AuditEntry]:
        """What the service noted of this account, newest first; asked for as far as it is read."""
        return read_audit(self._session.call)

    def set_discovery(self, *, is_open: bool) -> None:
        """Whether people who share no conversation with this account find it by its address."""
        self._session.call("set_discovery", {"open": is_open})

    def sign_out(self) -> None:
        """Ends this device's session at the service. Keys and messages stay."""
        self._session.end()

    def unlock(self, *, minutes: float) -> None:
        """Lets this profile be opened without its passphrase for some minutes."""
        self._state.unlock(until=self._around.wall.time() + 60 * minutes)

    def close(self) -> None:
        self.service.close()
        self._state.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def adopt(self, address: str, service: str | None) -> None:
        """A profile that never signed in takes another address or service; one that did raises UsageError."""
        url = self.service.url if service is None else checked_url(service)
        if (address, url) == (self._profile["email"], self.service.url):
            return
        if self._profile["uid"] is not None:
            raise UsageError(
                "This profile belongs to another address or service.",
                cure="Use another one: sealpost --profile NAME sign-up EMAIL --service URL",
            )
        self._profile = self._profile | {"email": address, "service": url}
        self._state.put(Kind.PROFILE, self._profile)
        self.service.close()
        self.service.url = url

    def _unshown_then_new(self, timeout: float | None, hooks: Hooks) -> Iterator[Item]:
        yield from list(self._reader.history(new=True))
        yield from self._delivery.listen(timeout=timeout, hooks=hooks)
