"""From one person's text to the other's: `python -m scripts.measuring.load.receiving PLAN`.

Alice writes, Bob listens, both with the real client in this process, each on a thread. A message's time ends when Bob's
client has checked and opened it, and the next one is sent after that.
"""

import threading
import time
from typing import Any

from scripts.measuring.load.people import Clock, PeoplePlan, in_place_of, people, tell, told, unlimit
from scripts.measuring.load.timing import PATIENCE, spread
from sealpost.account import Account
from sealpost.delivery import Hooks

TEXT = "Half past six at the old bridge, and bring the maps. " * 12
_START = 30.0
_AT_ONCE = 20
"""Messages between two times that the limits are emptied."""


def run(plan: PeoplePlan) -> dict[str, Any]:
    clock = Clock()
    in_place_of("sealpost.sending", "seal", lambda seal: clock.timed("seal", seal))
    in_place_of(
        "sealpost.receiving",
        "open_message",
        lambda open_: clock.reached("send_message", clock.timed("open", open_)),
    )
    received: dict[str, int] = {}
    sent: dict[str, int] = {}
    with people(plan, "alice", "bob") as (alice, bob):
        ready, done, arrived = threading.Event(), threading.Event(), threading.Event()

        def listen(account: Account) -> None:
            for item in account.listen(timeout=_START + plan.count, hooks=Hooks(on_ready=ready.set)):
                received[str(getattr(item, "text", ""))] = time.perf_counter_ns()
                arrived.set()
                if done.is_set():
                    return

        listening = threading.Thread(target=lambda: bob.do(listen), daemon=True)
        listening.start()
        ready.wait(_START)
        alice.send(bob.address, f"0 {TEXT}")  # makes the conversation
        connection = plan.connect()
        clock.calls(alice.account.service)
        for number in range(1, plan.count + 1):
            if number % _AT_ONCE == 1:
                unlimit(connection)
            text = f"{number} {TEXT}"
            arrived.clear()
            sent[text] = time.perf_counter_ns()
            alice.send(bob.address, text)
            arrived.wait(PATIENCE)
        connection.close()
        done.set()
        alice.send(bob.address, "That is all.")
        listening.join(_START)
    took = [received[text] - began for text, began in sent.items() if text in received]
    figures = spread(took) | clock.spreads()
    return figures | {"count": float(len(took)), "lost": float(len(sent) - len(took))}


if __name__ == "__main__":
    tell(run(told()))
