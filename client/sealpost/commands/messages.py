"""Messages: send, fetch, listen."""

import argparse
import sys

from sealpost.account import Account
from sealpost.commands.showing import show, show_receipt
from sealpost.delivery import Hooks
from sealpost.errors import DeviceNotActive, ExitStatus, NotSignedIn, ServiceUnavailable, TimedOut, UsageError
from sealpost.items import Message
from sealpost.program import Program
from sealpost.terminal import explain, say, warn

_LARGEST_TEXT = 64 * 1024


def send(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
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
        show_receipt(receipt, program, as_json=options.json)
    return ExitStatus.OK


def inbox(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    try:
        new = account.inbox(mark=False)
    except (DeviceNotActive, NotSignedIn) as error:
        if not options.all:
            raise
        error.cure = program.fitted(error.cure)
        explain(error)
        new = []
    items = account.history() if options.all else new
    for item in items:
        show(item, program, as_json=options.json)
        account.mark_shown(item)
    if not items:
        say(f"No new messages. (Older ones: {program.command('inbox', '--all')})")
    return ExitStatus.OK


def listen(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    def lost(error: ServiceUnavailable) -> None:
        warn(f"{error} Trying again until it can.")

    hooks = Hooks(
        on_ready=lambda: say(f"Listening for messages to {account.address}. Ctrl-C ends."),
        on_lost=lost,
        on_back=lambda: say("Connected again."),
    )
    left = options.count
    for item in account.listen(timeout=options.timeout, hooks=hooks, mark=False):
        show(item, program, as_json=options.json)
        account.mark_shown(item)
        if left is not None and isinstance(item, Message) and not item.outgoing:
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


COMMANDS = {"send": send, "inbox": inbox, "listen": listen}
