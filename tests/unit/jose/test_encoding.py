import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidRequest
from common.jose import base64url, decode_base64url, digest, exact, integer, matching, parse_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=100))
def test_bytes_survive_base64url(data: bytes) -> None:
    text = base64url(data)
    assert "=" not in text
    assert decode_base64url(text, "it") == data


@given(st.text(alphabet="ABgw_-9=+/ \n\u00e9", max_size=12))
def test_each_value_has_one_text(text: str) -> None:
    try:
        data = decode_base64url(text, "it")
    except InvalidRequest:
        return
    assert base64url(data) == text


@pytest.mark.parametrize(
    "text",
    ["AA==", "AB", "AAB", "A", "AAAAA", "AA\n", " AA", "A A", "A+", "A/", "A.", "\u00e9A", "\uff21\uff21"],
)
def test_other_spellings_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^the nonce is not base64url"):
        decode_base64url(text, "the nonce")


def test_digest_is_sha256_in_base64url() -> None:
    assert digest("abc") == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"


@given(JSON)
def test_json_survives(value: object) -> None:
    assert parse_json(json.dumps(value), "it") == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode(), "it") == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "1 2",
        "[1,]",
        "{'a':1}",
        '"a\nb"',
        '{"a":1,"a":2}',
        '{"b":{"a":1,"a":1}}',
        '[{"a":1,"\\u0061":2}]',
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e999",
        "[-1e999]",
        '"\\ud800"',
        '{"\\udc00":1}',
        '"\\udc00\\ud800"',
        "\ufeff{}",
        "9" * 5000,
        "[" * 100_000,
        b'"\xff"',
        b'"\xed\xa0\x80"',
        '{"a":1}'.encode("utf-16"),
    ],
    ids=lambda text: repr(text[:16]),
)
def test_what_is_not_strict_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"^The body is not JSON"):
        parse_json(text, "The body")


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_json('"\\ud83d\\ude00"', "it") == "\U0001f600"


@pytest.mark.parametrize(
    "value", [{"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "B": 2}, {}, [], ["a", "b"], "ab", None, 1]
)
def test_an_object_has_exactly_its_members(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^it must be an object with exactly the members a, b\.$"):
        exact(value, frozenset(("a", "b")), "it")


def test_the_order_of_members_does_not_matter() -> None:
    assert exact({"b": 2, "a": 1}, frozenset(("a", "b")), "it") == {"a": 1, "b": 2}


@pytest.mark.parametrize("value", [True, False, 1.0, "1", None, [1], -1, 2**53, float("nan")])
def test_only_integers_of_the_range_are_integers(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^n must be a whole number from 0 to 2\^53-1\.$"):
        integer(value, "n")


@pytest.mark.parametrize(("value", "least"), [(0, 0), (2**53 - 1, 0), (1, 1), (-1, -1)])
def test_the_bounds_are_in_the_range(value: int, least: int) -> None:
    assert integer(value, "n", least=least) == value


def test_an_integer_below_its_least_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        integer(0, "n", least=1)


@pytest.mark.parametrize("value", ["", "12\n", " 12", "12 ", "1234", b"12", 12, None, "\u0661\u0662"])
def test_a_pattern_matches_the_whole_string(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^it must match"):
        matching(value, re.compile(r"[0-9]{2,3}"), "it")


@pytest.mark.parametrize(
    "refused",
    [
        lambda canary: decode_base64url(canary + "=", "it"),
        lambda canary: parse_json(f'{{"{canary}":1,"{canary}":1}}', "it"),
        lambda canary: exact({canary: canary}, frozenset("a"), "it"),
        lambda canary: integer(canary, "it"),
        lambda canary: matching(canary, re.compile("a"), "it"),
    ],
    ids=["base64url", "json", "exact", "integer", "matching"],
)
def test_a_refusal_does_not_repeat_what_was_sent(refused: object) -> None:
    assert callable(refused)
    with pytest.raises(InvalidRequest) as caught:
        refused("canary")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
