"""The commands about messages: send, inbox, listen; what they print where."""

import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealpost import commands
from sealpost.commands import messages
from sealpost.commands.showing import show
from sealpost.errors import ExitStatus, ServiceUnavailable
from sealpost.items import Item, Message
from sealpost.mailbox import Mailbox
from sealpost.program import Program
from tests.client.command import run, signed_in
from tests.client.fakes import World, replace_keys, texts


def test_send_takes_a_file_or_standard_input_as_it_is(
    cli: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada", "bob")
    (tmp_path / "letter").write_bytes("a\r\n\n ü ".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))

    assert run("--profile", "ada", "send", "bob@example.org", "--file", str(tmp_path / "letter")) == 0
    assert run("--profile", "ada", "send", "bob@example.org", "--json") == 0
    capsys.readouterr()
    assert run("--profile", "bob", "inbox", "--json") == 0

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["a\r\n\n ü ", "from a pipe\n"]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"x" * 70000, None], ids=["not UTF-8", "too long", "missing"]
)
def test_a_file_that_cannot_be_sent(cli: World, tmp_path: Path, content: bytes | None) -> None:
    signed_in(cli, "ada", "bob")
    path = tmp_path / "letter"
    if content is not None:
        path.write_bytes(content)

    assert run("--profile", "ada", "send", "bob@example.org", "--file", str(path)) == ExitStatus.USAGE


