"""What each command does. Results go to stdout, everything else to stderr."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sealpost.account import Account
from sealpost.delivery import Hooks
from sealpost.errors import SIGN_IN_AGAIN, ExitStatus, ServiceUnavailable, TimedOut, Unsafe, UsageError
from sealpost.folders import ProfileFolder
from sealpost.passphrase import PassphraseSource
from sealpost.people import Identity
from sealpost.program import Program
from sealpost.receiving import Item, Message
from sealpost.sending import Receipt
from sealpost.surroundings import Surroundings
from sealpost.terminal import local_time, neutralised, progress, say, warn

_LARGEST_TEXT = 64 * 1024
_AROUND = Surroundings(on_warning=warn, progress=progress)


def run(options: argparse.Namespace) -> ExitStatus:
    """Runs the command that `cli.build_parser` read."""
    folder = ProfileFolder.of(getattr(options, "profile", "default"))
    with Program(folder.name).fitting_cures():
        return _run(options, folder)


def _run(options: argparse.Namespace, folder: ProfileFolder) -> ExitStatus:
    source = PassphraseSource(getattr(options, "passphrase_fd", None))
    if options.command == "lock":
        folder.state.lock()
        say("Locked.")
        return ExitStatus.OK
    if options.command == "sign-up":
        return _sign_up(options, folder, source)
    as_json = options.command in {"inbox", "listen"} and options.json
    around = replace(_AROUND, on_alarm=partial(_show_alarm, as_json=as_json))
    with Account.open(folder, passphrase=source.present, surroundings=around) as account:
        program = Program(folder.name, account.address)
        with program.fitting_cures():
            if options.command == "unlock":
                return _unlock(account, options, program, folder=folder)
            return _COMMANDS[options.command](account, options, program)


def _sign_up(options: argparse.Namespace, folder: ProfileFolder, source: PassphraseSource) -> ExitStatus:
    program = Program(folder.name, options.email)
    with program.fitting_cures():
        account = Account.sign_up(
            options.email,
            service=options.service,
            folder=folder,
            new_passphrase=source.new,
            passphrase=source.present,
            surroundings=_AROUND,
        )
    with account:
        say(f"If {account.address} can receive mail, a sign-in link is on its way.")
        say(f"Next: {program.command('sign-in')} 'LINK'   (the mailed link, or the code that its page shows)")
    return ExitStatus.OK


def _sign_in(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    link = options.link
    if link == "-":
        if sys.stdin.isatty():
            say("Paste the link from the mail, or the code, then Enter:")
        link = sys.stdin.readline()
    _show_identity(account.sign_in(link), program)
    return ExitStatus.OK


def _sign_out(account: Account, _options: argparse.Namespace, _program: Program) -> ExitStatus:
    account.sign_out()
    say("Signed out. Keys and messages stay on this computer.")
    return ExitStatus.OK


def _whoami(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    identity = account.whoami()
    if options.json:
        _print_json(
            {
                "address": identity.address,
                "service": identity.service,
                "uid": identity.uid,
                "device": identity.device.id if identity.device else None,
                "device_state": identity.device.state if identity.device else None,
                "signed_in": identity.signed_in,
            }
        )
    else:
        _show_identity(identity, program)
    return ExitStatus.OK


def _send(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    if options.resume:
        receipts = account.resume()
        if not receipts:
            say("No message is waiting.")
    else:
        receipts = [account.send(options.address, _text(options))]
        if account.waiting():
            say(
                f"{account.waiting()} earlier message(s) wait for an answer: {program.command('send', '--resume')}"
            )
    for receipt in receipts:
        _show_receipt(receipt, program, as_json=options.json)
    return ExitStatus.OK


def _inbox(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    new = account.inbox(mark=False)
    items = account.history() if options.all else new
    for item in items:
        _show(item, as_json=options.json)
        account.mark_shown(item)
    if not items:
        say(f"No new messages. (Older ones: {program.command('inbox', '--all')})")
    return ExitStatus.OK


def _listen(account: Account, options: argparse.Namespace, _program: Program) -> ExitStatus:
    def lost(error: ServiceUnavailable) -> None:
        warn(f"{error} Trying again until it can.")

    hooks = Hooks(
        on_ready=lambda: say(f"Listening for messages to {account.address}. Ctrl-C ends."),
        on_lost=lost,
        on_back=lambda: say("Connected again."),
    )
    left = options.count
    for item in account.listen(timeout=options.timeout, hooks=hooks, mark=False):
        _show(item, as_json=options.json)
        account.mark_shown(item)
        if left is not None and isinstance(item, Message):
            left -= 1
            if left == 0:
                return ExitStatus.OK
    if left is not None:
        raise TimedOut(
            f"{options.timeout:g} s have passed, and {left} of {options.count} message(s) have not come.",
            code="timed-out",
            cure="They will be there at the next `sealpost inbox` or `sealpost listen`.",
        )
    return ExitStatus.OK


def _verify(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    number = (
        account.mark_verified(options.address) if options.mark else account.safety_number(options.address)
    )
    groups = str(number).split()
    print(" ".join(groups[:6]))
    print(" ".join(groups[6:]))
    if options.mark:
        say(f"{number.address} is marked as verified.")
    elif number.verified:
        say(f"{number.address} is verified: you compared this number before.")
    else:
        say(
            f"{number.address} is not verified. Call them and compare the number; if it is the same on both sides:"
        )
        say(f"  {program.command('verify', number.address, '--mark')}")
    return ExitStatus.OK


def _unlock(
    account: Account, options: argparse.Namespace, program: Program, *, folder: ProfileFolder
) -> ExitStatus:
    account.unlock(minutes=options.minutes)
    unit = "minute" if options.minutes == 1 else "minutes"
    say(f"Unlocked for {options.minutes:g} {unit}, or until `{program.command('lock')}`.")
    say(f"The key file is {folder.key_file}.")
    say("Somebody who copies the profile and the key file in that time can open the profile later too.")
    return ExitStatus.OK


_COMMANDS: dict[str, Callable[[Account, argparse.Namespace, Program], ExitStatus]] = {
    "sign-in": _sign_in,
    "sign-out": _sign_out,
    "whoami": _whoami,
    "send": _send,
    "inbox": _inbox,
    "listen": _listen,
    "verify": _verify,
}


def _text(options: argparse.Namespace) -> str:
    """The argument, the file or standard input, exactly as given."""
    if options.text is not None:
        return str(options.text)
    try:
        if options.file is not None:
            with options.file.open("rb") as file:
                content = file.read(_LARGEST_TEXT + 1)
        else:
            if sys.stdin.isatty():
                say("Type the message; Ctrl-D on an empty line sends it.")
            content = sys.stdin.buffer.read(_LARGEST_TEXT + 1)
        if len(content) > _LARGEST_TEXT:
            raise UsageError("The text is too long.", cure="Send it in parts of at most 32 kB.")
        return str(content, "utf-8")
    except OSError as error:
        raise UsageError(
            f"{options.file} cannot be read ({error.strerror}).", cure="Give a file of UTF-8 text."
        ) from None
    except UnicodeDecodeError:
        raise UsageError("The text is not UTF-8.", cure="Convert it first, for example with iconv.") from None


def _show_identity(identity: Identity, program: Program) -> None:
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


def _show_receipt(receipt: Receipt, program: Program, *, as_json: bool) -> None:
    if as_json:
        _print_json(
            {
                "id": receipt.message_id,
                "conversation": receipt.conversation_id,
                "to": receipt.to,
                "sent_at": _utc(receipt.sent_at),
                "verified": receipt.verified,
            }
        )
    else:
        print(f"sent to {receipt.to} at {local_time(receipt.sent_at.timestamp())}, id {receipt.message_id}")
    if receipt.first and not receipt.verified:
        verify = program.command("verify", receipt.to)
        warn(f"this was the first message to {receipt.to}. To be sure of their keys: {verify}")


def _show_alarm(alarm: Unsafe, *, as_json: bool) -> None:
    """Beside the messages, too, where a program reads them."""
    say(f"ALARM: {neutralised(str(alarm))}")
    say(f"  {neutralised(alarm.cure)}")
    if as_json:
        _print_json({"type": "alarm", "code": alarm.code, "reason": str(alarm)})


def _show(item: Item, *, as_json: bool) -> None:
    """One line to stdout (a long text has more, each after a bar), flushed, so that pipes get it at once."""
    if as_json:
        _print_json(_as_json(item))
    else:
        print("\n".join(_lines(item)), flush=True)


def _lines(item: Item) -> Iterable[str]:
    when = local_time(item.sent_at.timestamp())
    who = item.address or f"{item.peer} (address not confirmed)"
    if not isinstance(item, Message):
        yield f"{when}  ! refused ({item.code}), from {neutralised(who)}: {item.reason}"
        return
    if item.outgoing:
        yield f"{when}  to {neutralised(who)}: {neutralised(item.text.rstrip(), multiline=True)}"
        return
    mark = "" if item.verified else " (not verified)"
    yield f"{when}  {neutralised(who)}{mark}: {neutralised(item.text.rstrip(), multiline=True)}"
    for notice in item.notices:
        yield f"    ! {notice}"
    if item.signed_at is not None:
        yield f"    ! Signed at {local_time(item.signed_at.timestamp())}, by the sender's clock."


def _as_json(item: Item) -> dict[str, Any]:
    common = {
        "id": item.id,
        "conversation": item.conversation_id,
        "peer": item.peer,
        "address": item.address,
        "sent_at": _utc(item.sent_at),
    }
    if isinstance(item, Message):
        return {
            "type": "message",
            **common,
            "direction": "out" if item.outgoing else "in",
            "verified": item.verified,
            "signed_at": None if item.signed_at is None else _utc(item.signed_at),
            "text": item.text,
            "notices": list(item.notices),
        }
    return {"type": "refused", **common, "code": item.code, "reason": item.reason}


def _print_json(value: dict[str, Any]) -> None:
    """ASCII, so that no peer's character reaches a terminal raw."""
    print(json.dumps(value), flush=True)


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
