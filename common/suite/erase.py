"""Erase an account: `python -m common.suite.erase UID`, with the environment of the suite."""

import asyncio
import sys
from collections.abc import Sequence

from common.errors import InvalidRequest, SealpostError
from common.identity import UID
from common.jose import matching
from common.services import compose
from common.settings import SettingsError


def main(arguments: Sequence[str]) -> int:
    """Exit status 0 when the account is gone, 1 with a sentence on stderr when it is not, 2 on wrong usage."""
    try:
        (uid,) = arguments
        matching(uid, UID, "The uid")
    except (ValueError, InvalidRequest):
        return _fail("usage: erase UID", status=2)
    try:
        was_there = asyncio.run(compose().erasing().erase(uid))
    except SettingsError as error:
        return _fail(f"erase: {error}")
    except SealpostError as error:
        return _fail(f"erase: {error.detail} Run it again: it goes on where it stopped.")
    print(f"{uid} is erased." if was_there else f"There is no account {uid}; it is noted as erased.")  # noqa: T201
    return 0


def _fail(sentence: str, *, status: int = 1) -> int:
    sys.stderr.write(f"{sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
