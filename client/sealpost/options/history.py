import argparse

from sealpost.options.kinds import Command


def add(command: Command) -> None:
    history = command(
        "history",
        "keep a history that a recovery code brings back when all devices are lost",
        "sealpost history on",
        "sealpost history status",
        "sealpost history off",
    )
    actions = history.add_subparsers(dest="action", metavar="ACTION", required=True)

    on = command(
        "on",
        "turn the history on, or renew its backup; the first time a recovery code is made and shown once",
        "sealpost history on      (asks for the recovery code, if there is one)",
        "sealpost history on - < code.txt",
        "sealpost history on --new-code      (the code is lost: what it opened is given up)",
        within=actions,
    )
    _take_code(on)
    on.add_argument(
        "--new-code",
        action="store_true",
        help="make a new recovery code; the old one, and what it opens, is given up",
    )

    command(
        "off",
        "keep no history any more; what came until now stays readable with the recovery code",
        "sealpost history off",
        within=actions,
    )

    status = command(
        "status", "say whether there is a history", "sealpost history status --json", within=actions
    )
    status.add_argument("--json", action="store_true", help="one JSON object")

    recover = command(
        "recover",
        "bring contacts and messages back with the recovery code",
        "sealpost recover      (on a device of the account: asks for the code)",
        "sealpost recover --yes      (all devices are lost: resets the account first)",
        "sealpost recover --yes - < code.txt",
    )
    _take_code(recover)
    recover.add_argument(
        "--yes",
        action="store_true",
        help="on a device that is not linked: reset the account first, which removes all its other devices",
    )


def _take_code(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "code",
        metavar="-",
        nargs="?",
        choices=("-",),
        help="take the recovery code from the first line of standard input, not from a terminal",
    )
