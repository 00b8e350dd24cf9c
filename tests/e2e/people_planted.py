"""Rules of docs/protocol.md that a client or a service might skip: people_machine.py has to find each.

Rules that hold against a service that lies are tried in tampering_cases.py: here the service is honest.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import pg8000.native

from sealpost.errors import ServiceProblem
from sealpost.protocol import opening, recipients
from sealpost.protocol.errors import Code, Notice, ProtocolError
from sealpost.state import State


@dataclass(frozen=True, slots=True)
class Plant:
    """`what` is skipped where `target` is replaced by `by`."""

    what: str
    target: str
    by: Any

    def __str__(self) -> str:
        return self.what.replace(" ", "-")

    @contextmanager
    def planted(self) -> Iterator[None]:
        with mock.patch(self.target, self.by):
            yield


def _nothing(*_args: object, **_named: object) -> None:
    """Done."""


def _always(value: object) -> Callable[..., object]:
    return lambda *_args, **_named: value


def _check_sender(parsed: Any, context: Any, document: Any, known: Any) -> Any:
    try:
        return _checked(parsed, context, document, known)
    except ProtocolError as error:
        if error.code is not Code.REVOKED_DEVICE:
            raise
        return known.chains[context.uid].devices[context.dev]


def _without(notice: Notice) -> Callable[..., tuple[Notice, ...]]:
    return lambda *args: tuple(one for one in _notices(*args) if one is not notice)


def _only_theirs(members: Any, *, sender: str, **named: Any) -> Any:
    chosen = _chosen(members, sender=sender, **named)
    own = {key.key.kid for key in members[sender].keys.values()}
    return replace(chosen, keys=tuple(key for key in chosen.keys if len(members) == 1 or key.kid not in own))


def _lost(_post: object, _statement: str) -> None:
    raise ServiceProblem("Another device was faster.", code="chain-conflict", status=409)


def _unsent(state: Any, message: Any) -> None:
    if message.content["kind"] != "sent":
        _put(state, message)


_chosen, _put = recipients.choose, State.put_message
_checked, _notices = opening._check_sender, opening._notices

IN_CLIENT = [
    Plant(
        "a removed device is a recipient",
        "sealpost.protocol.chain.Chain.active_devices",
        property(lambda chain: tuple(chain.devices.values())),
    ),
    Plant("a removed device is believed", "sealpost.protocol.opening._check_sender", _check_sender),
    Plant(
        "no notice of a removed device",
        "sealpost.protocol.opening._notices",
        _without(Notice.REMOVED_DEVICE),
    ),
    Plant("no notice of a gap", "sealpost.protocol.opening._notices", _without(Notice.GAP)),
    Plant("a gap is told of what was before its time", "sealpost.receiving.Reader._joined", _always(None)),
    Plant(
        "what is not for it is passed over", "sealpost.receiving.Reader._is_before_this_device", _always(True)
    ),
    Plant("the MAC of a request is not checked", "sealpost.protocol.linking._equal", _always(True)),
    Plant("wrong secrets are not counted", "sealpost.protocol.bounds.MAX_LINK_TRIES", 50),
    Plant(
        "a verified person's reset stops nothing", "sealpost.contact.Contact.is_unaccepted", _always(False)
    ),
    Plant(
        "verified outlives a reset",
        "sealpost.contact.Contact.is_verified",
        lambda contact: contact.verified is not None,
    ),
    Plant("a reset is not warned of", "sealpost.contacts.Contacts.warned", _always(False)),
    Plant("accepting changes nothing", "sealpost.contacts.Contacts.accept", _always(True)),
    Plant("pins are not believed", "sealpost.contacts.Contacts.take_pins", _nothing),
    Plant("pins are not sent", "sealpost.sync.Sync.tell", _nothing),
    Plant("a linked device is told of nobody", "sealpost.sync.Sync.tell_all", _nothing),
    Plant("changes are not kept", "sealpost.changes.Changes.record", _nothing),
    Plant("changes are shown again", "sealpost.changes.Changes.mark_shown", _nothing),
    Plant("a key is not renewed", "sealpost.device.OwnDevice._renewal_due", _always(False)),
    Plant("an ended key is kept", "sealpost.device.OwnDevice.destroy_ended", _nothing),
    Plant("sealing again crosses a reset", "sealpost.protocol.recipients.check_unchanged", _nothing),
    Plant(
        "a mismatch is not sealed again", "sealpost.sending.Sender._resealed", lambda _sender, draft: draft
    ),
    Plant("other devices of one's own get no copy", "sealpost.protocol.recipients.choose", _only_theirs),
    Plant("the head told with a session is not looked at", "sealpost.contacts.Contacts.check_own", _nothing),
    Plant("the loser of two acts gives up", "sealpost.own_chain.OwnChain._post_again", staticmethod(_lost)),
    Plant("a sent message is not kept", "sealpost.state.State.put_message", _unsent),
]


@dataclass(frozen=True, slots=True)
class Trigger:
    """`what` is skipped by a trigger: `body` before `event`."""

    what: str
    event: str
    body: str

    def __str__(self) -> str:
        return self.what.replace(" ", "-")

    @contextmanager
    def planted(self, sql: pg8000.native.Connection) -> Iterator[None]:
        table = self.event.rpartition(" ")[2]
        sql.run(f"create function planted() returns trigger language plpgsql as $$ begin {self.body} end $$")
        sql.run(f"create trigger planted before {self.event} for each row execute function planted()")
        try:
            yield
        finally:
            sql.run(f"drop trigger planted on {table}")
            sql.run("drop function planted")


IN_SERVICE = [
    Trigger(
        "sessions of a removed device go on", "update on sessions", "new.revoked_at := null; return new;"
    ),
    Trigger(
        "a removed device stays active",
        "update on devices",
        "if new.state = 'revoked' then return null; end if; return new;",
    ),
    Trigger("a veto is not kept", "delete on reset_requests", "return null;"),
    Trigger(
        "a reset is due at once",
        "insert on reset_requests",
        "new.requested_at := new.requested_at - interval '2 days'; new.due_at := new.due_at - interval '2 days'; return new;",
    ),
    Trigger(
        "every device was seen long ago",
        "insert on sessions",
        "new.seen_at := new.seen_at - interval '8 days'; return new;",
    ),
    Trigger("a granted request stands", "update on link_requests", "return null;"),
    Trigger(
        "a superseded key stays",
        "insert on encryption_keys",
        "if new.n > 1 then new.current := false; end if; return new;",
    ),
]
