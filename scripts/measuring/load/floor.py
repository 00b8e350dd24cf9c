"""The floor: what a send cannot do without, in a bare loop with no HTTP around it: `python -m scripts.measuring.load.floor PLAN`.

The prepared statement and the Firestore commit are the very ones of send_message, composed from the same settings. So is
the token's verification, done each time, where a function remembers it. They run in as many loops side by side as the
plan has clients. The rest of a send, its HTTP, its JSON and the checks of its envelope, is left out.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from common.clock import deadline
from common.messages.model import RETENTION, Message
from common.messages.service import RATE
from common.services import Services, compose
from common.sessions import tokens
from scripts.measuring.load.plan import Plan
from scripts.measuring.load.requests import GAP, Request, stream
from scripts.measuring.load.timing import Timing, spread

_PATIENCE = 3600.0


@dataclass(slots=True)
class _Steps:
    token: list[int] = field(default_factory=list)
    sql: list[int] = field(default_factory=list)
    firestore: list[int] = field(default_factory=list)


async def _loop(
    services: Services, next_send: Any, timing: Timing, steps: _Steps, over: asyncio.Event
) -> None:
    messages, issuer = services.messages(), services.settings.service_url
    while not over.is_set():
        send = json.loads(next_send())
        began = time.perf_counter_ns()
        token, now = tokens.read(send["token"], issuer=issuer, keys=services.token_keys), services.clock()
        token.require_now(now)
        caller, verified = token.caller, time.perf_counter_ns()
        permit = await messages.permits.check(caller, send["conversation_id"], RATE, now)
        checked = time.perf_counter_ns()
        message = Message(
            id=send["message_id"],
            conversation=send["conversation_id"],
            members=permit.members,
            sender_uid=caller.uid,
            sender_device=caller.device,
            expires_at=now + RETENTION,
            envelope=send["envelope"],
        )
        await messages.log.append(message)
        ended = time.perf_counter_ns()
        if not permit.within_rate:
            timing.fail("past the rate of its account")
        timing.note(ended - began)
        if timing.running:
            steps.token.append(verified - began)
            steps.sql.append(checked - verified)
            steps.firestore.append(ended - checked)


async def run(plan: Plan, sends: list[Request]) -> None:
    timing, steps, over = Timing(), _Steps(), asyncio.Event()
    next_send = stream(sends)
    services = compose()
    async with deadline(_PATIENCE):  # as in a call, where a statement sets no timer of its own
        loops = [
            asyncio.ensure_future(_loop(services, next_send, timing, steps, over))
            for _ in range(plan.clients)
        ]
        await timing.take(plan)
        over.set()
        await asyncio.gather(*loops)
    timing.tell(
        **spread(steps.token, "token"), **spread(steps.sql, "sql"), **spread(steps.firestore, "firestore")
    )


def _read(path: str) -> list[Request]:
    calls: list[str] = json.loads(Path(path).read_text(encoding="utf-8"))
    return [
        Request(before.encode(), after.encode())
        for before, _, after in (call.partition(GAP) for call in calls)
    ]


if __name__ == "__main__":
    told = Plan.read(sys.argv[1])
    uvloop.run(run(told, _read(told.requests)))
