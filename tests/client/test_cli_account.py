"""The commands about a profile: sign-up, sign-in, sign-out, whoami, verify."""

import io
import json
import sys

import pytest

from sealpost.errors import ExitStatus
from tests.client.command import run, signed_in
from tests.client.fakes import CODE, URL, World, problem


@pytest.mark.parametrize("name", ["../etc", ".hidden", "", "a/b", "x" * 65])
def test_a_profile_is_a_plain_name(cli: World, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--profile", name, "whoami") == ExitStatus.USAGE
    assert list(cli.home.parent.glob("etc*")) == []


def test_from_sign_up_to_reading(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "bob")
    assert run("--profile", "ada", "sign-up", "Ada@example.org", "--service", URL) == 0
    assert "--profile ada sign-in" in capsys.readouterr().err
    assert run("--profile", "ada", "sign-in", f"{URL}/v1/open_link#code-code-code-code") == 0
    assert "(active)" in capsys.readouterr().out
    assert run("--profile", "ada", "send", "bob@example.org", "Hello\x1b[2J") == 0
    sent = capsys.readouterr()
    assert sent.out.startswith("sent to bob@example.org at ")
    assert "sealpost --profile ada verify bob@example.org" in sent.err

    assert run("--profile", "bob", "inbox") == 0
    out = capsys.readouterr().out
    assert out.endswith("  ada@example.org (not verified): Hello\\u{1b}[2J\n")
    assert run("--profile", "bob", "inbox") == 0
    assert capsys.readouterr().out == ""
    assert run("--profile", "bob", "inbox", "--all", "--json") == 0
    assert json.loads(capsys.readouterr().out)["text"] == "Hello\x1b[2J"


def test_whoami_before_and_after_the_first_sign_in(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == 0
    assert run("--profile", "ada", "whoami", "--json") == 0
    assert json.loads(capsys.readouterr().out)["uid"] is None
    assert run("--profile", "ada", "inbox") == ExitStatus.NOT_SIGNED_IN


def test_a_profile_that_never_signed_in_may_change_its_mind(cli: World) -> None:
    signed_in(cli, "bob")

    assert run("--profile", "ada", "sign-up", "adda@example.org", "--service", "https://typo.example") == 0
    assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == 0
    assert run("--profile", "bob", "sign-up", "ada@example.org") == ExitStatus.USAGE

    assert [call["email"] for call in cli.service.called("sign_up")][1:] == [
        "adda@example.org",
        "ada@example.org",
    ]


def test_verify_prints_the_number_and_marks(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")

    assert run("--profile", "ada", "verify", "bob@example.org") == 0
    number = capsys.readouterr()
    assert [len(line.split()) for line in number.out.splitlines()] == [6, 6]
    assert "not verified" in number.err
    assert run("--profile", "ada", "verify", "bob@example.org", "--mark") == 0
    assert run("--profile", "ada", "send", "bob@example.org", "hi", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["verified"] is True


def test_a_used_code_is_told_once_with_the_command_for_a_new_one(
    cli: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == 0
    cli.service.before["create_session"] = lambda _body: problem(401, "invalid-code", detail="Used.")
    capsys.readouterr()

    assert run("--profile", "ada", "sign-in", "code-code-code-code") == ExitStatus.REFUSED

    assert capsys.readouterr().err == (
        "sealpost: The code is wrong, used, expired, or of another address.\n"
        "  Ask for a new one: sealpost --profile ada sign-up ada@example.org\n"
    )


def test_what_is_no_code_is_not_shown_to_the_service(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == 0
    capsys.readouterr()

    assert run("--profile", "ada", "sign-in", "wrongcode") == ExitStatus.USAGE

    assert capsys.readouterr().err == (
        "sealpost: That is neither a sign-in link nor a code.\n"
        "  Copy the whole link from the mail, or the code that its page shows.\n"
    )
    assert cli.service.called("create_session") == []


@pytest.mark.parametrize("command", ["sign-up", "verify", "send"])
def test_a_bad_address_names_the_form_of_one(
    cli: World, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    signed_in(cli, "ada")
    capsys.readouterr()

    assert (
        run("--profile", "ada", command, "not-an-address", *["hi"][: command == "send"]) == ExitStatus.USAGE
    )

    assert capsys.readouterr().err.splitlines()[1] == "  It looks like this: ada@example.org"


@pytest.mark.parametrize("command", [["verify"], ["send"]])
def test_a_person_who_is_not_here_is_told_alike(
    cli: World, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    signed_in(cli, "ada")
    capsys.readouterr()

    assert (
        run("--profile", "ada", *command, "nobody@example.org", *["hi"][: command == ["send"]])
        == ExitStatus.REFUSED
    )

    assert "  Check the address. A person appears here after the first sign-in." in capsys.readouterr().err


def test_a_second_device_stays_signed_in_and_is_told_what_next(
    cli: World, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada")
    assert run("--profile", "ada-2", "sign-up", "ada@example.org", "--service", URL) == 0
    capsys.readouterr()

    assert run("--profile", "ada-2", "sign-in", "code-code-code-code") == 0

    printed = capsys.readouterr()
    assert "(pending)" in printed.out
    assert "sealpost --profile ada-2 link" in printed.err
    assert "sealpost --profile ada-2 reset" in printed.err
    assert run("--profile", "ada-2", "send", "bob@example.org", "hi") == ExitStatus.REFUSED
    assert run("--profile", "ada-2", "inbox") == ExitStatus.REFUSED
    assert "sealpost --profile ada-2 link" in capsys.readouterr().err
    assert len(cli.service.called("publish_key")) == 1


def test_signed_out_profiles_are_told_the_way_back(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada")
    assert run("--profile", "ada", "sign-out") == 0
    capsys.readouterr()
    way = "sealpost --profile ada sign-up ada@example.org, then sealpost --profile ada sign-in LINK"

    assert run("--profile", "ada", "whoami") == 0
    assert way in capsys.readouterr().out
    assert run("--profile", "ada", "send", "bob@example.org", "hi") == ExitStatus.NOT_SIGNED_IN
    assert way in capsys.readouterr().err
    assert run("--profile", "eve", "inbox") == ExitStatus.NOT_SIGNED_IN
    assert "sealpost --profile eve sign-up EMAIL --service URL" in capsys.readouterr().err


@pytest.mark.parametrize("terminal", [True, False])
def test_the_link_can_be_kept_out_of_the_list_of_processes(
    cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, terminal: bool
) -> None:
    assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == 0
    typed = io.TextIOWrapper(io.BytesIO(f"{URL}/v1/open_link#{CODE}\n".encode()))
    monkeypatch.setattr(typed, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stdin", typed)
    capsys.readouterr()

    assert run("--profile", "ada", "sign-in") == 0

    assert ("Paste the link" in capsys.readouterr().err) is terminal
    assert [call["code"] for call in cli.service.called("create_session")] == [CODE]


def test_whoami_says_what_is_still_to_do(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == 0
    capsys.readouterr()
    assert run("--profile", "ada", "whoami") == 0
    out = capsys.readouterr().out
    assert "account  not signed in yet: sealpost --profile ada sign-in LINK" in out
    assert "device" not in out

    cli.service.before["publish_key"] = lambda _body: problem(503, "unavailable", {"Retry-After": "99"})
    assert run("--profile", "ada", "sign-in", CODE) == ExitStatus.UNAVAILABLE
    assert run("--profile", "ada", "whoami") == 0
    out = capsys.readouterr().out
    assert "(new)" in out
    assert "number" not in out
    assert "session  signed in" in out


def test_a_person_verified_before_is_said_to_be(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")
    assert run("--profile", "ada", "verify", "bob@example.org", "--mark") == 0
    marked = capsys.readouterr()

    assert run("--profile", "ada", "verify", "bob@example.org") == 0

    again = capsys.readouterr()
    assert again.out == marked.out
    assert "is verified: you compared this number before" in again.err
