"""The devices of one's own account: which there are, and how one comes, goes, or begins anew."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sealpost import refusals
from sealpost.approval import Approval
from sealpost.contacts import Contacts
from sealpost.device import OwnDevice
from sealpost.errors import NotSignedIn, UsageError
from sealpost.joining import Joining, Request
from sealpost.own_chain import OwnChain
from sealpost.protocol import acts
from sealpost.protocol.chain import Chain
from sealpost.resetting import Resetting
from sealpost.service import Service
from sealpost.session import Session
from sealpost.standing import PendingReset, Standing
from sealpost.state import State
from sealpost.sync import Sync


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device of the account, by its verified chain. `removed_at` is None while it is active."""

    id: str
    is_this: bool
    active_since: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Removed:
    """Device `id` is removed. `history_ended` says that a history key ended with it."""

    id: str
    is_this: bool
    history_ended: bool


class Devices:
    """`own` is one's own uid; `now` gives Unix seconds."""

    def __init__(
        self,
        *,
        state: State,
        session: Session,
        service: Service,
        contacts: Contacts,
        device: OwnDevice,
        chain: OwnChain,
        sync: Sync,
        own: str,
        now: Callable[[], float],
    ) -> None:
        self._state = state
        self._session = session
        self._service = service
        self._contacts = contacts
        self._device = device
        self._chain = chain
        self._now = now
        self._joining = Joining(
            state=state, session=session, service=service, contacts=contacts, device=device, own=own
        )
        self._approval = Approval(
            state=state,
            session=session,
            service=service,
            contacts=contacts,
            device=device,
            chain=chain,
            sync=sync,
        )
        self._resetting = Resetting(
            state=state, session=session, service=service, contacts=contacts, device=device, own=own
        )

    def link(self, show: Callable[[Request], None], *, anew: bool = False) -> None:
        """Has this pending device linked: shows a secret to be given to an active device, and waits for its answer.

        An earlier request that still stands goes on, unless `anew`. Raises Unsafe with `link-forged` where the answer is
        not from who was given the secret: then nothing is pinned.
        """
        self._joining.link(show, anew=anew)

    def approve(self, secret: str) -> str:
        """Adds the device that shows this secret, and tells it of all contacts. Its id.

        It gets everything that the account receives from now on.
        """
        return self._approval.approve(secret)

    def all(self) -> list[DeviceEntry]:
        """Those that ever were, in the order in which they came; on a removed device what it knew last."""
        own = self._contacts.own()
        if own is None:
            raise refusals.not_linked()
        chain = own.chain if self._contacts.removed() else self._chain.newest()
        return [
            DeviceEntry(
                id=device.id,
                is_this=device.id == self._device.key.kid,
                active_since=self._time(chain.times[device.added]),
                removed_at=None if device.removed_at is None else self._time(device.removed_at),
            )
            for device in chain.devices.values()
        ]

    def revoke(self, prefix: str, *, even_this: bool = False) -> Removed:
        """Removes the one active device whose id begins so; this one only if `even_this`.

        What this device holds stays on it, and can be read on it.
        """
        removed = Removed("", is_this=False, history_ended=False)

        def removal(chain: Chain) -> str:
            nonlocal removed
            device = _the_one(chain, prefix)
            is_this = device == self._device.key.kid
            if is_this and not even_this:
                raise UsageError(
                    "That is this device.", cure="To remove it all the same: sealpost revoke DEVICE --yes"
                )
            removed = Removed(device, is_this=is_this, history_ended=chain.history is not None)
            return acts.revoke_device(chain, device, self._device.key, int(self._service.now()))

        try:
            self._chain.publish(removal)
        except NotSignedIn as ended:
            if removed.is_this:
                ended.cure = (
                    f"Whether this device was removed says another one: sealpost devices. {ended.cure}"
                )
            raise
        if removed.is_this:
            self._session.forget()
        return removed

    def reset(self) -> None:
        """Begins the account anew with this pending device: all others are removed.

        Raises ServiceProblem with `reset-delayed` and `due_at` (Unix seconds) in its members where another device was
        in use lately: it goes through from then on, when it is called again. With `forbidden` where this device has
        signed in more than five minutes ago.
        """
        self._resetting.reset()

    def veto(self) -> None:
        """Ends a reset that another device has asked for."""
        self._chain.newest()
        self._session.proved("veto_reset")
        standing = Standing.load(self._state)
        if standing is not None:
            replace(standing, pending_reset=None).save(self._state)

    def pending_reset(self) -> PendingReset | None:
        """The reset that waits, one's own or another device's, as far as the service has told."""
        standing = Standing.load(self._state)
        return None if standing is None else standing.pending_reset

    def _time(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(min(seconds, int(self._now())), UTC)


def _the_one(chain: Chain, prefix: str) -> str:
    found = [device.id for device in chain.devices.values() if prefix and device.id.startswith(prefix)]
    active = [device.id for device in chain.active_devices if device.id in found]
    if len(active) == 1:
        return active[0]
    if active:
        cause = f"{len(active)} devices begin with {prefix}."
    elif found:
        cause = f"Device {found[0][:8]} was removed before."
    else:
        cause = f"No device begins with {prefix}."
    raise UsageError(cause, cure="See which there are: sealpost devices")
