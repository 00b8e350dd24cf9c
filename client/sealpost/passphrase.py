"""Where the passphrase comes from: a file descriptor, a file, or the person."""

import getpass
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from sealpost.errors import Locked, UsageError
from sealpost.terminal import say
from sealpost.vault import MINIMUM_PASSPHRASE

FILE_VARIABLE = "SEALPOST_PASSPHRASE_FILE"
_TERMINAL = "/dev/tty"
_LARGEST = 4096
_CURE_OF_NEW = (
    f"Choose a passphrase: run this in a terminal, or give it by --passphrase-fd or {FILE_VARIABLE}."
)
_CURE = (
    "Give it with --passphrase-fd N or SEALPOST_PASSPHRASE_FILE=path, unlock the profile first with "
    "`sealpost unlock --minutes 30`, or run the command on a terminal, which asks."
)


@dataclass(frozen=True, slots=True)
class PassphraseSource:
    """`descriptor` is that of --passphrase-fd. The first line counts, without its end."""

    descriptor: int | None = None

    def present(self) -> str:
        """The passphrase of an existing profile."""
        given = self._given()
        if given is not None:
            return given
        if not _has_terminal():
            raise Locked(
                "This profile is locked, and there is no terminal to ask for the passphrase.", cure=_CURE
            )
        return _type("Passphrase: ", cure=_CURE)

    def new(self) -> str:
        """The passphrase of a profile about to be made; a person types it twice."""
        passphrase = self._given()
        if passphrase is None:
            if not _has_terminal():
                raise Locked(
                    "A new profile needs a passphrase, and there is no terminal to ask for it.",
                    code="no-passphrase",
                    cure=_CURE_OF_NEW,
                )
            say(
                "Choose a passphrase. It seals your keys and messages on this computer; nobody can restore it."
            )
            passphrase = _type("New passphrase: ", cure=_CURE_OF_NEW)
            if _type("Once more: ", cure=_CURE_OF_NEW) != passphrase:
                raise Locked(
                    "The two passphrases differ.", cure="Run the command again.", code="passphrases-differ"
                )
        if len(passphrase) < MINIMUM_PASSPHRASE:
            raise Locked(
                f"The passphrase is shorter than {MINIMUM_PASSPHRASE} characters.",
                code="weak-passphrase",
                cure="Four or more random words make a good one.",
            )
        return passphrase

    def _given(self) -> str | None:
        if self.descriptor is not None:
            try:
                return _first_line(_read_line(self.descriptor))
            except OSError as error:
                raise UsageError(
                    f"--passphrase-fd {self.descriptor} cannot be read ({error.strerror}).",
                    cure="For example: sealpost --passphrase-fd 3 inbox 3< passphrase.txt",
                ) from None
        path = os.environ.get(FILE_VARIABLE)
        if path:
            try:
                with Path(path).open("rb") as file:
                    return _first_line(file.readline(_LARGEST))
            except OSError as error:
                raise UsageError(
                    f"{FILE_VARIABLE} names a file that cannot be read ({error.strerror}): {path}",
                    cure="It is a file whose first line is the passphrase.",
                ) from None
        return None


def typed_secret(prompt: str, *, cause: str, cure: str) -> str:
    """What a person types on a terminal that does not show it. Raises Locked with `cause` where there is none."""
    if not _has_terminal():
        raise Locked(cause, cure=cure, code="no-terminal")
    return _type(prompt, cure=cure, nothing="Nothing was typed.")


def _read_line(descriptor: int) -> bytes:
    """To the end of the first line and no byte further: what follows may be the message."""
    line = bytearray()
    while len(line) < _LARGEST and not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            break
        line += byte
    return bytes(line)


def _first_line(line: bytes) -> str:
    try:
        return line.rstrip(b"\r\n").decode()
    except UnicodeDecodeError:
        raise UsageError("The passphrase is not UTF-8 text.", cure="Its first line is taken.") from None


def _type(prompt: str, *, cure: str, nothing: str = "No passphrase was given.") -> str:
    try:
        return getpass.getpass(prompt, stream=sys.stderr)
    except EOFError:
        raise Locked(nothing, cure=cure) from None


def _has_terminal() -> bool:
    """Whether there is somebody to ask; standard input may be a text to be sent all the same."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin.isatty()
    return True
