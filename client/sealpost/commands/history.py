"""The account's history: on, off, and back."""

import argparse
import sys
from functools import partial

from sealpost.account import Account
from sealpost.commands.showing import print_json, utc
from sealpost.errors import ExitStatus, UsageError
from sealpost.passphrase import typed_secret
from sealpost.program import Program
from sealpost.terminal import local_time, say, warn

_LONGEST = 4096
_SHOWN = 8


def history(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    match options.action:
        case "on":
            _turn_on(account, options, program)
        case "off" if account.history_key.turn_off():
            say(
                "History is off. What came until now stays readable with the recovery code; what comes does not."
            )
        case "off":
            say("History was off already.")
        case _:
            _status(account, options, program)
    return ExitStatus.OK


def recover(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    restored = account.recovery.recover(partial(_code, options), reset=options.yes)
    say(f"{restored.messages} message(s) came back; the backup tells of {restored.people} person(s).")
    say(f"See them: {program.command('inbox', '--all')}")
    if not account.history_key.status().is_on:
        say(
            f"History is off: what comes now is not kept. Turn it on again: {program.command('history', 'on')}"
        )
    return ExitStatus.OK


def _turn_on(account: Account, options: argparse.Namespace, program: Program) -> None:
    if options.new_code and options.code is not None:
        raise UsageError("--new-code makes a code and takes none.", cure="Leave `-` out.")
    status, left_out = account.history_key.turn_on(
        code=partial(_code, options), show=_show_code, new_code=options.new_code
    )
    if left_out:
        warn(f"{left_out} people that nobody has verified did not fit into the backup.")
    say(f"History is on, with backup number {status.backup}.")
    say("What is sent to you and by you from now on can be read with the recovery code, by whoever has it.")
    say(f"The people you write with are shown that. To end it: {program.command('history', 'off')}")


def _status(account: Account, options: argparse.Namespace, program: Program) -> None:
    status = account.history_key.status()
    if options.json:
        print_json(
            {
                "on": status.is_on,
                "announced_at": None if status.announced_at is None else utc(status.announced_at),
                "by": status.by,
                "backup": status.backup,
            }
        )
    elif status.announced_at is not None and status.by is not None:
        when = local_time(status.announced_at.timestamp())
        print(f"on, announced {when} by device {status.by[:_SHOWN]}, backup number {status.backup}")
    elif status.backup is not None:
        print(f"off; backup number {status.backup} opens what came before: {program.command('recover')}")
    else:
        print(f"off. To turn it on: {program.command('history', 'on')}")


def _show_code(code: str) -> None:
    say("Your recovery code. Write it down, and keep it apart from your devices: it is shown this once.")
    print(code, flush=True)


def _code(options: argparse.Namespace) -> str:
    if options.code is not None:
        return sys.stdin.readline(_LONGEST)
    return typed_secret(
        "Recovery code: ",
        cause="There is no terminal to ask for the recovery code.",
        cure="Run this in a terminal, or give the code on standard input: sealpost recover - < code.txt",
    )


COMMANDS = {"history": history, "recover": recover}
