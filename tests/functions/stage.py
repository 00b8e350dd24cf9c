"""A service whose every part stands behind a switch, and ways to make the parts fail."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from scripts.local.layout import Layout
from scripts.local.ports import HOST
from scripts.local.processes import Processes
from scripts.local.stack import Backing
from tests.functions.arena import KEPT, Arena, start_arena
from tests.functions.calls import CALLS
from tests.functions.devices import enter_devices
from tests.functions.parts import Gossip, GossipHttp, GossipSmtp, Switch, gossiping


@dataclass
class Stage:
    arena: Arena
    postgres: Switch
    firestore: Switch
    auth: Switch
    smtp: Switch
    gossip: Gossip
    gossip_ports: tuple[int, int, int]
    """Of the Firestore, the Identity Toolkit and the mail server that say all they hear."""


@contextmanager
def staged(
    processes: Processes, layout: Layout, backing: Backing, worker: str, folder: Path
) -> Iterator[Stage]:
    """Alice and Bob and their conversation, on parts that work. `folder` holds a secret of the service."""
    ports = backing.ports
    with ExitStack() as stack:
        switches = [Switch(port) for port in (ports.postgres, ports.firestore, ports.auth, ports.smtp)]
        for switch in switches:
            stack.callback(switch.close)
        postgres, firestore, auth, smtp = switches
        gossip, *gossip_ports = stack.enter_context(gossiping())
        url = folder / "smtp-url"
        url.write_text(f"smtp://{HOST}:{smtp.port}")
        arena = start_arena(
            processes,
            layout,
            backing,
            f"{worker}-stage",
            seen_through=replace(ports, postgres=postgres.port, firestore=firestore.port, auth=auth.port),
            settings={"SMTP_URL_FILE": str(url)},
        )
        stack.callback(arena.sql.close)
        for name in ("alice", "bob"):
            arena.enter(name)
        enter_devices(arena)
        for name in ("create_conversation", "save_key_backup"):
            assert arena.ask(CALLS[name](arena)).status == 200
        first, second, third = gossip_ports
        yield Stage(arena, postgres, firestore, auth, smtp, gossip, (first, second, third))


@contextmanager
def loud_tables(stage: Stage) -> Iterator[None]:
    """Whoever writes a row that is kept gets an error that quotes it."""
    sql = stage.arena.sql
    sql.run(
        "create function shout() returns trigger language plpgsql as"
        " $$ begin raise exception 'no row %', new using detail = new::text, errcode = 'P0001'; end $$"
    )
    for (table,) in sql.run(KEPT):
        sql.run(
            f"create trigger shout before insert or update on {table} for each row execute function shout()"
        )
    try:
        yield
    finally:
        sql.run("drop function shout cascade")


@contextmanager
def hidden_tables(stage: Stage) -> Iterator[None]:
    """There are no tables."""
    sql = stage.arena.sql
    sql.run("alter schema public rename to hidden")
    try:
        yield
    finally:
        sql.run("alter schema hidden rename to public")


@contextmanager
def gossip_about(stage: Stage, code: grpc.StatusCode) -> Iterator[None]:
    stage.gossip.code, heard = code, stage.gossip.heard
    with stage.firestore.leading_to(stage.gossip_ports[0]):
        yield
    assert stage.gossip.heard > heard


@contextmanager
def gossip_of_users(stage: Stage, status: int, *, as_json: bool = True) -> Iterator[None]:
    GossipHttp.status, GossipHttp.as_json, heard = status, as_json, GossipHttp.heard
    with stage.auth.leading_to(stage.gossip_ports[1]):
        yield
    assert GossipHttp.heard > heard


@contextmanager
def gossip_of_mails(stage: Stage) -> Iterator[None]:
    heard = GossipSmtp.heard
    with stage.smtp.leading_to(stage.gossip_ports[2]):
        yield
    assert GossipSmtp.heard > heard
