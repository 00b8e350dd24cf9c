"""Other people's keys: compare them, accept new ones."""

import argparse

from sealpost.account import Account
from sealpost.errors import ExitStatus
from sealpost.program import Program
from sealpost.terminal import say


def verify(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
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
        if number.reset:
            say(f"{number.address} began anew with other keys: you had compared another number.")
        say(
            f"{number.address} is not verified. Call them and compare the number; if it is the same on both sides:"
        )
        say(f"  {program.command('verify', number.address, '--mark')}")
    return ExitStatus.OK


def accept(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    account.accept(options.address)
    say(f"The new keys of {options.address} are taken. Nobody has compared them:")
    say(f"  {program.command('verify', options.address)}")
    return ExitStatus.OK


COMMANDS = {"verify": verify, "accept": accept}
