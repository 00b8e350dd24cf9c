"""Another checkout of this project, prepared from this one's, and the processes that belong to it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.local.layout import Layout

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Checkout:
    root: Path

    @property
    def local(self) -> Path:
        return self.root / ".local"

    @property
    def sealpost(self) -> Path:
        return self.local / "bin" / "sealpost"

    def start(self, *words: str, stdin: str | None = None) -> subprocess.Popen[str]:
        """Start scripts/run with its output on pipes."""
        process = subprocess.Popen(  # noqa: S603 - the script under test
            [self.root / "scripts" / "run", *words],
            cwd="/",
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if stdin is not None and process.stdin:
            process.stdin.write(stdin)
            process.stdin.close()
            process.stdin = None  # so that communicate() leaves it alone
        return process

    @contextmanager
    def running(self) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Plain scripts/run, up to its table of addresses; gives the process and what it printed. Killed if left running."""
        process = self.start()
        assert process.stdout
        printed = ""
        try:
            for line in process.stdout:
                printed += line
                if line.startswith("Ctrl-C"):
                    break
            assert "Ctrl-C" in printed, printed
            yield process, printed
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            self.wait_for_quiet()

    def stop(self, process: subprocess.Popen[str], number: signal.Signals) -> int:
        """Send a signal and wait for the end. The exit status."""
        process.send_signal(number)
        return process.wait(PATIENCE)

    def processes(self) -> dict[int, str]:
        """The processes whose command or working folder names this checkout, by id."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                place = str((folder / "cwd").readlink())
                alive = "\nState:\tZ" not in (folder / "status").read_text()
            except OSError:
                continue
            if alive and (str(self.root) in command or place.startswith(str(self.root))):
                found[int(folder.name)] = command
        return found

    def wait_for_quiet(self, seconds: float = 15) -> dict[int, str]:
        """The processes that are left when that time is over; empty as soon as there is none."""
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.1)
        return left


def copy(layout: Layout, root: Path) -> Checkout:
    """A copy of what git would hold. The virtual environment is linked file by file, the parts as a folder."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git of the PATH
        cwd=layout.root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in names.split("\0"):
        source = layout.root / name
        if name and source.is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, root / name)
    local = root / ".local"
    local.mkdir()
    (local / "parts").symlink_to(layout.parts)
    shutil.copytree(layout.venv, local / "venv", symlinks=True, copy_function=os.link)
    return Checkout(root)
