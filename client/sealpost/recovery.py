"""Coming back from a backup: whom the lost devices knew, and the messages that the history keys open."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sealpost.contacts import Contacts
from sealpost.delivery import OpenMailbox
from sealpost.devices import Devices
from sealpost.errors import DeviceNotActive, SealpostError
from sealpost.items import Message
from sealpost.key_backups import KeyBackups, read_code
from sealpost.mailbox import PAGE, FirestoreDenied, MessageDocument
from sealpost.own_chain import OwnChain
from sealpost.protocol.opening import OwnKey
from sealpost.receiving import Reader
from sealpost.session import Session


@dataclass(frozen=True, slots=True)
class Restored:
    """How many messages came back, and of how many people the backup told."""

    messages: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The history keys live in memory, and no longer than `restore` runs."""

    session: Session
    contacts: Contacts
    chain: OwnChain
    backups: KeyBackups
    reader: Reader
    mailbox: OpenMailbox
    devices: Devices
    is_pending: Callable[[], bool]
    own: str
    progress: Callable[[str], AbstractContextManager[None]]

    def recover(self, code: Callable[[], str], *, reset: bool = False) -> Restored:
        """`restore`, on a pending device after a reset of the account, if that is said to be meant.

        Raises what `devices.reset` raises too: the code is asked for first, and again the next time.
        """
        must_reset = self.is_pending()
        if must_reset and not reset:
            raise DeviceNotActive(
                "This device is not linked to the account.",
                cure="If you have another device: sealpost link. If all are lost: sealpost recover --yes, "
                "which resets the account first. That removes all its other devices, and everybody you write with is told.",
            )
        secret = read_code(code())
        if not must_reset:
            return self.restore(secret)
        self._reset()
        try:
            return self.restore(secret)
        except SealpostError as error:
            error.cure += " The account was reset with this device. Go on with: sealpost recover"
            raise

    def restore(self, code: str) -> Restored:
        """Takes what the last announced backup holds, and reads the whole mailbox again. Safe to repeat.

        Nothing is stored before the backup has passed every check. Raises UsageError, Locked or Unsafe where it does not,
        and DeviceNotActive on a device that is not linked: reset the account first.
        """
        secret = read_code(code)
        with self.progress("Opening the backup"):
            content = self.backups.open(self.chain.newest(), secret)
        self.contacts.take_pins(content.pins)
        keys = {key.kid: OwnKey(key, self.own, None) for key in content.history_keys}
        with self.progress("Reading all messages again"):
            return Restored(messages=self._read_again(keys), people=len(content.pins))

    def _reset(self) -> None:
        try:
            with self.progress("Resetting the account"):
                self.devices.reset()
        except SealpostError as error:
            error.cure = error.cure.replace("sealpost reset --yes", "sealpost recover --yes")
            raise

    def _read_again(self, keys: Mapping[str, OwnKey]) -> int:
        """A message opens with the keys of its account as other devices' messages do, by all checks."""
        restored = (self.reader.restore(document, keys) for document in self._documents())
        return sum(isinstance(item, Message) for item in restored)

    def _documents(self) -> Iterator[MessageDocument]:
        """Everything that the service keeps, from the beginning; from there again where a token was refused."""
        for retry in (True, False):
            mailbox, _ = self.mailbox()
            try:
                last = None
                while True:
                    page = mailbox.page(0, after=last)
                    yield from page
                    if len(page) < PAGE:
                        return
                    last = page[-1]
            except FirestoreDenied:
                if not retry:
                    raise
                self.session.forget_id_token()
            finally:
                mailbox.close()
