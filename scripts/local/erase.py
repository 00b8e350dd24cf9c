"""`scripts/erase UID`: an account of what scripts/run serves at this moment."""

import subprocess
import sys

from scripts.local import ports
from scripts.local.layout import Layout
from scripts.local.ports import HOST, Ports
from scripts.local.serving import Serving
from scripts.local.stack import PROJECT, Backing, suite_environment
from scripts.local.web import is_up


def main(words: list[str]) -> int:
    """The exit status of common.suite.erase; 1 where nothing is served."""
    layout = Layout()
    data = layout.data("run")
    kept = data / "ports.json"
    chosen = Ports(**ports.wanted(layout.root / "firebase.json", kept)) if kept.is_file() else None
    if chosen is None or not is_up(f"http://{HOST}:{chosen.service}/health"):
        print("erase: nothing is served. Start ./scripts/run, then erase.", file=sys.stderr)
        return 1
    backing, serving = Backing(chosen, data, data), Serving.read(data)
    settings = suite_environment(
        layout,
        backing,
        project=PROJECT,
        dsn=backing.postgres.dsn(serving.relations),
        url=f"http://{HOST}:{chosen.service}",
    )
    command = [str(layout.python), "-P", "-m", "common.suite.erase", *words]
    return subprocess.run(
        command, cwd=layout.root, env=settings | {"FIRESTORE_DATABASE": serving.documents}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
