"""Measurements by real accounts of the client, in a process of their own."""

import json
from pathlib import Path
from typing import Any

from scripts.local.stack import Suite
from scripts.local.tools import environment, run
from scripts.measuring.load.people import PeoplePlan
from scripts.measuring.stand import Stand


def tell_people(stand: Stand, suite: Suite, module: str, count: int) -> dict[str, Any]:
    """Run a module of load/ and give what it tells."""
    plan = PeoplePlan(
        service=suite.url,
        mailbox=stand.backing.mailbox,
        postgres=stand.backing.ports.postgres,
        home=str(stand.data / "people"),
        worker=suite.child.process.pid,
        count=count,
    )
    file = stand.data / "people.json"
    plan.write(file)
    return run_module(stand, module, file)


def run_module(stand: Stand, module: str, plan: Path) -> dict[str, Any]:
    """Run a module of load/ on a plan, and give what its last line tells."""
    said = run(
        [stand.layout.python, "-P", "-m", f"scripts.measuring.load.{module}", plan],
        env=environment(PYTHONPATH=str(stand.layout.root)),
        cwd=stand.layout.root,
        cure="",
    )
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told
