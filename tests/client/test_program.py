"""Commands in cures and hints are the profile's own."""

import pytest

from sealpost.program import Program

AGAIN = "Sign in again: sealpost sign-up EMAIL, then sealpost sign-in LINK"


def test_the_default_profile_needs_no_name() -> None:
    assert Program().command("sign-in", "LINK") == "sealpost sign-in LINK"
    assert Program().fitted(AGAIN) == AGAIN


def test_every_command_of_a_cure_gets_profile_and_address() -> None:
    program = Program("alice", "alice@example.com")

    fitted = program.fitted(AGAIN)

    assert fitted == (
        "Sign in again: sealpost --profile alice sign-up alice@example.com, "
        "then sealpost --profile alice sign-in LINK"
    )
    assert program.fitted(fitted) == fitted


@pytest.mark.parametrize(
    "sentence",
    [
        "Another sealpost command of this profile is busy.",
        "Update with: pip install --upgrade sealpost",
        "Use another one: sealpost --profile NAME sign-up EMAIL --service URL",
    ],
)
def test_what_is_no_command_of_this_profile_stays(sentence: str) -> None:
    assert Program("alice", "alice@example.com").fitted(sentence) == sentence


def test_an_address_is_quoted_for_the_shell() -> None:
    program = Program("alice", "a`b`@example.com")

    assert "'a`b`@example.com'" in program.fitted(AGAIN)
    assert program.command("verify", "a$b@example.com").endswith("'a$b@example.com'")
