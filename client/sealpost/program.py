"""The `sealpost` command as a person types it for the profile at hand: what cures and hints name."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sealpost.errors import SealpostError

_COMMAND = re.compile(
    r"\bsealpost (?=(?:sign-up|sign-in|sign-out|send|inbox|listen|verify|accept|link|approve|devices|revoke|reset|veto|sessions|audit|discovery|history|recover|whoami|unlock|lock)\b)"
)


@dataclass(frozen=True, slots=True)
class Program:
    """`profile` is that of --profile; `email` its address, where it is known."""

    profile: str = "default"
    email: str | None = None

    def command(self, *words: str) -> str:
        """`sealpost --profile alice verify bob@example.org`, quoted for a shell."""
        profile = () if self.profile == "default" else ("--profile", self.profile)
        return shlex.join(("sealpost", *profile, *words))

    def fitted(self, sentence: str) -> str:
        """`sentence` with its commands made this profile's: `sealpost sign-up EMAIL` gets both. Safe to repeat."""
        if self.email is not None:
            sentence = sentence.replace(
                "sealpost sign-up EMAIL", f"sealpost sign-up {shlex.quote(self.email)}"
            )
        return _COMMAND.sub(lambda _found: f"{self.command()} ", sentence)

    @contextmanager
    def fitting_cures(self) -> Iterator[None]:
        """The library's errors know no profile: those that leave the block do."""
        try:
            yield
        except SealpostError as error:
            error.cure = self.fitted(error.cure)
            raise
