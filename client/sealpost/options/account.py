from sealpost.options.kinds import Command, minutes


def add(command: Command) -> None:
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

    unlock = command(
        "unlock",
        "open this profile without its passphrase for some minutes",
        "sealpost unlock --minutes 60",
    )
    unlock.add_argument("--minutes", type=minutes, default=30.0, metavar="N", help="1 to 720 (default: 30)")
    command("lock", "ask for the passphrase again from now on", "sealpost lock")
