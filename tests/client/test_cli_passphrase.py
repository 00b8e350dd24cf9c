"""Where the command takes the passphrase from; unlock and lock."""

import io
import os
import sys
from pathlib import Path

import pytest

from sealpost.errors import ExitStatus
from sealpost.passphrase import PassphraseSource
from tests.client.command import run, signed_in
from tests.client.fakes import PASSPHRASE, URL, World, texts


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

    def test_a_new_profile_without_a_terminal_names_the_ways_too(
        self, cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("SEALPOST_PASSPHRASE_FILE")

        assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == ExitStatus.LOCKED
        assert not cli.folder("ada").state.exists()

        err = capsys.readouterr().err
        assert "Choose a passphrase: run this in a terminal, or give it by --passphrase-fd or" in err
        assert "locked" not in err

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

    @pytest.mark.parametrize(
        ("typed", "ends", "said"),
        [
            ([PASSPHRASE, PASSPHRASE], 0, "nobody can restore it"),
            ([PASSPHRASE, "another one"], ExitStatus.LOCKED, "The two passphrases differ."),
            ([PASSPHRASE], ExitStatus.LOCKED, "No passphrase was given."),
        ],
    )
    def test_a_new_one_is_typed_twice(
        self,
        *,
        cli: World,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        typed: list[str],
        ends: int,
        said: str,
    ) -> None:
        monkeypatch.delenv("SEALPOST_PASSPHRASE_FILE")
        monkeypatch.setattr("sealpost.passphrase._TERMINAL", os.devnull)
        left = list(typed)

        def type_it(_prompt: str, *, stream: object) -> str:
            if not left:
                raise EOFError
            return left.pop(0)

        monkeypatch.setattr("getpass.getpass", type_it)

        assert run("--profile", "ada", "sign-up", "ada@example.org", "--service", URL) == ends

        assert said in capsys.readouterr().err
        assert cli.folder("ada").state.exists() == (ends == 0)
        if ends == 0:
            with cli.reopened("ada") as ada:
                assert ada.address == "ada@example.org"

    def test_one_that_is_not_utf8_is_2(self, cli: World, tmp_path: Path) -> None:
        signed_in(cli, "ada")
        (tmp_path / "passphrase").write_bytes(b"\xff\xfe")

        assert run("--profile", "ada", "whoami") == ExitStatus.USAGE

    def test_a_descriptor_without_a_line_end_is_read_to_its_end(self) -> None:
        for written, read in ((b"no line end", "no line end"), (b"x" * 5000, "x" * 4096), (b"", "")):
            reading, writing = os.pipe()
            os.write(writing, written)
            os.close(writing)

            assert PassphraseSource(reading).present() == read
            os.close(reading)

    def test_unlock_and_lock(
        self, cli: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        signed_in(cli, "ada")
        assert run("--profile", "ada", "unlock", "--minutes", "1") == 0
        said = capsys.readouterr().err
        assert said.startswith("Unlocked for 1 minute, or until `sealpost --profile ada lock`.")
        assert str(cli.folder("ada").key_file) in said
        monkeypatch.delenv("SEALPOST_PASSPHRASE_FILE")
        assert run("--profile", "ada", "whoami") == 0

        assert run("--profile", "ada", "lock") == 0

        assert run("--profile", "ada", "whoami") == ExitStatus.LOCKED
