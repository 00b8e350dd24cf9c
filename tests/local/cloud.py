"""gcloud and terraform for tests: programs that answer as they are told to, and write down how they were called."""

import shlex
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = """#!/bin/sh
call="${{0##*/}} $*"
printf '%s\\t%s\\n' "$call" "$$" >>{folder}/calls
case " $call " in *" --data-file=- "*) cat >{folder}/given.$$ ;; esac
. {folder}/answers
"""


@dataclass(frozen=True, slots=True)
class Cloud:
    folder: Path

    @classmethod
    def on_path(cls, folder: Path) -> "Cloud":
        """Its programs are in `folder`/bin. Whatever is not answered otherwise succeeds."""
        made = cls(folder)
        (folder / "bin").mkdir()
        for name in ("gcloud", "terraform"):
            program = folder / "bin" / name
            program.write_text(_PROGRAM.format(folder=shlex.quote(str(folder))))
            program.chmod(0o755)
        made.answers({})
        return made

    def answers(self, answers: dict[str, tuple[int, str]]) -> None:
        """Calls by a part of them: the first that fits gives the exit status and what is printed."""
        cases = [
            f"*{shlex.quote(part)}*) printf '%s\\n' {shlex.quote(text)}; exit {status} ;;\n"
            for part, (status, text) in answers.items()
        ]
        (self.folder / "answers").write_text(f'case "$call" in\n{"".join(cases)}esac\n')

    @property
    def calls(self) -> list[tuple[str, str]]:
        """The calls so far, each with what was given on standard input."""
        path = self.folder / "calls"
        found = []
        for line in path.read_text().splitlines() if path.exists() else []:
            call, _, number = line.rpartition("\t")
            given = self.folder / f"given.{number}"
            found.append((call, given.read_text() if given.exists() else ""))
        return found
