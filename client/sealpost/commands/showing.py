"""How results are shown: lines for people, JSON for programs."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sealpost.changes import Change
from sealpost.errors import SIGN_IN_AGAIN, Unsafe
from sealpost.items import Item, Message
from sealpost.people import Identity
from sealpost.program import Program
from sealpost.sending import Receipt
from sealpost.terminal import local_time, neutralised, say, warn


def show_identity(identity: Identity, program: Program) -> None:
    print(f"address  {identity.address}")
    print(f"service  {identity.service}")
    waiting = f"not signed in yet: {program.command('sign-in', 'LINK')}"
    print(f"account  {neutralised(identity.uid or waiting)}")
    if identity.device is not None:
        print(f"device   {identity.device.id} ({identity.device.state})")
        if identity.device.state == "active":
            print(
                f"key      number {identity.device.key_number}, until {local_time(identity.device.key_expires)}"
            )
        print(f"session  {'signed in' if identity.signed_in else f'ended. {program.fitted(SIGN_IN_AGAIN)}'}")


def show_receipt(receipt: Receipt, program: Program, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "id": receipt.message_id,
                "conversation": receipt.conversation_id,
                "to": receipt.to,
                "sent_at": utc(receipt.sent_at),
                "verified": receipt.verified,
                "renewed": receipt.renewed,
            }
        )
    else:
        print(f"sent to {receipt.to} at {local_time(receipt.sent_at.timestamp())}, id {receipt.message_id}")
    verify = program.command("verify", receipt.to)
    if receipt.renewed:
        warn(f"{receipt.to} began anew with other keys (a reset). To be sure of them: {verify}")
    elif receipt.first and not receipt.verified:
        warn(f"this was the first message to {receipt.to}. To be sure of their keys: {verify}")


def show_alarm(alarm: Unsafe, *, program: Program, as_json: bool) -> None:
    """Beside the messages, too, where a program reads them."""
    say(f"ALARM: {neutralised(str(alarm))}")
    say(f"  {neutralised(program.fitted(alarm.cure))}")
    if as_json:
        print_json({"type": "alarm", "code": alarm.code, "reason": str(alarm)})


def show(item: Item, program: Program, *, as_json: bool) -> None:
    """One line to stdout (a long text has more, each after a bar), flushed, so that pipes get it at once."""
    if as_json:
        print_json(_as_json(item))
    else:
        print("\n".join(_lines(item, program)), flush=True)


def _lines(item: Item, program: Program) -> Iterable[str]:
    if isinstance(item, Change):
        yield f"{local_time(item.at.timestamp())}  * {neutralised(program.fitted(item.text))}"
        return
    when = local_time(item.sent_at.timestamp())
    who = item.address or f"{item.peer} (address not confirmed)"
    if not isinstance(item, Message):
        yield f"{when}  ! refused ({item.code}), from {neutralised(who)}: {item.reason}"
        return
    if item.outgoing:
        whom = f"to {neutralised(who)}"
    else:
        whom = neutralised(who) + ("" if item.verified else " (not verified)")
    yield f"{when}  {whom}: {neutralised(item.text.rstrip(), multiline=True)}"
    for notice in item.notices:
        yield f"    ! {notice}"
    if item.signed_at is not None:
        yield f"    ! Signed at {local_time(item.signed_at.timestamp())}, by the sender's clock."


def _as_json(item: Item) -> dict[str, Any]:
    if isinstance(item, Change):
        return {
            "type": "change",
            "id": item.id,
            "peer": item.peer,
            "address": item.address,
            "act": item.act.value,
            "device": item.device,
            "by": item.by,
            "at": utc(item.at),
            "own": item.own,
            "text": item.text,
        }
    common = {
        "id": item.id,
        "conversation": item.conversation_id,
        "peer": item.peer,
        "address": item.address,
        "sent_at": utc(item.sent_at),
    }
    if isinstance(item, Message):
        return {
            "type": "message",
            **common,
            "direction": "out" if item.outgoing else "in",
            "verified": item.verified,
            "signed_at": None if item.signed_at is None else utc(item.signed_at),
            "text": item.text,
            "notices": list(item.notices),
        }
    return {"type": "refused", **common, "code": item.code, "reason": item.reason}


def print_json(value: dict[str, Any]) -> None:
    """ASCII, so that no peer's character reaches a terminal raw."""
    print(json.dumps(value), flush=True)


def utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
