"""A service that lies to one device: each lie has its name, shows nothing, and keeps no honest message away."""

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from scripts.local.stack import Backing
from sealpost.errors import ExitStatus
from sealpost.protocol import encoding
from sealpost.protocol.errors import NOTICES, SENTENCES, Code, Notice
from sealpost.receiving import Message
from tests.e2e.device import ready_keys
from tests.e2e.tampering import Forward, Json, lying_suite, problem, rewriting
from tests.e2e.tampering_cases import CASES, flattened
from tests.e2e.victims import FOLLOWING, HONEST, PASSPHRASE, Stage, staged

pytestmark = pytest.mark.early


@pytest.fixture(scope="module")
def stage(
    layout: Layout, processes: Processes, backing: Backing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with lying_suite(layout, processes, backing, "lies") as (proxy, owner):
        with pytest.MonkeyPatch.context() as patch:
            ready_keys(patch)
            made = staged(proxy, owner, tmp_path_factory.mktemp("profiles"))
        yield made


@pytest.mark.parametrize("name", CASES)
def test_a_lie_is_named_and_keeps_no_honest_message_away(stage: Stage, name: str) -> None:
    """Unless its sender is frozen."""
    case = CASES[name]
    with stage.delivering(), stage.client("bob", knowing=case.knowing) as bob:
        met = case.meets(stage, bob)
        stage.owner.store(stage.letters.honest, stage.letters.following)
        met += bob.reads()
        answered = bob.writes(stage.alice.address)

    if case.frozen:
        assert (met, answered) == ([case.code] * 3, [case.code])
    else:
        assert (sorted(met), answered) == (sorted([case.code, HONEST, FOLLOWING]), [])


def test_a_message_that_is_delivered_again_is_shown_once(stage: Stage) -> None:
    """In years to come too, which hide nothing, and with the service's part of it changed."""
    honest = stage.letters.honest
    with stage.delivering(honest), stage.client("bob") as bob:
        assert bob.reads() == [HONEST]
        for changed in ("sent_at", "expires_at"):
            stage.owner.store(honest.dated(**{changed: "9999-12-31T23:59:59Z"}))
            assert bob.reads() == []
        stage.owner.store(stage.letters.following)
        assert bob.reads() == [FOLLOWING]


def test_what_is_withheld_leaves_a_gap(stage: Stage) -> None:
    with stage.delivering(stage.letters.following), stage.client("bob") as bob:
        (item,) = bob.account.inbox()

    assert isinstance(item, Message)
    assert (item.text, item.notices) == (FOLLOWING, (NOTICES[Notice.GAP],))


def test_a_statement_in_ones_own_name_raises_an_alarm_and_stops_sending_not_reading(stage: Stage) -> None:
    made = stage.bob.next_statement(stage.mallory.signing)

    def append(answer: Json) -> None:
        for account in answer["accounts"]:
            account["statements"].append(made)

    def state(answer: Json) -> None:
        answer["head"] |= {"seq": 1, "hash": encoding.digest(made)}

    with stage.delivering(stage.letters.honest), stage.client("bob") as bob:
        with stage.proxy.lying(create_session=rewriting(state), find_keys=rewriting(append)):
            bob.account.sign_in(stage.code(stage.bob.address))
        assert bob.alarms == ["unknown-device"]

        assert bob.writes(stage.alice.address) == ["unknown-device"]
        assert bob.reads() == [HONEST]
        assert bob.alarms == ["unknown-device"] * 2


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sealpost(stage: Stage, layout: Layout, tmp_path: Path) -> Run:
    """The command itself, with Bob's profile."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE, encoding="ascii")
    environment = os.environ | {
        "SEALPOST_HOME": str(stage.profiles()),
        "SEALPOST_PASSPHRASE_FILE": str(passphrase),
        "PYTHONPATH": str(layout.root / "client"),
        "PYTHONIOENCODING": "utf-8",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "sealpost", "--profile", "bob", *words]
        return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 - the command under test

    return run


DRIVING = "\x1b]0;title\x07\x1b[2Jred\x9b31m \u202elanosrep\u2066\u200f\rover\x08\u2028under\n2026-01-01 forged: line"
"""Text with power over a terminal: escape sequences, marks of direction, line ends of every kind."""


def is_harmless(printed: str) -> bool:
    return not any(
        unicodedata.category(one) in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
        for one in printed
        if one != "\n"
    )


def test_the_command_names_a_lie_and_lets_no_peer_drive_the_terminal(stage: Stage, sealpost: Run) -> None:
    flat = stage.letters.honest.holding(flattened(stage.letters.honest.envelope))
    unsigned = stage.forged(signer=stage.mallory.signing, kid=stage.alice.signing.kid)
    driving = stage.sent("alice", to=stage.bob, text=DRIVING)
    body = {"type": "text", "text": "whose address is odd", "from": f"{DRIVING}@example.com"}
    claiming, renamed = stage.forged(body=body), stage.forged().saying(sender_uid=DRIVING)
    with stage.delivering(flat, unsigned, driving, claiming, renamed):
        shown = sealpost("inbox")
        again = sealpost("inbox", "--all", "--json")

    assert (shown.returncode, again.returncode) == (0, 0), shown.stderr + again.stderr
    for code in ("malformed", "bad-signature"):
        assert f"! refused ({code}), from {stage.alice.address}: {SENTENCES[Code(code)]}\n" in shown.stdout
    assert f"{stage.alice.uid} (address not confirmed) (not verified): whose address is odd\n" in shown.stdout
    assert "! refused (context), from \\u{1b}]0;title\\u{7}" in shown.stdout
    assert "\\u{1b}[2Jred\\u{9b}31m \\u{202e}lanosrep\\u{2066}\\u{200f}\\u{d}over" in shown.stdout
    assert "\n  | 2026-01-01 forged: line\n" in shown.stdout
    assert is_harmless(shown.stdout + shown.stderr)
    assert again.stdout.isascii()
    assert is_harmless(again.stdout + again.stderr)
    items = [json.loads(line) for line in again.stdout.splitlines()]
    assert DRIVING in [item.get("text") for item in items]


def test_the_command_sends_nothing_to_whom_a_service_lies_about(stage: Stage, sealpost: Run) -> None:
    def refuse(_asked: Json, _forward: Forward) -> httpx.Response:
        return problem(403, "of-a-later-version", detail=DRIVING, request_id=DRIVING)

    def fork(answer: Json) -> None:
        answer["accounts"][0]["statements"].append(stage.bob.first_statement)

    send = ("send", stage.alice.address, "not to be sent")
    with stage.proxy.lying(find_keys=refuse):
        refused = sealpost(*send)
    with stage.proxy.lying(find_keys=rewriting(fork)):
        unsafe = sealpost(*send)
    frozen = sealpost(*send)

    assert refused.returncode == ExitStatus.REFUSED
    assert "\\u{1b}]0;title\\u{7}" in refused.stderr
    assert is_harmless(refused.stderr)
    assert (unsafe.returncode, frozen.returncode) == (ExitStatus.UNSAFE, ExitStatus.UNSAFE)
    assert unsafe.stderr.startswith(f"sealpost: {stage.alice.address}: {SENTENCES[Code.MALFORMED]}\n")
    assert frozen.stderr.startswith(f"sealpost: {stage.alice.address} is frozen:")
    assert refused.stdout + unsafe.stdout + frozen.stdout == ""
