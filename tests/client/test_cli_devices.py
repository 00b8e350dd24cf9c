"""The commands about one's own devices: link, approve, devices, revoke, reset, veto."""

import io
import json
import sys

import pytest

from sealpost.errors import ExitStatus
from sealpost.mailbox import FirestoreDenied
from tests.client.command import run, signed_in
from tests.client.fakes import World, problem

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def pending(cli: World) -> World:
    """Ada has a first device, and a second one that is not linked."""
    signed_in(cli, "ada", "ada-2")
    return cli


@pytest.fixture
def linked(pending: World, capsys: Capture) -> World:
    link(pending, capsys)
    capsys.readouterr()
    return pending


def link(world: World, capsys: Capture) -> str:
    """What the new device prints before it is approved, on stdout and stderr."""
    printed: list[str] = []

    def approve() -> None:
        world.wall.meanwhile = lambda: None
        shown = capsys.readouterr()
        printed.extend(shown)
        assert run("--profile", "ada", "approve", shown.out.strip()) == 0

    world.wall.meanwhile = approve
    assert run("--profile", "ada-2", "link") == 0
    return "".join(printed)


def ids(world: World) -> list[str]:
    found = []
    for profile in ("ada", "ada-2"):
        with world.reopened(profile) as account:
            found.append(account._device.key.kid)
    return found


def test_a_device_shows_its_secret_and_is_linked(pending: World, capsys: Capture) -> None:
    shown = link(pending, capsys)

    secret = shown.splitlines()[0]
    assert [len(group) for group in secret.split("-")] == [4, 4, 4, 4]
    assert f"sealpost approve {secret}" in shown
    printed = capsys.readouterr()
    assert "everything that you will receive" in printed.err
    assert "from a device in your hand" in printed.err
    assert "sealpost --profile ada revoke" in printed.err
    assert "This device is linked" in printed.err
    assert "(active)" in printed.out


def test_the_secret_may_come_by_standard_input(
    pending: World, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def approve() -> None:
        pending.wall.meanwhile = lambda: None
        secret = capsys.readouterr().out.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(secret)))
        assert run("--profile", "ada", "approve", "-") == 0

    pending.wall.meanwhile = approve

    assert run("--profile", "ada-2", "link") == 0


def test_a_terminal_gets_a_code_to_scan(
    pending: World, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    shown = link(pending, capsys)

    assert shown.count("▀") + shown.count("▄") > 50
    assert len(shown.splitlines()[0]) == 19


def test_a_wrong_secret_says_how_many_tries_are_left(pending: World, capsys: Capture) -> None:
    def wrong() -> None:
        assert run("--profile", "ada", "approve", "0000-0000-0000-0000") == ExitStatus.USAGE
        pending.wall.ahead += 601

    pending.wall.meanwhile = wrong

    assert run("--profile", "ada-2", "link") == ExitStatus.TIMED_OUT

    err = capsys.readouterr().err
    assert "4 more tries" in err
    assert "Begin again, with a new secret: sealpost --profile ada-2 link" in err


def test_without_a_request_there_is_nothing_to_approve(pending: World, capsys: Capture) -> None:
    assert run("--profile", "ada", "approve", "0000-0000-0000-0000") == ExitStatus.USAGE

    assert "No device of this account asks to be linked" in capsys.readouterr().err


def test_devices_are_listed(linked: World, capsys: Capture) -> None:
    first, second = ids(linked)

    assert run("--profile", "ada", "devices") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:8] for line in lines] == [first[:8], second[:8]]
    assert lines[0].endswith("(this one)")
    assert run("--profile", "ada-2", "devices", "--json") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["id"], one["this"], one["removed_at"]) for one in listed] == [
        (first, False, None),
        (second, True, None),
    ]


def test_a_removed_device_reads_what_it_has(linked: World, capsys: Capture) -> None:
    signed_in(linked, "bob")
    assert run("--profile", "bob", "send", "ada@example.org", "kept") == 0
    assert run("--profile", "ada-2", "inbox") == 0
    assert "kept" in capsys.readouterr().out
    _, second = ids(linked)

    assert run("--profile", "ada", "revoke", "--", second[:8]) == 0

    assert "is removed" in capsys.readouterr().err
    assert run("--profile", "ada-2", "sign-in", "code-code-code-code") == ExitStatus.REFUSED
    assert run("--profile", "ada-2", "inbox") == ExitStatus.REFUSED
    assert "was removed from the account" in capsys.readouterr().err
    assert run("--profile", "ada-2", "inbox", "--all") == 0
    assert "kept" in capsys.readouterr().out


