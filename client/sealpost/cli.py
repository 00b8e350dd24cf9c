"""The `sealpost` command: how it begins, and how it ends."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from sealpost.errors import ExitStatus, SealpostError
from sealpost.options import build_parser
from sealpost.terminal import endure_any_text, explain, say


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
