import re
from base64 import b64encode
from hashlib import sha256

import pytest

from common.accounts import LINK_PAGE, LINK_PAGE_POLICY, SignUp
from common.errors import InvalidRequest


@pytest.mark.parametrize(("element", "directive"), [("script", "script-src"), ("style", "style-src")])
def test_the_policy_allows_exactly_what_stands_in_the_page(element: str, directive: str) -> None:
    found = re.findall(f"<{element}>(.*?)</{element}>", LINK_PAGE, re.DOTALL)
    assert len(found) == 1
    allowed = b64encode(sha256(found[0].encode()).digest()).decode()
    assert f"{directive} 'sha256-{allowed}'" in LINK_PAGE_POLICY


def test_the_policy_denies_by_default() -> None:
    directives = dict(part.strip().split(" ", 1) for part in LINK_PAGE_POLICY.split(";"))
    assert directives["default-src"] == "'none'"
    assert "unsafe" not in LINK_PAGE_POLICY
    assert directives.keys() == {
        *("default-src", "script-src", "style-src", "base-uri", "form-action", "frame-ancestors")
    }


def test_the_page_loads_nothing_and_sends_nothing() -> None:
    assert not re.search(r"https?:|//|src=|href=|fetch|XMLHttp|<form|<img|<link|innerHTML", LINK_PAGE)


def test_the_code_leaves_the_address_bar() -> None:
    assert "location.hash" in LINK_PAGE
    assert "history.replaceState" in LINK_PAGE


def test_a_request_to_sign_up_names_one_mailbox() -> None:
    assert SignUp("Alice@Example.org").address.text == "alice@example.org"
    with pytest.raises(InvalidRequest):
        SignUp("alice")
