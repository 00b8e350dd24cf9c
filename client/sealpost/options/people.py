from sealpost.options.kinds import Command


def add(command: Command) -> None:
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

    accept = command(
        "accept",
        "write again to somebody whom you had verified and who began anew with other keys, without comparing those",
        "sealpost accept bob@example.org",
        "sealpost verify bob@example.org      (better: compare the new number, then --mark)",
    )
    accept.add_argument("address", metavar="ADDRESS")
