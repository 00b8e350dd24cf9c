"""Bodies that are not what a function takes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions.arena import Arena
from tests.functions.calls import BODIES, CALLS
from tests.functions.exchange import Ask, Connection
from tests.functions.refusals import refused
from tests.signing import backup

WHOLE: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \r\n\t",
    "half of it": b'{"',
    "words": b"hello",
    "a form": b"email=alice%40example.com&proof=x",
    "XML": b"<email>alice@example.com</email>",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "text": b'"{}"',
    "a list": b"[]",
    "bytes": bytes(range(256)),
    "a number that is none": b'{"a":NaN}',
    "a number too large": b'{"a":1e999}',
    "a comment": b"{}//",
    "deep lists": b"[" * 20_000,
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "an empty object": b"{}",
}

OTHER_TYPES: dict[type, list[Any]] = {
    str: [None, 1, 1.5, True, [], {}, ["x"], {"x": "y"}],
    bool: [None, "true", "", 0, 1, 1.5, [], {}],
    int: ["1", "", 1.5, True, [], {}, 10**400],
    dict: [None, "{}", 1, True, []],
    list: [None, "[]", 1, True, {}, [None], [1], [[]], ["x"], [{}]],
}
NULLABLE = {
    "publish_key": {"statement", "encryption_key"},
    "list_sessions": {"cursor"},
    "name_session": {"name"},
    "list_audit": {"cursor"},
}
LARGEST = {
    name: 128 * 1024 if name in {"send_message", "save_key_backup", "resubmit_statements"} else 32 * 1024
    for name in BODIES
}

every_body = pytest.mark.parametrize("name", BODIES)


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def encodings(members: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    good = dump(members)
    yield "UTF-16", json.dumps(members).encode("utf-16")
    yield "a byte order mark", b"\xef\xbb\xbf" + good
    yield "two of them", good + good
    yield "something after it", good + b"x"
    yield "a comma too many", good[:-1] + b",}"
    yield "bytes that are not UTF-8", good[:-1] + b',"x":"\xff"}'
    yield "half of a surrogate pair", good[:-1] + b',"x":"\\ud800"}'


def twice(members: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The body with a member named twice, at the top and wherever objects are nested."""
    good = dump(members)
    for name, value in members.items():
        again = dump({name: value})[1:]
        yield name, good[:-1] + b"," + again
        escaped = f"\\u{ord(name[0]):04x}{name[1:]}".encode()
        yield f"{name}, escaped", good[:-1] + b"," + again.replace(name.encode(), escaped, 1)
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                one, member = dump(inner), next(iter(inner))
                assert good.count(one) == 1
                nested = one[:-1] + b"," + dump({member: inner[member]})[1:]
                yield f"{member} in {name}", good.replace(one, nested)


