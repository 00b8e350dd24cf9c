"""The mailed link, those that wrap it, and the code; nothing of another service."""

import pytest

from sealpost.errors import UsageError
from sealpost.links import parse_code

SERVICE = "https://sealpost.example"
CODE = "aB3-_xyzXYZ01234"
ACTION = f"https://p.firebaseapp.com/__/auth/action?apiKey=k&mode=signIn&oobCode={CODE}&lang=en"
NESTED = (
    "https://p.page.link/?link=https%3A%2F%2Fp.firebaseapp.com%2F__%2Fauth%2Faction%3Fmode%3DsignIn%26oobCode%3D"
    f"{CODE}%26continueUrl%3Dhttps%253A%252F%252Fsealpost.example%252Fv1%252Fopen_link"
)


@pytest.mark.parametrize(
    "text",
    [
        f"{SERVICE}/v1/open_link#{CODE}",
        f"  <{SERVICE}/v1/open_link#{CODE}>\n",
        f"{SERVICE}/v1/open_link?mode=signIn&oobCode={CODE}",
        f"{SERVICE}/v1/open_link?oobCode={CODE}&apiKey=k",
        ACTION,
        f"{ACTION}&continueUrl=https%3A%2F%2Fsealpost.example%2Fv1%2Fopen_link",
        NESTED,
        CODE,
        f" {CODE}\n",
    ],
)
def test_the_code_is_found(text: str) -> None:
    assert parse_code(text, service=SERVICE) == CODE


@pytest.mark.parametrize(
    "text",
    [
        f"https://evil.example/v1/open_link#{CODE}",
        f"http://sealpost.example/v1/open_link#{CODE}",
        f"https://sealpost.example:444/v1/open_link#{CODE}",
        f"https://evil.example/v1/open_link?oobCode={CODE}",
        f"{ACTION}&continueUrl=https%3A%2F%2Fevil.example%2Fv1%2Fopen_link",
    ],
)
def test_a_link_of_another_service_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="another service"):
        parse_code(text, service=SERVICE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "wrongcode",
        "two words here",
        "code;rm -rf",
        f"{SERVICE}/v1/open_link",
        f"{SERVICE}/v1/open_link#",
        f"{SERVICE}/v1/open_link#<script>",
        "https://sealpost.example/",
        "https://[::1/v1/open_link#abcdefgh",
        ACTION.replace("signIn", "resetPassword"),
        "ftp://",
        "x" * 600,
    ],
)
def test_what_is_no_link_is_refused_with_a_cure(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_code(text, service=SERVICE)

    assert refused.value.cure
