"""What each command does. Results go to stdout, everything else to stderr."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from sealpost.account import Account
from sealpost.commands import account as profiles
from sealpost.commands import devices, history, messages, people, sessions
from sealpost.commands.showing import show_alarm
from sealpost.errors import ExitStatus
from sealpost.folders import ProfileFolder
from sealpost.passphrase import PassphraseSource
from sealpost.program import Program
from sealpost.surroundings import Surroundings
from sealpost.terminal import progress, warn

_AROUND = Surroundings(on_warning=warn, progress=progress)

_COMMANDS: Mapping[str, Callable[[Account, argparse.Namespace, Program], ExitStatus]] = {
    **profiles.COMMANDS,
    **messages.COMMANDS,
    **people.COMMANDS,
    **devices.COMMANDS,
    **history.COMMANDS,
    **sessions.COMMANDS,
}


def run(options: argparse.Namespace) -> ExitStatus:
    """Runs the command that `options.build_parser` read."""
    folder = ProfileFolder.of(getattr(options, "profile", "default"))
    with Program(folder.name).fitting_cures():
        return _run(options, folder)


def _run(options: argparse.Namespace, folder: ProfileFolder) -> ExitStatus:
    source = PassphraseSource(getattr(options, "passphrase_fd", None))
    if options.command == "lock":
        return profiles.lock(folder)
    if options.command == "sign-up":
        return profiles.sign_up(options, folder, source, _AROUND)
    as_json = options.command in {"inbox", "listen"} and options.json
    around = replace(_AROUND, on_alarm=partial(show_alarm, program=Program(folder.name), as_json=as_json))
    with Account.open(folder, passphrase=source.present, surroundings=around) as account:
        program = Program(folder.name, account.address)
        with program.fitting_cures():
            if options.command == "unlock":
                return profiles.unlock(account, options, program, folder=folder)
            return _COMMANDS[options.command](account, options, program)
