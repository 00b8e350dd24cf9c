import argparse

from sealpost.options.kinds import Command


def add(command: Command) -> None:
    sessions = command(
        "sessions",
        "list, name and end the sessions of this account",
        "sealpost sessions",
        "sealpost sessions name 3fA9 'old laptop'",
        "sealpost sessions revoke 3fA9",
        "sealpost sessions revoke --all      (every device signs in anew)",
    )
    sessions.add_argument("--json", action="store_true", help="one JSON object a line")
    actions = sessions.add_subparsers(dest="action", metavar="ACTION", help="list, if none is named")

    listing = command("list", "list the living sessions, newest first", "sealpost sessions", within=actions)
    listing.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object a line"
    )

    name = command(
        "name",
        "call a session by a name of yours, which the service can read",
        "sealpost sessions name 3fA9 'old laptop'",
        "sealpost sessions name 3fA9      (no name any more)",
        within=actions,
    )
    name.add_argument("id", metavar="ID", help="the session's id, or how it begins")
    name.add_argument("name", metavar="NAME", nargs="?", help="1 to 64 characters")

    revoke = command(
        "revoke",
        "end a session; its device stays in the account, and needs a new link to go on",
        "sealpost sessions revoke 3fA9",
        "sealpost sessions revoke -- -x7Q      (an id that begins with a hyphen)",
        "sealpost sessions revoke --all",
        "sealpost revoke DEVICE      (removes a device for good)",
        within=actions,
    )
    which = revoke.add_mutually_exclusive_group(required=True)
    which.add_argument("id", metavar="ID", nargs="?", help="the session's id, or how it begins")
    which.add_argument("--all", action="store_true", help="every session of the account, this one last")

    audit = command(
        "audit",
        "show what happened to this account, newest first, by the service's word",
        "sealpost audit | head",
        "sealpost audit --json | jq 'select(.act == \"key-backup-read\")'",
    )
    audit.add_argument("--json", action="store_true", help="one JSON object a line")

    discovery = command(
        "discovery",
        "say who may find this account by its address",
        "sealpost discovery closed      (people that you have written with, and nobody else)",
        "sealpost discovery open        (everybody who knows the address)",
    )
    discovery.add_argument("who", metavar="open|closed", choices=("open", "closed"))
