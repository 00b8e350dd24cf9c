from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidRequest
from common.identity import Address, IndexKey, network

NOW = 1_800_000_000.0
KEY = IndexKey(bytes(range(32)))

REFUSED = [
    "",
    "alice",
    "@example.org",
    "alice@",
    "alice@example",
    "alice@@example.org",
    "a@b@example.org",
    ".alice@example.org",
    "alice.@example.org",
    "al..ice@example.org",
    "al ice@example.org",
    '"al ice"@example.org',
    "alice@[192.0.2.1]",
    "alice@192.0.2.1",
    "alice@-example.org",
    "alice@example-.org",
    "alice@example..org",
    "alice@example.org.",
    "alice@example.o",
    "alice@example.1rg",
    "alice@" + "a" * 64 + ".org",
    "Alice <alice@example.org>",
    "alice@example.org\n",
    "\nalice@example.org",
    "alice@example.org\r\nBcc: bob@example.org",
    "alice@example.org,bob@example.org",
    "alic\u00e9@example.org",
    "al\u0131ce@example.org",
    "\u0130@example.org",
    "alice@ex\u0430mple.org",
    "alice\0@example.org",
    "a" * 65 + "@example.org",
    "a@" + "b" * 60 + "." + "c" * 60 + "." + "d" * 60 + "." + "e" * 60 + ".example.org",
]

LOCAL = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=30)


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:40]))
def test_what_is_not_one_mailbox_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Address(text)


@pytest.mark.parametrize(
    "text",
    ["a@b.co", "a" * 64 + "@example.org", "al.ice+tag@mail.example.org", "o'neil@xn--bcher-kva.example"],
)
def test_a_mailbox_is_accepted(text: str) -> None:
    assert Address(text).text == text


@given(LOCAL)
def test_addresses_that_differ_in_case_are_one(local: str) -> None:
    one, other = Address(f"{local.upper()}@EXAMPLE.org"), Address(f"{local.lower()}@example.ORG")
    assert one == other
    assert hash(one) == hash(other)
    assert KEY.address(one) == KEY.address(other)


def test_a_refusal_does_not_repeat_the_address() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Address("canary@@example.org")
    assert "canary" not in str(caught.value)


def test_representations_show_nothing() -> None:
    @dataclass
    class Holder:
        address: Address
        key: IndexKey

    shown = f"{Holder(Address('canary@example.org'), IndexKey(b'canary-canary-canary-canary-cana'))!r}"
    assert "canary" not in shown
    assert "Address(...)" in shown
    assert "IndexKey(...)" in shown


def test_an_index_is_stable_and_needs_the_key() -> None:
    address = Address("alice@example.org")
    assert KEY.address(address) == IndexKey(bytes(range(32))).address(address)
    assert KEY.address(address) != IndexKey(bytes(32)).address(address)
    assert len(KEY.address(address)) == 32


def test_each_purpose_has_its_own_key() -> None:
    text = "alice@example.org"
    values = {
        KEY.address(Address(text)).hex(),
        KEY.subject("address", text, NOW).hex(),
        KEY.subject("network", text, NOW).hex(),
        KEY.subject("address", text, NOW + 86_400).hex(),
        KEY.successor(text),
    }
    assert len(values) == 5


def test_a_subject_changes_at_midnight_and_no_sooner() -> None:
    midnight = NOW // 86_400 * 86_400
    first, last, next_day = (KEY.subject("network", "x", midnight + s) for s in (0, 86_399.9, 86_400))
    assert first == last != next_day


def test_a_successor_is_a_refresh_token_of_256_bits() -> None:
    successor = KEY.successor("token")
    assert len(successor) == 43
    assert KEY.successor(successor) != successor
    assert successor == KEY.successor("token")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:DB8:1:ffff:ffff::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "unknown"),
        ("192.0.2.77:80", "unknown"),
        ("192.0.2.077", "unknown"),
        ("192.0.2.256", "unknown"),
        ("[2001:db8::1]", "unknown"),
        ("unknown", "unknown"),
        ("1", "unknown"),
    ],
)
def test_a_network_is_a_24_or_a_48(address: str, expected: str) -> None:
    assert network(address) == expected
