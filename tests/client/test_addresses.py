"""What counts as an email address: what the service takes, and nothing that it refuses."""

import pytest

from common.errors import InvalidRequest
from common.identity import Address
from sealpost import addresses
from sealpost.errors import UsageError

TAKEN = [
    "a@b.co",
    "Ada.Lovelace+notes@mail.example.org",
    "!#$%&'*+/=?^_`{|}~-@example.org",
    "a" * 64 + "@example.org",
    "a@" + "b" * 63 + ".org",
    "a@x-1.example",
]
REFUSED = [
    "a..b@example.org",
    ".a@example.org",
    "a.@example.org",
    ".@a.bc",
    "a@example",
    "a@example.o",
    "a@-example.org",
    "a@example-.org",
    "a@example.o-",
    "a@example.1org",
    "a@@example.org",
    "a b@example.org",
    "a,b@example.org",
    '"a"@example.org',
    "a" * 65 + "@example.org",
    "a@" + "b" * 64 + ".org",
    "a@" + "b." * 126 + "org",
    "a@example.org\n",
    "\u00e4@example.org",
    "a@ex\u00e4mple.org",
    "",
]


def taken_by_the_service(text: str) -> bool:
    try:
        Address(text)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize("text", TAKEN)
def test_taken(text: str) -> None:
    assert addresses.is_address(text)
    assert taken_by_the_service(text)
    assert addresses.normal(f" {text}\n") == text.lower()


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    assert not addresses.is_address(text)
    assert not taken_by_the_service(text)


def test_what_a_person_mistypes_is_a_wrong_use() -> None:
    with pytest.raises(UsageError):
        addresses.normal("ada@example")
