"""The command on other people's keys: compare, accept, and what is said of changes."""

import json

import pytest

from sealpost.errors import ExitStatus
from tests.client.command import run, signed_in
from tests.client.devices import history_on, publish, reset
from tests.client.fakes import World

BOB = "bob@example.org"


def ada(*arguments: str) -> int:
    return run("--profile", "ada", *arguments)


def renew(cli: World) -> None:
    """Bob begins anew on another device."""
    with cli.reopened("bob") as bob:
        reset(cli, bob)


def test_a_change_is_one_line(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")
    assert ada("send", BOB, "hello") == 0
    with cli.reopened("bob") as bob:
        publish(cli, bob, history_on(bob))
    assert ada("send", BOB, "again") == 0
    capsys.readouterr()

    assert ada("inbox") == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(
        "  * bob@example.org keeps a history: messages to them can be read later with their recovery code."
    )
    assert ada("inbox", "--json") == 0
    assert capsys.readouterr().out == ""
    assert ada("inbox", "--all", "--json") == 0
    kinds = [json.loads(one)["type"] for one in capsys.readouterr().out.splitlines()]
    assert sorted(kinds) == ["change", "message", "message"]


def test_a_change_is_an_object_for_a_program(cli: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(cli, "ada", "bob")
    assert ada("send", BOB, "hello") == 0
    renew(cli)
    assert ada("send", BOB, "again") == 0
    warned = capsys.readouterr()
    assert "began anew with other keys" in warned.err
    assert f"sealpost --profile ada verify {BOB}" in warned.err

    assert ada("inbox", "--json") == 0

    change = json.loads(capsys.readouterr().out)
    assert (change["type"], change["act"], change["address"], change["own"]) == (
        "change",
        "reset",
        BOB,
        False,
    )
    assert change["device"] == change["by"]


def test_a_verified_person_who_was_reset_is_accepted_by_name(
    cli: World, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in(cli, "ada", "bob")
    assert ada("verify", BOB, "--mark") == 0
    renew(cli)
    capsys.readouterr()
    assert ada("send", BOB, "not yet") == ExitStatus.UNSAFE
    assert f"sealpost --profile ada accept {BOB}" in capsys.readouterr().err
    assert ada("verify", BOB) == 0
    assert "you had compared another number" in capsys.readouterr().err

    assert ada("accept", BOB) == 0

    assert ada("send", BOB, "now") == 0
    assert ada("accept", BOB) == ExitStatus.USAGE
    assert "nothing to accept" in capsys.readouterr().err
