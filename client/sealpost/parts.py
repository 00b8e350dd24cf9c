"""How the parts of an account are put together."""

from contextlib import suppress
from functools import cached_property

from sealpost import refusals
from sealpost.comparison import Comparison
from sealpost.contacts import Contacts
from sealpost.delivery import Delivery
from sealpost.device import OwnDevice, signing_key
from sealpost.devices import Devices
from sealpost.errors import NotSignedIn, SealpostError, Unsafe
from sealpost.history import History
from sealpost.key_backups import KeyBackups
from sealpost.mailbox import Mailbox
from sealpost.own_chain import OwnChain
from sealpost.posting import Posting
from sealpost.protocol.key_backup import Cost as BackupCost
from sealpost.receiving import Reader
from sealpost.recovery import Recovery
from sealpost.restoring import Restoring
from sealpost.sending import Sender
from sealpost.service import Service
from sealpost.session import Session
from sealpost.sessions import Sessions
from sealpost.standing import Standing
from sealpost.state import Kind, State
from sealpost.surroundings import Surroundings
from sealpost.sync import Sync


class Parts:
    """The parts of one profile, each made when it is first asked for."""

    def __init__(self, state: State, *, surroundings: Surroundings | None = None) -> None:
        self._state = state
        self._around = surroundings or Surroundings()
        stored = state.get(Kind.PROFILE)
        if stored is None:
            raise NotSignedIn(
                "This profile holds no account.", cure="Start with: sealpost sign-up EMAIL --service URL"
            )
        self._profile = stored
        self.service = Service(
            str(stored["service"]),
            transport=self._around.transport,
            wall=self._around.wall,
            on_warning=self._around.on_warning,
        )

    @property
    def _uid(self) -> str:
        uid = self._profile["uid"]
        if uid is None:
            raise NotSignedIn("This profile has never signed in.", cure="Run: sealpost sign-in LINK")
        return str(uid)

    def _stand(self, standing: Standing) -> None:
        """Tells of a reset that somebody wants, and of a statement in one's own chain that contradicts it.

        Neither stops reading; the second stops sending. What the service has lost of this device is given back to it.
        """
        known = Standing.load(self._state)
        standing.save(self._state)
        if standing.pending_reset is not None and (
            known is None or known.pending_reset != standing.pending_reset
        ):
            self._tell_of_reset(standing)
        if standing.device == "revoked":
            return
        try:
            if not self._restoring.rejoin(standing):
                self._contacts.check_own(None if standing.head is None else standing.head.to_json())
        except Unsafe as alarm:
            self._around.on_alarm(alarm)
        if standing.restored:
            with suppress(SealpostError):  # the next publication does it
                self._device.publish()

    def _tell_alarm(self) -> None:
        standing = Standing.load(self._state)
        if standing is not None:
            self._tell_of_reset(standing)
        alarm = self._contacts.alarm()
        if alarm is not None:
            self._around.on_alarm(alarm)

    def _tell_of_reset(self, standing: Standing) -> None:
        wish = standing.pending_reset
        if wish is not None and wish.device != self._device.key.kid:
            self._around.on_alarm(refusals.pending_reset(wish.device, wish.due_at))

    def _now(self) -> float:
        """The later of our clock and the service's: no difference of clocks lengthens a key's life."""
        return max(self._around.wall.time(), self.service.now())

    @cached_property
    def _session(self) -> Session:
        return Session(
            state=self._state,
            service=self.service,
            key=signing_key(self._state),
            on_standing=self._stand,
            identity=self._around.identity,
        )

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of this account, on all devices."""
        return Sessions(session=self._session)

    @cached_property
    def _device(self) -> OwnDevice:
        return OwnDevice(
            state=self._state,
            session=self._session,
            service=self.service,
            uid=self._uid,
            key=signing_key(self._state),
        )

    @cached_property
    def own_chain(self) -> OwnChain:
        """What this device adds to its account's key chain."""
        return OwnChain(state=self._state, session=self._session, contacts=self._contacts, own=self._uid)

    @cached_property
    def devices(self) -> Devices:
        """The devices of this account: link, approve, list, remove, reset, veto."""
        return Devices(
            state=self._state,
            session=self._session,
            service=self.service,
            contacts=self._contacts,
            device=self._device,
            chain=self.own_chain,
            sync=self.sync,
            own=self._uid,
            now=self._now,
        )

    @cached_property
    def history_key(self) -> History:
        """The history of this account: on, off, and what it is."""
        return History(
            state=self._state,
            service=self.service,
            sync=self.sync,
            chain=self.own_chain,
            backups=self._key_backups,
            key=signing_key(self._state),
            progress=self._around.progress,
        )

    @cached_property
    def recovery(self) -> Recovery:
        """What the recovery code brings back."""
        return Recovery(
            session=self._session,
            contacts=self._contacts,
            chain=self.own_chain,
            backups=self._key_backups,
            reader=self._reader,
            mailbox=self._mailbox,
            devices=self.devices,
            is_pending=lambda: self._device.state() == "pending",
            own=self._uid,
            progress=self._around.progress,
        )

    @cached_property
    def _key_backups(self) -> KeyBackups:
        cost = self._around.cost
        return KeyBackups(
            session=self._session, own=self._uid, cost=BackupCost(cost.memory, cost.passes, cost.lanes)
        )

    @cached_property
    def _contacts(self) -> Contacts:
        return Contacts(
            state=self._state,
            call=self._session.call,
            own=self._uid,
            device=signing_key(self._state).kid,
            now=self._now,
        )

    @cached_property
    def _comparison(self) -> Comparison:
        return Comparison(contacts=self._contacts, own=self._uid)

    @cached_property
    def sync(self) -> Sync:
        """What one's other devices are told of people; `tell_all` once a device was linked."""
        return Sync(
            state=self._state,
            posting=self._posting,
            service=self.service,
            contacts=self._contacts,
            device=self._device,
            own=self._uid,
            now=self._now,
        )

    @cached_property
    def _posting(self) -> Posting:
        return Posting(session=self._session, contacts=self._contacts, device=self._device, own=self._uid)

    @cached_property
    def _restoring(self) -> Restoring:
        return Restoring(session=self._session, contacts=self._contacts, device=self._device, own=self._uid)

    @cached_property
    def _sender(self) -> Sender:
        return Sender(
            state=self._state,
            posting=self._posting,
            service=self.service,
            contacts=self._contacts,
            device=self._device,
            own=self._uid,
            email=self._profile["email"],
            now=self._now,
        )

    @cached_property
    def _reader(self) -> Reader:
        return Reader(
            state=self._state, contacts=self._contacts, device=self._device, own=self._uid, now=self._now
        )

    @cached_property
    def _delivery(self) -> Delivery:
        return Delivery(
            state=self._state,
            session=self._session,
            device=self._device,
            reader=self._reader,
            mailbox=self._mailbox,
            wall=self._around.wall,
        )

    def _mailbox(self) -> tuple[Mailbox, float]:
        if self._around.mailbox is not None:
            return self._around.mailbox()
        from sealpost.firestore import FirestoreMailbox  # half a second of imports, for readers alone

        token = self._session.id_token()
        tokens = self._session.tokens()
        mailbox = FirestoreMailbox(
            project=tokens.firebase.project,
            database=tokens.firebase.database,
            uid=self._uid,
            session_id=tokens.session_id,
            id_token=token.value,
            emulator=tokens.firebase.firestore_host,
        )
        return mailbox, token.expires
