"""The `sealpost` command: what it takes, and how it ends."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from sealpost import __version__
from sealpost.errors import ExitStatus, SealpostError
from sealpost.terminal import endure_any_text, explain, say

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


_T = TypeVar("_T", int, float)
_Command = Callable[..., argparse.ArgumentParser]


class _Parser(argparse.ArgumentParser):
    """Says where help is, and of which command."""

    def error(self, message: str) -> NoReturn:
        super().error(f"{message}\nMore: {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--profile", metavar="NAME", help="whose profile (default: default); one person each")
    common.add_argument(
        "--passphrase-fd", metavar="N", type=_descriptor, help="read the passphrase from file descriptor N"
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

    def command(name: str, summary: str, *examples: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
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

    _add_account_commands(command)
    _add_message_commands(command)
    return parser


def _add_account_commands(command: _Command) -> None:
    sign_up = command(
        "sign-up",
        "ask for a sign-in link by mail, and make the profile",
        "sealpost sign-up ada@example.org --service https://sealpost.example.org",
        "sealpost --profile bob sign-up bob@example.org --service http://127.0.0.1:8470",
    )
    sign_up.add_argument("email", metavar="EMAIL")
    sign_up.add_argument("--service", metavar="URL", help="the service; needed for a new profile")

    sign_in = command(
        "sign-in",
        "sign in with the mailed link, or the code that its page shows; the first time publishes this device's keys",
        "sealpost sign-in 'https://sealpost.example.org/v1/open_link#aB3...'",
        "sealpost sign-in aB3...",
        "sealpost sign-in - < link.txt      (not seen in the list of processes)",
    )
    sign_in.add_argument("link", metavar="LINK|CODE", nargs="?", default="-")

    command("sign-out", "end this device's session; keys and messages stay", "sealpost sign-out")

    whoami = command(
        "whoami", "say who this profile is", "sealpost whoami", "sealpost --profile bob whoami --json"
    )
    whoami.add_argument("--json", action="store_true", help="one JSON object")

    verify = command(
        "verify",
        "show the safety number with a person: compare it by another way, such as a call",
        "sealpost verify bob@example.org",
        "sealpost verify bob@example.org --mark      (you have compared it, and it is the same)",
    )
    verify.add_argument("address", metavar="ADDRESS")
    verify.add_argument(
        "--mark", action="store_true", help="remember that the number was compared and is the same"
    )

    unlock = command(
        "unlock",
        "open this profile without its passphrase for some minutes",
        "sealpost unlock --minutes 60",
    )
    unlock.add_argument("--minutes", type=_minutes, default=30.0, metavar="N", help="1 to 720 (default: 30)")
    command("lock", "ask for the passphrase again from now on", "sealpost lock")


def _add_message_commands(command: _Command) -> None:
    send = command(
        "send",
        "send a text to an address",
        "sealpost send bob@example.org 'Hello Bob'",
        "sealpost send bob@example.org --file letter.txt",
        "date | sealpost send bob@example.org",
        "sealpost send --resume      (messages whose answer was lost)",
    )
    send.add_argument("address", metavar="ADDRESS", nargs="?")
    source = send.add_mutually_exclusive_group()
    source.add_argument(
        "text", metavar="TEXT", nargs="?", help="the text; without it, standard input is sent as it is"
    )
    source.add_argument("--file", metavar="F", type=Path, help="send this file's text as it is")
    source.add_argument(
        "--resume", action="store_true", help="send again, byte for byte, what a lost answer left behind"
    )
    send.add_argument("--json", action="store_true", help="the receipt as one JSON object")

    inbox = command(
        "inbox",
        "fetch and show what has come since the last time",
        "sealpost inbox",
        "sealpost inbox --all --json | jq -r .text",
    )
    inbox.add_argument("--all", action="store_true", help="show every message kept on this device as well")
    inbox.add_argument("--json", action="store_true", help="one JSON object a line, with the exact text")

    listen = command(
        "listen",
        "show messages as they come; says on stderr when it is ready",
        "sealpost listen",
        "sealpost listen --count 1 --timeout 60 --json",
    )
    listen.add_argument("--count", type=_positive, metavar="N", help="end after N messages")
    listen.add_argument(
        "--timeout",
        type=_seconds,
        metavar="S",
        help="end after S seconds (status 8 if --count was not reached)",
    )
    listen.add_argument("--json", action="store_true", help="one JSON object a line, with the exact text")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status (ExitStatus); argparse itself exits with 2."""
    endure_any_text()
    options = build_parser().parse_args(arguments)
    _check_utf8(options)
    if options.command == "send":
        _check_send(options)
    try:
        from sealpost.commands import run

        return int(run(options))
    except SealpostError as error:
        explain(error)
        return int(error.exit_status)
    except KeyboardInterrupt:
        say("")
        return int(ExitStatus.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitStatus.OK)
    except Exception as error:  # noqa: BLE001 - the last resort: a person never gets a traceback unasked
        say(f"sealpost: an unforeseen fault ({type(error).__name__}). SEALPOST_DEBUG=1 shows where.")
        if os.environ.get("SEALPOST_DEBUG") == "1":
            traceback.print_exc()
    return int(ExitStatus.FAILURE)


def _check_send(options: argparse.Namespace) -> None:
    if options.resume == (options.address is not None):
        options.refuse("send needs an ADDRESS, or --resume alone")


def _check_utf8(options: argparse.Namespace) -> None:
    """A file may have any name; everything else goes to the service or into a message."""
    for name, value in vars(options).items():
        if isinstance(value, str) and not _is_utf8(value):
            options.refuse(f"{name} is not UTF-8 text")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _descriptor(text: str) -> int:
    return _number(text, int, low=0, high=1 << 20)


def _positive(text: str) -> int:
    return _number(text, int, low=1, high=1 << 31)


def _minutes(text: str) -> float:
    return _number(text, float, low=1, high=720)


def _seconds(text: str) -> float:
    return _number(text, float, low=0, high=1e9)


def _number(text: str, kind: Callable[[str], _T], *, low: float, high: float) -> _T:
    try:
        value = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number: {text!r}") from None
    if low <= value <= high:
        return value
    raise argparse.ArgumentTypeError(f"must be {f'{high:g} or less' if value > high else f'{low:g} or more'}")
