from pathlib import Path

from sealpost.options.kinds import Command, positive, seconds


def add(command: Command) -> None:
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
    listen.add_argument("--count", type=positive, metavar="N", help="end after N messages from others")
    listen.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        help="end after S seconds (status 8 if --count was not reached)",
    )
    listen.add_argument("--json", action="store_true", help="one JSON object a line, with the exact text")