def test_so_it_does_while_nobody_has_told_it(linked: World, capsys: Capture) -> None:
    """Its session has ended, and no more than that is known there."""
    signed_in(linked, "bob")
    assert run("--profile", "bob", "send", "ada@example.org", "kept") == 0
    assert run("--profile", "ada-2", "inbox") == 0
    with linked.reopened("ada-2") as tablet:
        tablet._session.forget()
    linked.mailboxes["ada"].failures = [FirestoreDenied(), FirestoreDenied()]
    capsys.readouterr()

    assert run("--profile", "ada-2", "inbox") == ExitStatus.NOT_SIGNED_IN
    assert run("--profile", "ada-2", "inbox", "--all") == 0

    shown = capsys.readouterr()
    assert "kept" in shown.out
    assert "not signed in" in shown.err


def test_a_device_is_named_as_a_command_takes_it(
    linked: World, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id may begin with a hyphen, which a command takes for an option."""
    device = f"-x7Q{'A' * 39}"
    monkeypatch.setattr("sealpost.devices.Devices.approve", lambda _devices, _secret: device)

    assert run("--profile", "ada", "approve", "K7QX-0M3R-9TVB-2HDN") == 0

    assert "sealpost --profile ada revoke -- -x7QAAAA" in capsys.readouterr().err


def test_a_removed_device_is_not_told_to_turn_history_on(linked: World, capsys: Capture) -> None:
    first, second = ids(linked)
    assert run("--profile", "ada", "history", "on") == 0
    capsys.readouterr()

    assert run("--profile", "ada-2", "revoke", "--yes", "--", second) == 0

    assert "history on" not in capsys.readouterr().err
    assert first != second


def test_whoever_lost_all_devices_hears_of_the_recovery_code(pending: World, capsys: Capture) -> None:
    assert run("--profile", "ada-2", "whoami") == 0

    assert "sealpost --profile ada-2 recover --yes" in capsys.readouterr().err


def test_a_veto_of_nothing_accuses_nobody(linked: World, capsys: Capture) -> None:
    assert run("--profile", "ada", "veto") == 0

    assert "Who asked" not in capsys.readouterr().err


def test_a_command_that_needs_a_linked_device_says_so(pending: World, capsys: Capture) -> None:
    pending.service.before["list_sessions"] = lambda _body: problem(403, "device-not-active")

    assert run("--profile", "ada-2", "sessions") == ExitStatus.REFUSED

    said = capsys.readouterr().err
    assert "This device is not linked to the account, or was removed from it." in said
    assert "sealpost --profile ada-2 devices" in said


def test_this_device_is_removed_only_with_yes(linked: World, capsys: Capture) -> None:
    first, _ = ids(linked)

    assert run("--profile", "ada", "revoke", "--", first) == ExitStatus.USAGE
    assert "--yes" in capsys.readouterr().err
    assert run("--profile", "ada", "revoke", "--yes", "--", first) == 0

    assert "This device is removed" in capsys.readouterr().err
    assert run("--profile", "ada", "whoami") == 0
    assert "(removed)" in capsys.readouterr().out


def test_a_reset_says_what_it_does_before_it_does_it(pending: World, capsys: Capture) -> None:
    assert run("--profile", "ada-2", "reset") == ExitStatus.USAGE
    assert "removes all other devices" in capsys.readouterr().err

    assert run("--profile", "ada-2", "reset", "--yes") == 0

    printed = capsys.readouterr()
    assert "begins anew" in printed.err
    assert "(active)" in printed.out


def test_a_delayed_reset_says_when_to_come_again(pending: World, capsys: Capture) -> None:
    pending.service.before["publish_key"] = lambda _body: problem(409, "reset-delayed", due_at=1_800_000_000)

    assert run("--profile", "ada-2", "reset", "--yes") == ExitStatus.REFUSED

    err = capsys.readouterr().err
    assert "2027-01-1" in err
    assert "sealpost --profile ada-2 reset --yes" in err


def test_a_reset_that_waits_is_an_alarm_with_its_cure(cli: World, capsys: Capture) -> None:
    signed_in(cli, "ada")
    cli.service.accounts["ada@example.org"]["pending_reset"] = {
        "device": "A" * 43,
        "requested_at": 1_799_000_000,
        "due_at": 1_800_000_000,
    }
    with cli.reopened("ada") as ada:
        ada._session.renew()
    assert run("--profile", "ada", "inbox") == 0
    assert "wants to reset the account" in capsys.readouterr().err
    assert run("--profile", "ada", "inbox", "--json") == 0
    printed = capsys.readouterr()
    assert "sealpost --profile ada veto" in printed.err
    assert json.loads(printed.out)["code"] == "pending-reset"

    assert run("--profile", "ada", "veto") == 0

    assert "No reset waits" in capsys.readouterr().err
    assert run("--profile", "ada", "inbox") == 0
    assert "ALARM" not in capsys.readouterr().err
