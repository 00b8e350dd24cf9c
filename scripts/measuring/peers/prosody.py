"""Prosody, an XMPP server in Lua, from Debian's packages, which are unpacked without being installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.ports import HOST, free_port, is_free
from scripts.local.processes import wait_until
from scripts.local.say import Progress, Stop
from scripts.local.tools import environment, run
from scripts.measuring.load.xmpp import DOMAIN, PASSWORD, USERS, user
from scripts.measuring.stand import Served, Stand

NAME = "Prosody"

_PACKAGES = (
    *(
        "prosody",
        "lua5.4",
        "liblua5.4-0",
        "lua-expat",
        "lua-filesystem",
        "lua-socket",
        "lua-sec",
        "lua-bitop",
    ),
    *("lua-event", "lua-posix", "lua-readline", "lua-unbound"),
)
_CURE = "Prosody is fetched by apt-get, from Debian or Ubuntu; elsewhere it is left out."


def fetch(layout: Layout, progress: Progress) -> None:
    """Download and unpack it.

    Raises:
        Stop: this system has no such packages.
    """
    root = _root(layout)
    if root.is_dir():
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Stop(f"This system has no apt-get. {_CURE}")
    new = root.with_name(f"{root.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    (new / "packages").mkdir(parents=True)
    with progress.step(f"{NAME} from the system's packages"):
        run(["apt-get", "download", *_PACKAGES], cwd=new / "packages", cure=_CURE)
        for package in (new / "packages").glob("*.deb"):
            run(["dpkg", "-x", package, new], cure=_CURE)
    new.rename(root)


@contextmanager
def served(stand: Stand) -> Iterator[Served]:
    """Started and listening, with all users' accounts, its archive in files.

    By default it keeps 10,000 messages of a user, and from there on writes all of them anew for each.

    Raises:
        Stop: it does not start.
    """
    root, folder, port = _root(stand.layout), stand.data / "prosody", free_port()
    shutil.rmtree(folder, ignore_errors=True)
    accounts = folder / "data" / DOMAIN.replace(".", "%2e") / "accounts"
    accounts.mkdir(parents=True)
    for number in range(USERS):
        (accounts / f"{user(number)}.dat").write_text(
            f'return {{ password = "{PASSWORD}" }};\n', encoding="ascii"
        )
    config = folder / "prosody.cfg.lua"
    config.write_text(_config(folder, port), encoding="utf-8")
    program = folder / "prosody.lua"
    program.write_text(_program(root, folder), encoding="utf-8")
    lua, libraries = root / "usr/share/lua/5.4", next((root / "usr/lib").glob("*-linux-*"))
    child = stand.processes.start(
        NAME,
        [root / "usr/bin/lua5.4", program, "--config", config, "-F"],
        env=environment(
            LUA_PATH=f"{lua}/?.lua;{lua}/?/init.lua;;",
            LUA_CPATH=f"{libraries}/lua/5.4/?.so;;",
            LD_LIBRARY_PATH=str(libraries),
        ),
        cwd=folder,
    )
    try:
        wait_until(lambda: not is_free(port), child, seconds=30)
        yield Served(child, port)
    finally:
        stand.processes.stop(child)


def _config(folder: Path, port: int) -> str:
    return f"""
run_as_root = true; data_path = "{folder}/data"; pidfile = "{folder}/prosody.pid"; daemonize = false
modules_enabled = {{ "saslauth", "roster", "smacks", "mam", "carbons", "disco", "ping" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = false; allow_unencrypted_plain_auth = true; authentication = "internal_plain"
interfaces = {{ "{HOST}" }}; c2s_ports = {{ {port} }}; c2s_direct_tls_ports = {{}}; s2s_ports = {{}}
http_ports = {{}}; https_ports = {{}}; limits = {{}}; network_backend = "epoll"; storage = "internal"
default_archive_policy = true; archive_expires_after = "never"; storage_archive_item_limit = {10**9}; log = {{ warn = "*stdout" }}
VirtualHost "{DOMAIN}"
"""


def _program(root: Path, folder: Path) -> str:
    """Its start script, which names the folders that the package would be installed to."""
    places = {
        "SOURCE": root / "usr/lib/prosody",
        "CONFIG": folder,
        "PLUGIN": f"{root}/usr/lib/prosody/modules/",
        "DATA": folder / "data",
    }
    lines = []
    for line in (root / "usr/bin/prosody").read_text(encoding="utf-8").splitlines():
        named = next((name for name in places if line.startswith(f"CFG_{name}DIR=")), None)
        lines.append(f"CFG_{named}DIR='{places[named]}';" if named else line)
    return "\n".join(lines) + "\n"


def _root(layout: Layout) -> Path:
    return layout.parts / "prosody"
