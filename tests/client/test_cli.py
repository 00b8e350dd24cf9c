"""The command: what it takes, and how it ends."""

import sys
from pathlib import Path

import pytest

from sealpost import __version__, commands
from sealpost.errors import ExitStatus
from sealpost.options import build_parser
from tests.client.command import run, signed_in
from tests.client.fakes import World, problem


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["send"], "usage: sealpost send "),
        (["listen", "--count", "0"], "--count: must be 1 or more"),
        (["listen", "--timeout", "nan"], "--timeout: must be 0 or more"),
        (["unlock", "--minutes", "721"], "--minutes: must be 720 or less"),
        (["nonsense"], "More: sealpost --help"),
        (["send", "--nonsense"], "More: sealpost --help"),
    ],
)
def test_wrong_use_names_what_is_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == ExitStatus.USAGE
    assert said in capsys.readouterr().err


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
    assert "the service says: Because" in err or status >= 500 or code == "invalid-code"
    assert "\x1b" not in err
    assert "Traceback" not in err


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


def test_a_reader_who_has_seen_enough_is_no_fault(
    cli: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def closed(_options: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(commands, "run", closed)
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)

        assert run("inbox") == 0

        out.write("at the interpreter's end")
    assert (tmp_path / "out").read_bytes() == b""


def test_an_unforeseen_fault_is_shown_to_whoever_asks(
    cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_options: object) -> None:
        raise ValueError("detail")

    monkeypatch.setattr(commands, "run", fail)
    monkeypatch.setenv("SEALPOST_DEBUG", "1")

    assert run("whoami") == ExitStatus.FAILURE
    assert "ValueError: detail" in capsys.readouterr().err
