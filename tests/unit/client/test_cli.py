"""The command: what it takes, what it prints where, how it ends."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from sealpost import __version__, commands
from sealpost.cli import build_parser, main
from sealpost.errors import ExitStatus
from sealpost.receiving import Item, Message
from tests.unit.client.fakes import PASSPHRASE, URL, World, problem, replace_keys, texts


@pytest.fixture
def cli(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """The command on the world in memory; --profile NAME is that person's."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(f"{PASSPHRASE}\n")
    monkeypatch.setenv("SEALPOST_HOME", str(world.home))
    monkeypatch.setenv("SEALPOST_PASSPHRASE_FILE", str(passphrase))
    monkeypatch.setattr(commands, "_AROUND", world.around("ada"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    return world


def signed_in(world: World, *names: str) -> None:
    for name in names:
        world.person(name).close()


def run(*arguments: str) -> int:
    try:
        return main(list(arguments))
    except SystemExit as end:  # argparse
        return int(end.code or 0)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["send"],
        ["send", "a@example.org", "text", "--file", "x"],
        ["send", "a@example.org", "--resume"],
        ["listen", "--count", "0"],
        ["listen", "--timeout", "-1"],
        ["listen", "--timeout", "soon"],
        ["unlock", "--minutes", "721"],
        ["--passphrase-fd", "-1", "inbox"],
        ["inb"],
        ["send", "a@example.org", "caf\udce9"],
        ["sign-in", "\udcff"],
        ["sign-up", "a@example.org", "--service", "https://\udcff"],
        ["--profile", "\udcff", "inbox"],
    ],
)
def test_wrong_use_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == ExitStatus.USAGE
    assert "usage: sealpost" in capsys.readouterr().err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"sealpost {__version__}\n"
    for command in (
        "sign-up",
        "sign-in",
        "sign-out",
        "send",
        "inbox",
        "listen",
        "whoami",
        "verify",
        "unlock",
        "lock",
    ):
        assert run(command, "--help") == 0
        assert f"  sealpost {command}" in capsys.readouterr().out


def test_profile_goes_before_or_after_the_command() -> None:
    for arguments in (["--profile", "bob", "inbox"], ["inbox", "--profile", "bob"]):
        assert build_parser().parse_args(arguments).profile == "bob"


