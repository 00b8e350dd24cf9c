"""One's own devices: link, approve, list, remove, begin anew, veto."""

import argparse
import sys

from sealpost.account import Account
from sealpost.commands.showing import print_json, show_identity, utc
from sealpost.devices import DeviceEntry
from sealpost.errors import ExitStatus, UsageError
from sealpost.joining import Request
from sealpost.program import Program
from sealpost.terminal import local_time, say, warn

_SHOWN = 8
"""Characters of an id, enough to tell devices of one account apart."""


def link(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    def show(request: Request) -> None:
        print(request, flush=True)
        _show_code(str(request))
        say(
            f"Give this secret to another device of yours before {local_time(request.expires_at)}, and to nobody else:"
        )
        say(f"  sealpost approve {request}")
        say("Waiting for its approval. Ctrl-C ends; the same command goes on.")

    account.devices.link(show, anew=options.new)
    say("This device is linked. It gets what is sent from now on.")
    show_identity(account.whoami(), program)
    return ExitStatus.OK


def approve(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    warn(
        "this gives the new device everything that you will receive. Take a secret only from a device in your hand."
    )
    text = options.secret
    if text == "-":
        if sys.stdin.isatty():
            say("Type the secret that the new device shows, then Enter:")
        text = sys.stdin.readline()
    device = account.devices.approve(text)
    meant = ("--", device[:_SHOWN]) if device.startswith("-") else (device[:_SHOWN],)
    say(f"Device {device[:_SHOWN]} is linked. To undo it: {program.command('revoke', *meant)}")
    return ExitStatus.OK


def devices(account: Account, options: argparse.Namespace, _program: Program) -> ExitStatus:
    for entry in account.devices.all():
        if options.json:
            print_json(
                {
                    "id": entry.id,
                    "this": entry.is_this,
                    "active_since": utc(entry.active_since),
                    "removed_at": None if entry.removed_at is None else utc(entry.removed_at),
                }
            )
        else:
            print(_line(entry), flush=True)
    return ExitStatus.OK


def revoke(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    removed = account.devices.revoke(options.device, even_this=options.yes)
    if removed.is_this:
        say("This device is removed from the account: it receives and sends nothing any more.")
        say(
            f"Its keys and messages stay here until you delete the profile: {program.command('inbox', '--all')}"
        )
    else:
        say(f"Device {removed.id[:_SHOWN]} is removed: it receives and sends nothing any more.")
        say("What it received before stays on it. The people you write to are told that a device went.")
    if removed.history_ended:
        cure = "on another device" if removed.is_this else program.command("history", "on")
        say(f"The history key ended with it. To keep a history from now on, turn it on again: {cure}")
    return ExitStatus.OK


def reset(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    if not options.yes:
        raise UsageError(
            "A reset removes all other devices. What was sent to them cannot be read here, and everybody you write to "
            "is told; who had verified you has to compare numbers again.",
            cure="If you still have one of them: sealpost link. If all are lost: sealpost reset --yes",
        )
    account.devices.reset()
    say("The account begins anew with this device. All others are removed.")
    show_identity(account.whoami(), program)
    return ExitStatus.OK


def veto(account: Account, _options: argparse.Namespace, program: Program) -> ExitStatus:
    account.devices.veto()
    say(
        "No reset waits any more. If one did, whoever asked for it has read a sign-in link that was mailed to you:"
    )
    say(f"look after your mailbox, and see {program.command('audit')} and {program.command('sessions')}.")
    return ExitStatus.OK


def _show_code(text: str) -> None:
    """As a QR code, where there is somebody to scan it."""
    if not sys.stderr.isatty():
        return
    import segno  # a few milliseconds of imports, for terminals alone

    segno.make(text, micro=False).terminal(sys.stderr, compact=True)


def _line(entry: DeviceEntry) -> str:
    line = f"{entry.id[:_SHOWN]}  since {local_time(entry.active_since.timestamp())}"
    if entry.removed_at is not None:
        line += f"  removed {local_time(entry.removed_at.timestamp())}"
    return f"{line}  (this one)" if entry.is_this else line


COMMANDS = {
    "link": link,
    "approve": approve,
    "devices": devices,
    "revoke": revoke,
    "reset": reset,
    "veto": veto,
}