def with_more(members: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The body with a member that nobody knows, at the top and wherever objects are nested."""
    for unknown in ("extra", "", "__proto__", "Proof", "email ", "uid"):
        yield repr(unknown), members | {unknown: "x"}
    for name, value in members.items():
        if isinstance(value, dict):
            yield f"in {name}", members | {name: value | {"extra": "x"}}
        for place, item in objects(value):
            yield f"in {name}[{place}]", members | {name: _replaced(value, place, item | {"extra": "x"})}


def of_other_types(members: dict[str, Any], nullable: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for member, value in members.items():
        for other in OTHER_TYPES[int if value is None else type(value)]:
            if other is not None or member not in nullable:
                yield f"{member} {other!r:.20}", members | {member: other}
        for place, item in objects(value):
            for inner, spoiled in of_other_types(item, {"address", "uid"}):
                if item["known_seq"] is not None:
                    yield f"{member}[{place}].{inner}", members | {member: _replaced(value, place, spoiled)}


def objects(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """Those of a list, with their places."""
    items = value if isinstance(value, list) else []
    return [(place, item) for place, item in enumerate(items) if isinstance(item, dict)]


def _replaced(items: list[Any], place: int, item: Any) -> list[Any]:
    return [*items[:place], item, *items[place + 1 :]]


@every_body
def test_a_body_that_is_no_object_of_json_is_refused(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    with arena.untouched():
        refused(arena, Ask(good.method, good.path, good.headers), 400, "invalid-request", "no body")
        for why, body in (*WHOLE.items(), *encodings(good.json)):
            if body == good.body:
                continue
            refused(arena, good.with_body(body), 400, "invalid-request", why)


@every_body
def test_a_member_is_named_once(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    with arena.untouched():
        for why, body in twice(good.json):
            refused(arena, good.with_body(body), 400, "invalid-request", why)


@every_body
def test_a_member_that_is_unknown_is_refused(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    with arena.untouched():
        for why, members in with_more(good.json):
            refused(arena, good.with_json(members), 400, "invalid-request", why)


@every_body
def test_every_member_must_be_there(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    with arena.untouched():
        for member in good.json:
            rest = {other: value for other, value in good.json.items() if other != member}
            refused(arena, good.with_json(rest), 400, "invalid-request", member)


@every_body
def test_every_member_has_its_type(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    with arena.untouched():
        for why, members in of_other_types(good.json, NULLABLE.get(name, set())):
            refused(arena, good.with_json(members), 400, "invalid-request", why)


def account(**changed: Any) -> list[dict[str, Any]]:
    return [{"address": None, "uid": "u", "known_seq": -1} | changed]


_ID = "A" * 43
BAD_VALUES: dict[str, dict[str, list[Any]]] = {
    "sign_up": {
        "email": [
            *("", "alice", "a@b", "a@@example.com", "a b@example.com", "a@example.com\n"),
            *("\u00e4@example.com", f"{'a' * 250}@example.com"),
        ]
    },
    "create_session": {
        "email": ["", "alice", "a@b@example.com"],
        "code": ["", "short", "c" * 513, "co de" * 4, "code=" * 4, "code+" * 4],
    },
    "refresh_session": {
        "refresh_token": [
            *("", "x", "A" * 22, f"{'A' * 22}.{'A' * 42}", f"{'A' * 22}.{'A' * 42}="),
            *(f"{'A' * 22}.{'A' * 42}+", f"{'A' * 22}.{_ID}\n"),
        ]
    },
    "revoke_session": {"session_id": ["", "x", "A" * 21, "A" * 23, f"{'A' * 21}=", f"{'A' * 21}+"]},
    "revoke_all_sessions": {},
    "list_sessions": {"cursor": ["", "x", "A" * 21, "A" * 23, f"{'A' * 21}=", f"{'A' * 22}\n"]},
    "name_session": {
        "session_id": ["", "x", "A" * 21, "A" * 23, f"{'A' * 21}+"],
        "name": ["", "x" * 65, "a\n", "\0", "a\x1b[2J", "\x7f", "\u2028"],
    },
    "list_audit": {"cursor": ["", "x", "0", "-1", "1.0", "01", "9" * 19, "1\n", "\u0661"]},
    "save_key_backup": {
        "n": [0, -1, 2, 2**53, 2**63],
        "backup": ["", "x", "{}", "[]", "null", "x" * 98_305, "\u00e9", backup("u", 1)],
    },
    "get_key_backup": {"n": [0, -1, 2**53, 2**63]},
    "set_discovery": {},
    "publish_key": {"statement": ["", "x", "x.y.z"], "encryption_key": ["", "x", "x.y.z"]},
    "resubmit_statements": {
        "uid": ["", "not a uid", "nobody", "x" * 129],
        "statements": [[], ["x"], ["x.y.z"], ["x.y.z"] * 13],
    },
    "request_link": {
        "pop": ["", "x", "x.y.z"],
        "encryption_key": ["", "x", "x.y.z"],
        "mac": ["", "A" * 42, f"{_ID}=", f"{'A' * 42}B", f"{_ID}\n"],
    },
    "get_link_request": {},
    "grant_link": {
        "statement": ["", "x", "x.y.z"],
        "mac": ["", "A" * 42, f"{_ID}=", f"{'A' * 42}B", f"{_ID}\n"],
    },
    "get_link_grant": {},
    "veto_reset": {},
    "find_keys": {
        "accounts": [
            account(address="nobody", uid=None),
            account(uid=None),
            account(address="a@example.com"),
            account(uid="not a uid"),
            account(known_seq=-2),
            account(known_seq=2**53),
            account() * 51,
        ],
        "conversations": [
            [{"id": text, "known_seq": -1}]
            for text in ("", "A" * 42, f"{_ID}=", f"{'A' * 42}+", "A" * 42 + "B", f"{_ID}\n")
        ],
    },
    "create_conversation": {"statement": ["", "x", "x.y.z"]},
    "send_message": {
        "message_id": [
            *("", "1", "not-a-uuid", "00000000-0000-0000-0000-000000000000"),
            *("0190a5a0-0000-4000-8000-000000000000", "0190A5A0-0000-7000-8000-000000000000"),
        ],
        "conversation_id": ["", "A" * 42, f"{_ID}=", f"{'A' * 42}+", "../messages", f"{_ID}\n"],
        "expires_at": [-1, 0, 1, 2**53, 2**63],
        "envelope": ["", "{}", "[]", "null", "x"],
    },
}


@every_body
def test_every_member_has_its_form(arena: Arena, name: str) -> None:
    with arena.untouched():
        for member, values in BAD_VALUES[name].items():
            for value in values:
                spoiled = CALLS[name](arena).changed(**{member: value})  # made anew: a proof counts once
                refused(arena, spoiled, 400, "invalid-request", (member, value))


@every_body
def test_a_body_that_announces_or_brings_too_much_is_refused(arena: Arena, name: str) -> None:
    good, most = CALLS[name](arena), LARGEST[name]
    too_large = b"{" + b" " * most
    with arena.untouched():
        refused(arena, good.with_body(too_large[:-1]), 400, "invalid-request", "just fits")
        for length in (str(most + 1), "9" * 18):
            announced = Ask(good.method, good.path, {**good.headers, "Content-Length": length})
            answer = refused(arena, announced, 413, "payload-too-large", length)
            assert answer.headers["connection"] == "close"
        streamed = Ask(good.method, good.path, {**good.headers, "Transfer-Encoding": "chunked"})
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(too_large), too_large)
        refused(arena, bytes(streamed) + chunks, 413, "payload-too-large", "streamed")


@pytest.mark.parametrize("name", sorted(CALLS.keys() - set(BODIES)))
def test_a_body_that_nobody_reads_is_not_waited_for(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    with arena.untouched():
        too_large = good.with_headers({"Content-Length": str(32 * 1024 + 1)})
        refused(arena, too_large, 413, "payload-too-large")
        for headers in ({"Content-Length": "1000"}, {"Transfer-Encoding": "chunked"}):
            assert arena.ask(good.with_headers(headers)).status == 200
        assert arena.ask(good.with_body(b'{"half')).status == 200


@every_body
@pytest.mark.parametrize("how", ["announced", "in chunks"])
def test_a_client_that_leaves_halfway_is_let_go(arena: Arena, name: str, how: str) -> None:
    good = CALLS[name](arena)
    body = good.body or b""
    head, half = good.head, body[: len(body) // 2]
    if how == "in chunks":  # all of it, without the end
        head = Ask(good.method, good.path, {**good.headers, "Transfer-Encoding": "chunked"}).head
        half = b"%x\r\n%b\r\n" % (len(body), body)
    with arena.untouched():
        for reset in (True, False):
            with arena.logged() as lines:
                with Connection(arena.port) as connection:
                    connection.write(head + half)
                    arena.settle()
                    if reset:
                        connection.leave()
                arena.settle()
            assert [(line["function"], line["status"]) for line in lines] == [(name, 499)]
    assert arena.ask(CALLS["jwks"](arena)).status == 200
