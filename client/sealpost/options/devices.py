from sealpost.options.kinds import Command


def add(command: Command) -> None:
    link = command(
        "link",
        "have this new device linked to your account: shows a secret for `sealpost approve`, and waits",
        "sealpost sign-up ada@example.org --service https://sealpost.example.org      (first: sign up ...)",
        "sealpost sign-in LINK                                                       (... and in, here)",
        "sealpost link",
        "sealpost link --new      (with another secret)",
    )
    link.add_argument("--new", action="store_true", help="begin again with another secret")

    approve = command(
        "approve",
        "link a new device, by the secret that it shows; it gets everything that you will receive",
        "sealpost approve K7QX-0M3R-9TVB-2HDN",
        "sealpost approve -      (typed or scanned: not seen in the list of processes)",
    )
    approve.add_argument("secret", metavar="SECRET", nargs="?", default="-")

    devices = command(
        "devices",
        "list the devices of your account",
        "sealpost devices",
        "sealpost devices --json | jq -r .id",
    )
    devices.add_argument("--json", action="store_true", help="one JSON object a line")

    revoke = command(
        "revoke",
        "remove a device from your account: it receives and sends nothing any more",
        "sealpost revoke 3fA9xQ21",
        "sealpost revoke -- -x7Q      (an id that begins with a hyphen)",
        "sealpost revoke 0dTq --yes      (this very device)",
    )
    revoke.add_argument("device", metavar="DEVICE", help="the device's id, or how it begins")
    revoke.add_argument("--yes", action="store_true", help="also if it is this device")

    reset = command(
        "reset",
        "begin anew with this device when all others are lost: they are removed, and everybody is told",
        "sealpost sign-up ada@example.org --service https://sealpost.example.org      (first: sign up ...)",
        "sealpost sign-in LINK                                                       (... and in, here)",
        "sealpost reset --yes      (within 5 minutes)",
    )
    reset.add_argument("--yes", action="store_true", help="you have read what it does")

    command("veto", "stop a reset of your account that another device has asked for", "sealpost veto")
