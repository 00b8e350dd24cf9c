"""Properties of the encodings that single examples cannot show."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealpost.protocol import encoding, identifiers
from sealpost.protocol.envelope import padding
from sealpost.protocol.errors import ProtocolError

PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=12)
CANONICAL = st.recursive(
    st.none() | st.integers(0, 2**53 - 1) | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=12,
)


def test_a_name_goes_before_the_names_that_go_on_from_it() -> None:
    assert encoding.canonical({"a!": 2, "a": 1, "a#": 3}) == '{"a":1,"a!":2,"a#":3}'


@given(st.binary(max_size=64))
def test_base64url_returns_what_it_was_given(data: bytes) -> None:
    text = encoding.b64encode(data)
    assert encoding.b64decode(text) == data
    assert text == base64.urlsafe_b64encode(data).decode().rstrip("=")


@given(st.text("ABgw_-+/=. \n", max_size=12))
def test_base64url_has_one_spelling_for_each_value(text: str) -> None:
    with suppress(ProtocolError):
        assert encoding.b64encode(encoding.b64decode(text)) == text


@given(CANONICAL)
def test_canonical_json_is_sorted_compact_json(value: object) -> None:
    text = encoding.canonical(value)
    assert text == json.dumps(value, separators=(",", ":"), sort_keys=True)
    assert encoding.loads(text) == value


@given(st.dictionaries(PLAIN, st.integers(0, 9), min_size=2, max_size=6))
def test_canonical_json_does_not_know_member_order(value: dict[str, int]) -> None:
    assert encoding.canonical(dict(reversed(value.items()))) == encoding.canonical(value)


@given(
    st.one_of(
        st.booleans(),
        st.floats(),
        st.integers(max_value=-1),
        st.integers(min_value=2**53),
        st.builds(
            "{}{}".format, PLAIN, st.sampled_from(['"', "\\", "\n", "\x00", "\x7f", "\x80", "é", "👋"])
        ),
        st.binary(max_size=3),
        st.dictionaries(st.integers(), st.none(), min_size=1, max_size=2),
    )
)
def test_canonical_json_refuses_the_rest(value: object) -> None:
    for wrapped in (value, [value], {"a": value}):
        with pytest.raises(ProtocolError, match="malformed"):
            encoding.canonical(wrapped)


@given(st.integers(0, 33_000))
def test_padding_fills_the_least_bucket(length: int) -> None:
    filled = length + padding(length)
    buckets = [256, 512, 1024, 2048, *range(4096, 40_960, 4096)]
    assert filled == min(bucket for bucket in buckets if bucket >= length)


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5_000, b"\xff", b'"\xed\xa0\x80"'])
def test_json_that_harms_a_parser_is_malformed(text: str | bytes) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        encoding.loads(text)


@pytest.mark.parametrize("text", ["{} {}", "{},", "{}\x0c", "\xa0{}", "{}\u2028"])
def test_nothing_but_white_space_is_around_json(text: str) -> None:
    assert encoding.loads(" \t\r\n{}\n\r\t ") == {}
    with pytest.raises(ProtocolError, match="malformed"):
        encoding.loads(text)


def test_members_are_exact() -> None:
    names = frozenset({"a", "b"})
    assert encoding.members({"b": 1, "a": 2}, names) == {"a": 2, "b": 1}
    others: list[object] = [{"a": 1}, {"a": 1, "b": 2, "c": 3}, [], None]
    for value in others:
        with pytest.raises(ProtocolError, match="malformed"):
            encoding.members(value, names)


def test_integers_are_neither_booleans_nor_floats() -> None:
    assert encoding.is_integer(0)
    assert encoding.is_integer(2**53 - 1)
    others: list[object] = [True, 1.0, -1, 2**53, "1", None]
    for value in others:
        assert not encoding.is_integer(value)


def test_digest_refuses_what_is_not_ascii() -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        encoding.digest("é")


@given(st.integers(0, 2**48 - 1))
def test_message_ids_are_uuid7_in_order_of_time(now: int) -> None:
    made = identifiers.new_message_id(now)
    assert identifiers.message_id(made) == made
    assert int(made.replace("-", "")[:12], 16) == now
    assert identifiers.new_message_id(now) != made


@pytest.mark.parametrize("read", [identifiers.uid, identifiers.hash256, identifiers.message_id])
@pytest.mark.parametrize("value", [None, 1, [], {}, b"a"])
def test_identifiers_are_text(read: Callable[[object], str], value: object) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        read(value)


def test_a_direct_conversation_has_two_members() -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        identifiers.direct_conversation("a", "a")
