"""Running the command on the world in memory."""

from sealpost.cli import main
from tests.client.fakes import World


def signed_in(world: World, *names: str) -> None:
    for name in names:
        world.person(name).close()


def run(*arguments: str) -> int:
    try:
        return main(list(arguments))
    except SystemExit as end:  # argparse
        return int(end.code or 0)