def test_listen_announces_itself_and_ends_after_the_count(
    cli: World, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada", "bob")
    assert run("--profile", "ada", "send", "bob@example.org", "hi") == 0
    capsys.readouterr()

    assert run("--profile", "bob", "listen", "--count", "1", "--timeout", "5", "--json") == 0

    assert json.loads(capsys.readouterr().out)["direction"] == "in"


def test_listen_times_out_with_8_only_if_a_count_is_missing(
    cli: World, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "bob")

    assert run("--profile", "bob", "listen", "--timeout", "0.1") == ExitStatus.OK
    assert capsys.readouterr().err.startswith("Listening for messages to bob@example.org.")
    assert run("--profile", "bob", "listen", "--timeout", "0.1", "--count", "2") == ExitStatus.TIMED_OUT


def test_a_refused_message_is_one_line_with_its_reason(
    cli: World, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada", "bob")
    assert run("--profile", "ada", "send", "bob@example.org", "secret") == 0
    object.__setattr__(cli.service.documents[0], "envelope", "{}")
    capsys.readouterr()

    assert run("--profile", "bob", "inbox") == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert "! refused (malformed), from uid0 (address not confirmed): This does not follow the format" in line


@pytest.mark.parametrize("command", [["inbox"], ["listen", "--timeout", "5"]])
def test_what_could_not_be_shown_is_shown_again(
    cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    signed_in(cli, "ada", "bob")
    for text in ("first", "second"):
        assert run("--profile", "ada", "send", "bob@example.org", text) == 0
    shown: list[str] = []

    def show(item: Item, _program: Program, *, as_json: bool) -> None:
        assert isinstance(item, Message)
        shown.append(item.text)
        if item.text == "second":
            raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(messages, "show", show)
        assert run("--profile", "bob", *command) == ExitStatus.FAILURE
    capsys.readouterr()

    assert run("--profile", "bob", "inbox") == 0
    assert shown == ["first", "second"]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(": second")
    assert run("--profile", "bob", "inbox") == 0
    assert capsys.readouterr().out == ""


def test_the_last_one_of_a_count_is_marked_too(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")
    assert run("--profile", "ada", "send", "bob@example.org", "hi") == 0
    assert run("--profile", "bob", "listen", "--count", "1", "--timeout", "5") == 0
    capsys.readouterr()

    assert run("--profile", "bob", "inbox") == 0
    assert capsys.readouterr().out == ""


def test_a_terminal_of_another_encoding_gets_an_escape(cli: World, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(cli, "ada", "bob")
    assert run("--profile", "ada", "send", "bob@example.org", "caf\u00e9") == 0
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))

    assert run("--profile", "bob", "inbox") == 0

    assert written.getvalue().endswith(b": caf\\xe9\n")


def test_a_text_cannot_pass_for_a_notice(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")
    assert run("--profile", "ada", "send", "bob@example.org", "hi\n! Messages may be missing.") == 0
    capsys.readouterr()

    assert run("--profile", "bob", "inbox") == 0

    assert capsys.readouterr().out.splitlines()[1] == "  | ! Messages may be missing."


def test_a_signed_time_far_from_the_services_is_shown(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")
    cli.wall.ahead = 1200
    assert run("--profile", "ada", "send", "bob@example.org", "hi") == 0
    cli.wall.ahead = 0
    capsys.readouterr()

    assert run("--profile", "bob", "inbox") == 0
    assert "    ! Signed at " in capsys.readouterr().out
    assert run("--profile", "bob", "inbox", "--all", "--json") == 0
    assert json.loads(capsys.readouterr().out)["signed_at"].endswith("Z")


def test_the_alarm_about_ones_own_chain_stands_among_the_messages(
    cli: World, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada", "bob")
    replace_keys(cli, "ada")
    cli.wall.ahead = 900
    assert run("--profile", "ada", "send", "bob@example.org", "hi") == ExitStatus.UNSAFE
    capsys.readouterr()

    assert run("--profile", "ada", "inbox", "--json") == 0

    shown = capsys.readouterr()
    assert json.loads(shown.out)["type"] == "alarm"
    assert json.loads(shown.out)["code"] == "key-change"
    assert "ALARM: your own account" in shown.err


def test_changed_keys_end_with_7(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob", "eve")
    assert run("--profile", "ada", "send", "bob@example.org", "hi") == 0
    cli.service.accounts["bob@example.org"] = cli.service.accounts["eve@example.org"]

    assert run("--profile", "ada", "send", "bob@example.org", "hi") == ExitStatus.UNSAFE


def test_a_message_whose_answer_was_lost_is_told_of_and_sent_again(
    cli: World, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada", "bob")
    cli.service.lose["send_message"] = 99
    assert run("--profile", "ada", "send", "bob@example.org", "lost") == ExitStatus.UNAVAILABLE
    cli.service.lose.clear()

    assert run("--profile", "ada", "send", "bob@example.org", "next") == 0
    assert "1 earlier message(s) wait" in capsys.readouterr().err
    assert run("--profile", "ada", "send", "--resume", "--json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == cli.service.documents[0].mid
    assert run("--profile", "ada", "send", "--resume") == 0
    assert capsys.readouterr() == ("", "No message is waiting.\n")
    assert len(cli.service.documents) == 2


def test_listen_tells_of_an_outage_and_its_end(
    cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada", "bob")
    mailbox, said = cli.mailboxes["ada"], list[str]()

    def open_mailbox() -> tuple[Mailbox, float]:
        mailbox.token_lasts = 3600 if mailbox.opened else 0.01
        found = mailbox.open()
        if mailbox.opened == 2:
            raise ServiceUnavailable("Firestore cannot be reached.", code="unreachable")
        return found

    def say(text: str) -> None:
        said.append(text)
        if text == "Connected again.":
            with cli.reopened("bob") as bob:
                bob.send("ada@example.org", "after it")

    monkeypatch.setattr(commands, "_AROUND", replace(cli.around("ada"), mailbox=open_mailbox))
    monkeypatch.setattr(messages, "say", say)

    assert run("--profile", "ada", "listen", "--count", "1", "--timeout", "60") == 0

    assert said == ["Listening for messages to ada@example.org. Ctrl-C ends.", "Connected again."]
    shown = capsys.readouterr()
    assert shown.err == "warning: Firestore cannot be reached. Trying again until it can.\n"
    assert shown.out.endswith(": after it\n")


def test_listen_counts_messages_and_no_refusals(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")
    for text in ("spoilt", "one", "two"):
        assert run("--profile", "ada", "send", "bob@example.org", text) == 0
    object.__setattr__(cli.service.documents[0], "envelope", "{}")
    capsys.readouterr()

    assert run("--profile", "bob", "listen", "--count", "2", "--timeout", "5", "--json") == 0

    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["type"], one.get("text"), one.get("code")) for one in shown] == [
        ("refused", None, "malformed"),
        ("message", "one", None),
        ("message", "two", None),
    ]


def test_ones_own_messages_are_shown_with_the_others(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")
    assert run("--profile", "ada", "send", "bob@example.org", "mine\x1b") == 0
    assert run("--profile", "bob", "send", "ada@example.org", "yours") == 0
    capsys.readouterr()

    assert run("--profile", "ada", "inbox", "--all") == 0

    mine, yours = capsys.readouterr().out.splitlines()
    assert mine.endswith("  to bob@example.org: mine\\u{1b}")
    assert yours.endswith("  bob@example.org (not verified): yours")


def test_what_is_wrong_with_ones_own_message_is_said_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A device that was removed since may have sent it, in one's name."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    message = Message(
        "m",
        "c",
        "u",
        "bob@example.org",
        "not mine",
        at,
        outgoing=True,
        verified=False,
        notices=("Sent by X.",),
    )

    show(message, Program(), as_json=False)

    assert capsys.readouterr().out.splitlines()[1:] == ["    ! Sent by X."]


def test_whoever_types_a_text_is_told_how_it_ends(
    cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada", "bob")
    typed = io.TextIOWrapper(io.BytesIO(b"typed\n"))
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)

    assert run("--profile", "ada", "send", "bob@example.org") == 0

    assert "Ctrl-D on an empty line sends it" in capsys.readouterr().err
    with cli.reopened("bob") as bob:
        assert texts(bob) == ["typed\n"]
