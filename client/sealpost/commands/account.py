"""This profile: sign up, sign in, sign out, who it is, and its passphrase."""

import argparse
import sys

from sealpost.account import Account
from sealpost.commands.showing import print_json, show_identity
from sealpost.errors import ExitStatus
from sealpost.folders import ProfileFolder
from sealpost.passphrase import PassphraseSource
from sealpost.people import Identity
from sealpost.program import Program
from sealpost.surroundings import Surroundings
from sealpost.terminal import say


def sign_up(
    options: argparse.Namespace, folder: ProfileFolder, source: PassphraseSource, around: Surroundings
) -> ExitStatus:
    program = Program(folder.name, options.email)
    with program.fitting_cures():
        account = Account.sign_up(
            options.email,
            service=options.service,
            folder=folder,
            new_passphrase=source.new,
            passphrase=source.present,
            surroundings=around,
        )
    with account:
        say(f"If {account.address} can receive mail, a sign-in link is on its way.")
        say(f"Next: {program.command('sign-in')} 'LINK'   (the mailed link, or the code that its page shows)")
    return ExitStatus.OK


def sign_in(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    link = options.link
    if link == "-":
        if sys.stdin.isatty():
            say("Paste the link from the mail, or the code, then Enter:")
        link = sys.stdin.readline()
    identity = account.sign_in(link)
    show_identity(identity, program)
    _say_how_to_join(identity, program)
    return ExitStatus.OK


def sign_out(account: Account, _options: argparse.Namespace, _program: Program) -> ExitStatus:
    account.sign_out()
    say("Signed out. Keys and messages stay on this computer.")
    return ExitStatus.OK


def whoami(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    identity = account.whoami()
    if options.json:
        print_json(
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
        show_identity(identity, program)
        _say_how_to_join(identity, program)
    return ExitStatus.OK


def unlock(
    account: Account, options: argparse.Namespace, program: Program, *, folder: ProfileFolder
) -> ExitStatus:
    account.unlock(minutes=options.minutes)
    unit = "minute" if options.minutes == 1 else "minutes"
    say(f"Unlocked for {options.minutes:g} {unit}, or until `{program.command('lock')}`.")
    say(f"The key file is {folder.key_file}.")
    say("Somebody who copies the profile and the key file in that time can open the profile later too.")
    return ExitStatus.OK


def lock(folder: ProfileFolder) -> ExitStatus:
    folder.state.lock()
    say("Locked.")
    return ExitStatus.OK


def _say_how_to_join(identity: Identity, program: Program) -> None:
    if identity.device is None or identity.device.state != "pending":
        return
    say("The account was begun on another device, and this one is not linked to it yet.")
    say(
        f"Next: {program.command('link')}   (shows a secret; give it to `sealpost approve` on another device)"
    )
    say(f"If all others are lost: {program.command('reset', '--yes')}")
    say(f"  or, with a recovery code: {program.command('recover', '--yes')}")


COMMANDS = {"sign-in": sign_in, "sign-out": sign_out, "whoami": whoami}