@pytest.mark.parametrize("name", ["../etc", ".hidden", "", "a/b", "x" * 65])
def test_a_profile_is_a_plain_name(cli: World, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--profile", name, "whoami") == ExitStatus.USAGE
    assert list(cli.home.parent.glob("etc*")) == []


def test_from_sign_up_to_reading(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "bob")
    assert run("--profile", "ada", "sign-up", "Ada@example.org", "--service", URL) == 0
    assert "--profile ada sign-in" in capsys.readouterr().err
    assert run("--profile", "ada", "sign-in", f"{URL}/v1/open_link#code-code-code") == 0
    assert "(active)" in capsys.readouterr().out
    assert run("--profile", "ada", "send", "bob@example.org", "Hello\x1b[2J") == 0
    sent = capsys.readouterr()
    assert sent.out.startswith("sent to bob@example.org at ")
    assert "sealpost verify bob@example.org" in sent.err

    assert run("--profile", "bob", "inbox") == 0
    out = capsys.readouterr().out
    assert out.endswith("  ada@example.org (not verified): Hello\\u{1b}[2J\n")
    assert run("--profile", "bob", "inbox") == 0
    assert capsys.readouterr().out == ""
    assert run("--profile", "bob", "inbox", "--all", "--json") == 0
    assert json.loads(capsys.readouterr().out)["text"] == "Hello\x1b[2J"


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

    def show(item: Item, *, as_json: bool) -> None:
        assert isinstance(item, Message)
        shown.append(item.text)
        if item.text == "second":
            raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(commands, "_show", show)
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


def test_verify_prints_the_number_and_marks(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")

    assert run("--profile", "ada", "verify", "bob@example.org") == 0
    number = capsys.readouterr()
    assert [len(line.split()) for line in number.out.splitlines()] == [6, 6]
    assert "not verified" in number.err
    assert run("--profile", "ada", "verify", "bob@example.org", "--mark") == 0
    assert run("--profile", "ada", "send", "bob@example.org", "hi", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["verified"] is True


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


@pytest.mark.parametrize(
    ("status", "code", "ends"),
    [
        (401, "invalid-code", ExitStatus.REFUSED),
        (403, "blocked", ExitStatus.REFUSED),
        (429, "rate-limited", ExitStatus.REFUSED),
        (500, "internal", ExitStatus.UNAVAILABLE),
        (503, "unavailable", ExitStatus.UNAVAILABLE),
    ],
)
def test_problems_end_with_their_status_a_cause_and_a_cure(
    cli: World, capsys: pytest.CaptureFixture[str], status: int, code: str, ends: ExitStatus
) -> None:
    signed_in(cli, "ada", "bob")
    cli.service.before["send_message"] = lambda _body: problem(status, code, detail="Because\x1b[1m.")
    capsys.readouterr()

    assert run("--profile", "ada", "send", "bob@example.org", "hi") == ends

    err = capsys.readouterr().err
    assert err.startswith("sealpost: ")
    assert len(err.splitlines()) == 2
    assert "the service says: Because" in err or status >= 500
    assert "\x1b" not in err
    assert "Traceback" not in err


def test_changed_keys_end_with_7(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob", "eve")
    assert run("--profile", "ada", "send", "bob@example.org", "hi") == 0
    cli.service.accounts["bob@example.org"] = cli.service.accounts["eve@example.org"]

    assert run("--profile", "ada", "send", "bob@example.org", "hi") == ExitStatus.UNSAFE


class TestPassphrase:
    def test_a_wrong_one_is_4(self, cli: World, tmp_path: Path) -> None:
        signed_in(cli, "ada")
        (tmp_path / "passphrase").write_text("another one")

        assert run("--profile", "ada", "whoami") == ExitStatus.LOCKED

    def test_none_at_all_is_4_with_the_ways_to_give_it(
        self, cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        signed_in(cli, "ada")
        monkeypatch.delenv("SEALPOST_PASSPHRASE_FILE")

        assert run("--profile", "ada", "whoami") == ExitStatus.LOCKED
        assert "--passphrase-fd" in capsys.readouterr().err

    def test_a_descriptor(self, cli: World, monkeypatch: pytest.MonkeyPatch) -> None:
        signed_in(cli, "ada")
        monkeypatch.delenv("SEALPOST_PASSPHRASE_FILE")
        reading, writing = os.pipe()
        os.write(writing, f"{PASSPHRASE}\nmore".encode())
        os.close(writing)

        assert run("--passphrase-fd", str(reading), "--profile", "ada", "whoami") == 0
        os.close(reading)

    def test_a_descriptor_gives_one_line_and_leaves_the_text(
        self, cli: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signed_in(cli, "ada", "bob")
        monkeypatch.delenv("SEALPOST_PASSPHRASE_FILE")
        reading, writing = os.pipe()
        os.write(writing, f"{PASSPHRASE}\nthe text\n".encode())
        os.close(writing)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(os.fdopen(reading, "rb")))

        assert run("--passphrase-fd", str(reading), "--profile", "ada", "send", "bob@example.org") == 0

        monkeypatch.undo()
        with cli.reopened("bob") as bob:
            assert texts(bob) == ["the text\n"]

    def test_a_terminal_is_asked_also_when_standard_input_is_a_text(
        self, cli: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        signed_in(cli, "ada", "bob")
        monkeypatch.delenv("SEALPOST_PASSPHRASE_FILE")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
        (tmp_path / "terminal").touch()
        monkeypatch.setattr("sealpost.passphrase._TERMINAL", str(tmp_path / "terminal"))
        monkeypatch.setattr("getpass.getpass", lambda _prompt, *, stream: PASSPHRASE if stream else "")

        assert run("--profile", "ada", "send", "bob@example.org") == 0

    def test_a_closed_descriptor_or_a_missing_file_is_2(
        self, cli: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signed_in(cli, "ada")

        assert run("--passphrase-fd", "1000000", "--profile", "ada", "whoami") == ExitStatus.USAGE
        monkeypatch.setenv("SEALPOST_PASSPHRASE_FILE", "/nowhere")
        assert run("--profile", "ada", "whoami") == ExitStatus.USAGE

    def test_a_short_one_makes_no_profile(self, cli: World, tmp_path: Path) -> None:
        (tmp_path / "passphrase").write_text("short")

        assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == ExitStatus.LOCKED
        assert not cli.folder("ada").state.exists()

    def test_unlock_and_lock(
        self, cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        signed_in(cli, "ada")
        assert run("--profile", "ada", "unlock", "--minutes", "5") == 0
        assert str(cli.folder("ada").key_file) in capsys.readouterr().err
        monkeypatch.delenv("SEALPOST_PASSPHRASE_FILE")
        assert run("--profile", "ada", "whoami") == 0

        assert run("--profile", "ada", "lock") == 0

        assert run("--profile", "ada", "whoami") == ExitStatus.LOCKED


def test_an_unforeseen_fault_is_1_without_a_traceback(
    cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_options: object) -> None:
        raise ValueError("secret detail")

    monkeypatch.setattr(commands, "run", fail)

    assert run("whoami") == ExitStatus.FAILURE
    err = capsys.readouterr().err
    assert "secret detail" not in err
    assert len(err.splitlines()) == 1


def test_ctrl_c_is_130(cli: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run", interrupt)

    assert run("listen") == ExitStatus.INTERRUPTED
