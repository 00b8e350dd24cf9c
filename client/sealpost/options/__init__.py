"""What each command takes, and its help."""

import argparse
from typing import Any, NoReturn

from sealpost import __version__
from sealpost.options import account, devices, history, messages, people, sessions
from sealpost.options.kinds import descriptor

_DESCRIPTION = """\
Send and receive end-to-end encrypted messages. Your email address is your identity.

Begin:
  sealpost sign-up ada@example.org --service https://sealpost.example.org
  sealpost sign-in 'https://sealpost.example.org/v1/open_link#...'     (the link that was mailed)
  sealpost send bob@example.org 'Hello Bob'
  sealpost listen
"""
_EPILOG = """\
The passphrase seals keys and messages on this computer. It is asked for on a terminal, or taken from
--passphrase-fd N, or from the file that SEALPOST_PASSPHRASE_FILE names; `sealpost unlock` remembers it for a while.
SEALPOST_HOME is the folder of all profiles, if not the platform's.

Exit status: 0 done, 1 fault, 2 wrong use, 3 not signed in, 4 locked or wrong passphrase, 5 refused by the service,
6 service not reachable (try again), 7 stopped because keys changed or contradict, 8 timed out, 130 interrupted.
"""


class _Parser(argparse.ArgumentParser):
    """Says where help is, and of which command."""

    def error(self, message: str) -> NoReturn:
        super().error(f"{message}\nMore: {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--profile", metavar="NAME", help="whose profile (default: default); one person each")
    common.add_argument(
        "--passphrase-fd", metavar="N", type=descriptor, help="read the passphrase from file descriptor N"
    )
    parser = _Parser(
        prog="sealpost",
        parents=[common],
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"sealpost {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, summary: str, *examples: str, within: Any = commands) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = within.add_parser(
            name,
            parents=[common],
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog="\n".join(["examples:", *(f"  {example}" for example in examples)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        made.set_defaults(refuse=made.error)
        return made

    for group in (account, messages, people, devices, history, sessions):
        group.add(command)
    return parser
