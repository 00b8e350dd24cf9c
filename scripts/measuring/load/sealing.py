"""What the client's cryptography costs: `python -m scripts.measuring.load.sealing PLAN`.

One real message is sent and received; then what the client sealed and opened is sealed and opened again and again, beside
the same RSA and AES without JOSE, without a signature and without a check.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from scripts.measuring.load.people import PeoplePlan, in_place_of, people, tell, told
from scripts.measuring.load.receiving import TEXT
from sealpost.account import Account

_OAEP = OAEP(MGF1(SHA256()), SHA256(), None)
_BATCHES = 5


class _Caught:
    """Remembers with what a function was called last."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._arguments: tuple[Any, ...] = ()
        self._named: dict[str, Any] = {}

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self._arguments, self._named = arguments, named
        return self._function(*arguments, **named)

    def again(self, **changed: Any) -> Callable[[], Any]:
        named = self._named | changed
        return lambda: self._function(*self._arguments, **named)

    def named(self, name: str) -> Any:
        return self._named[name]


def run(plan: PeoplePlan) -> dict[str, Any]:
    caught: dict[str, _Caught] = {}

    def catch(name: str) -> Callable[[Callable[..., Any]], _Caught]:
        return lambda function: caught.setdefault(name, _Caught(function))

    in_place_of("sealpost.sending", "seal", catch("seal"))
    in_place_of("sealpost.receiving", "open_message", catch("open"))
    with people(plan, "alice", "bob") as (alice, bob):
        alice.send(bob.address, TEXT)

        def read(account: Account) -> Callable[[], Any]:
            assert account.inbox()  # noqa: S101 - it was sent just now
            known = caught["open"].named("known")
            conversation = known.conversation()  # which the client reads from its own state once
            return caught["open"].again(known=replace(known, conversation=lambda: conversation))

        opening = bob.do(read)
    body = os.urandom(len(TEXT.encode()) + 1_000)
    jobs = {"seal": caught["seal"].again(), "open": opening, **_bare(body)}
    times = _in_turn(jobs, plan.count)
    return {
        name: {"per_second": 1e9 / statistics.median(each), "p50_ms": statistics.median(each) / 1e6}
        for name, each in times.items()
    }


def _bare(body: bytes) -> dict[str, Callable[[], Any]]:
    key = generate_private_key(65537, 3072)
    public, content_key, nonce = key.public_key(), os.urandom(32), os.urandom(12)
    wrapped = public.encrypt(content_key, _OAEP)
    sealed = AESGCM(content_key).encrypt(nonce, body, b"")
    return {
        "bare seal": lambda: (
            public.encrypt(content_key, _OAEP),
            AESGCM(content_key).encrypt(nonce, body, b""),
        ),
        "bare open": lambda: AESGCM(key.decrypt(wrapped, _OAEP)).decrypt(nonce, sealed, b""),
    }


def _in_turn(jobs: dict[str, Callable[[], Any]], count: int) -> dict[str, list[int]]:
    times: dict[str, list[int]] = {name: [] for name in jobs}
    for _ in range(_BATCHES):
        for name, job in jobs.items():
            for _ in range(max(1, count // _BATCHES)):
                began = time.perf_counter_ns()
                job()
                times[name].append(time.perf_counter_ns() - began)
    return times


if __name__ == "__main__":
    tell(run(told()))
