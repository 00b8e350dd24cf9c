"""Load every function in a process of its own and print what that loaded: `python loading.py ROOT`.

The processes are forks of one that has loaded what all functions share, so that this costs two seconds of CPU, not ten.
The answer is JSON: "" stands for what is shared, then the functions by name, each with {"modules": its modules by their
first three names, "count": how many modules there are in all}.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any


def loaded() -> dict[str, Any]:
    modules = sorted({".".join(name.split(".")[:3]) for name in sys.modules})
    return {"modules": modules, "count": len(sys.modules)}


def load(source: Path, into: Path) -> None:
    spec = importlib.util.spec_from_file_location("main", source)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    into.write_text(json.dumps(loaded()))


def main(root: Path, scratch: Path) -> None:
    sys.path.insert(0, str(root))
    import functions_framework.aio

    import common.services

    assert functions_framework.aio, common.services
    answers = {"": loaded()}
    children = {}
    for folder in sorted(path.parent for path in (root / "functions").glob("*/main.py")):
        child = os.fork()
        if not child:
            try:
                load(folder / "main.py", scratch / folder.name)
            finally:
                sys.stderr.flush()
                os._exit(0)
        children[folder.name] = child
    for name, child in children.items():
        os.waitpid(child, 0)
        answers[name] = json.loads((scratch / name).read_text())
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
