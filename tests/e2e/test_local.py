"""scripts/run itself, in another checkout of this project in a folder with a space in its path."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from scripts.local.people import mailed_link
from scripts.local.traces import files, search
from tests.e2e.checkout import Checkout

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
    pytest.mark.early,
]


def test_the_demo_delivers_what_it_was_given_and_stores_none_of_it(checkout: Checkout) -> None:
    text = f"Grüße an Bob, {uuid.uuid4()}, nobody else reads this: ✓"
    process = checkout.start("--demo", "--offline", stdin=text)
    printed, _ = process.communicate(timeout=90)

    assert process.returncode == 0, printed
    assert f"    {text}\n" in printed
    assert "It is what Alice sent." in printed
    assert checkout.wait_for_quiet() == {}

    data = checkout.local / "demo"
    stored = [data / name for name in ("postgres", "firestore", "logs", "mail", "backups", "users.json")]
    assert "The text occurs nowhere in " in printed
    assert (
        search(text, files(data, but=["people"])).traces == ()
    )  # after all has been written and stopped, too
    # The scan sees what is there: the envelope's message in both databases, the address in the mail.
    found = re.search(r"Stored in Firestore, conversations/([\w-]{43})/messages/([\w-]{36})", printed)
    assert found, printed
    assert all(path.exists() for path in stored)
    seen = {
        folder: search(what, files(data / folder)).traces
        for folder, what in {
            "firestore": found[2],
            "postgres": found[1],
            "mail": "bob@example.com",
            "logs": "send_message",
        }.items()
    }
    assert all(seen.values()), seen
    assert search('"ciphertext"', files(data / "firestore")).traces
    whole = data / "stored.json"
    assert "All of it, whole: .local/demo/stored.json" in printed
    assert whole.stat().st_mode & 0o777 == 0o600
    documents = {document["name"]: document for document in json.loads(whole.read_text())["firestore"]}
    [message] = [name for name in documents if name.endswith(found[2])]
    envelope = documents[message]["fields"]["envelope"]["stringValue"]
    assert len(envelope) > 2000
    assert json.dumps(envelope)[:50] in printed
    assert max(map(len, printed.splitlines())) < 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--message", "x" * 40_000], "its 40,000 bytes make a body of 40,0"),
        (["--message", ""], "The message is empty"),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused_before_anything_starts(
    checkout: Checkout, words: list[str], said: str
) -> None:
    process = checkout.start("--demo", "--offline", *words)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said in printed
    assert "Firestore" not in printed


def test_data_outlive_a_run_and_processes_do_not(checkout: Checkout, tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple\n")
    environment = os.environ | {"SEALPOST_PASSPHRASE_FILE": str(passphrase)}
    environment.pop("SEALPOST_HOME", None)

    def sealpost(name: str, *words: str) -> str:
        done = subprocess.run(  # noqa: S603 - the command under test
            [checkout.sealpost, "--profile", name, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    with checkout.running() as (process, printed):
        service, mailbox = (_address(printed, name) for name in ("service", "mailbox"))
        for name in ("ann", "ben"):
            sealpost(name, "sign-up", f"{name}@example.com", "--service", service)
            sealpost(name, "sign-in", mailed_link(mailbox.rstrip("/"), f"{name}@example.com"))
        sealpost("ann", "send", "ben@example.com", "before the restart")
        assert {path.name for path in (checkout.local / "run" / "profiles").iterdir()} == {"ann", "ben"}
        second = checkout.start()
        refusal, _ = second.communicate(timeout=30)
        assert second.returncode == 1
        assert f"already running on {checkout.local / 'run'} (process {process.pid})" in refusal
        assert checkout.stop(process, signal.SIGTERM) == 128 + signal.SIGTERM
        assert checkout.wait_for_quiet(2) == {}

    with checkout.running() as (process, printed):
        assert _address(printed, "service") == service
        assert "before the restart" in sealpost("ben", "inbox")
        sealpost("ben", "send", "ann@example.com", "after it")
        assert "after it" in sealpost("ann", "inbox")
        # The address still leads to the same account: another uid is refused by the client.
        sealpost("ann", "sign-up", "ann@example.com")
        sealpost(
            "ann",
            "sign-in",
            mailed_link(_address(printed, "mailbox").rstrip("/"), "ann@example.com", after=2),
        )
        process.kill()
        process.wait()
        assert checkout.wait_for_quiet() == {}


def test_a_signal_while_it_starts_leaves_nothing(checkout: Checkout) -> None:
    process = checkout.start("--demo", "--offline")
    end = time.monotonic() + 30
    while len(checkout.processes()) < 4 and time.monotonic() < end:
        time.sleep(0.05)
    checkout.stop(process, signal.SIGINT)
    assert checkout.wait_for_quiet(2) == {}


def test_a_part_that_is_missing_is_named_and_nothing_is_fetched(checkout: Checkout, tmp_path: Path) -> None:
    bare = tmp_path / "bare checkout"
    shutil.copytree(checkout.root, bare, ignore=shutil.ignore_patterns(".local"))
    done = Checkout(bare).start("--offline")
    printed, _ = done.communicate(timeout=30)
    assert done.returncode == 1
    assert "Python packages (scripts/requirements.txt) from PyPI, about" in printed
    assert "the Auth emulator (firebase-tools 14.27.0) from npm, about" in printed
    assert "Traceback" not in printed
    assert not (bare / ".local" / "venv").exists()


def _address(printed: str, name: str) -> str:
    found = re.search(rf"^  {name} +(\S+)$", printed, re.MULTILINE)
    assert found, printed
    return found[1]
