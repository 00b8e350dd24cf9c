"""The stack of the tests: one set of real parts, and on it a project with its own service for each test worker."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from scripts.local import gateway
from scripts.local.layout import Layout
from scripts.local.parts import Parts
from scripts.local.ports import HOST, Ports, free_port
from scripts.local.processes import Processes, wait_until
from scripts.local.say import Progress
from scripts.local.stack import (
    DATABASE,
    Backing,
    Suite,
    register_triggers,
    rules,
    start_backing,
    start_python,
    start_suite,
)
from scripts.local.web import is_up


def start_test_backing(
    processes: Processes, parts: Parts, layout: Layout, progress: Progress, data: Path
) -> Backing:
    """Start the shared parts. The database `DATABASE` stays a template; triggers go through a gateway to each project's service.

    Raises:
        Stop: a part failed.
    """
    ports = Ports.free()
    routes = gateway.routes(data)
    routes.mkdir(mode=0o700, exist_ok=True)

    def a_gateway() -> None:
        child = start_python(
            processes, layout, "Gateway", "scripts.local.gateway", str(ports.service), str(routes)
        )
        wait_until(lambda: is_up(f"http://{HOST}:{ports.service}/"), child, seconds=30)

    return start_backing(processes, parts, layout, progress, ports=ports, data=data, beside=(a_gateway,))


def start_test_suite(
    processes: Processes,
    layout: Layout,
    backing: Backing,
    name: str,
    *,
    seen_through: Ports | None = None,
    triggers: bool = True,
    settings: Mapping[str, str] | None = None,
) -> Suite:
    """A project, a database and a service that share nothing with any other.

    `seen_through` are the ports that the service is told of, where proxies stand in front of the parts. Without
    `triggers` nothing happens in the service but what is asked of it. `settings` overrule the service's own.

    Raises:
        Stop: the service failed.
    """
    project = f"demo-{name}-{uuid.uuid4().hex[:6]}"
    database = project.replace("-", "_")
    port = free_port()
    backing.postgres.create(database, template=DATABASE)
    backing.firestore.load_rules(project, rules(layout))
    if triggers:
        register_triggers(layout, backing.firestore, project)
        gateway.add_route(backing.data, project, port)
    told = replace(backing, ports=seen_through or backing.ports)
    return start_suite(
        processes, layout, told, project=project, database=database, port=port, settings=settings
    )
