import json
from typing import Any

import pytest

from common.conversations import NewConversation
from common.directory import LookUp
from common.errors import InvalidRequest
from common.http.body import decoder
from common.keys import Publication
from common.messages import NewMessage
from common.sessions import NewSession
from tests.unit.http.world import Empty, Item, Order, code, taking

GOOD: dict[str, Any] = {"title": "tea", "note": None, "items": [{"name": "cup", "size": 2}]}


def refuse(shape: type[Any], body: bytes | dict[str, Any]) -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidRequest) as caught:
        decoder(shape)(raw)
    return caught.value.detail


def test_a_body_becomes_its_dataclass() -> None:
    assert decoder(Order)(json.dumps(GOOD).encode()) == Order("tea", None, (Item("cup", 2),))
    assert decoder(Empty)(b" {}\n") == Empty()


REFUSED: dict[str, Any] = {
    "an unknown member": GOOD | {"extra": 1},
    "an unknown member, nested": GOOD | {"items": [GOOD["items"][0], GOOD["items"][0] | {"extra": 1}]},
    "a member in another case": {**GOOD, "Title": "tea"},
    "a missing member": {"title": "tea", "note": None},
    "a missing member, nested": GOOD | {"items": [{"name": "cup"}]},
    "null for text": GOOD | {"title": None},
    "a number for text": GOOD | {"title": 1},
    "text for a number": GOOD | {"items": [{"name": "cup", "size": "2"}]},
    "a float for a number": GOOD | {"items": [{"name": "cup", "size": 2.0}]},
    "true for a number": GOOD | {"items": [{"name": "cup", "size": True}]},
    "an object for a list": GOOD | {"items": {}},
    "text for a list": GOOD | {"items": "[]"},
    "null for a list": GOOD | {"items": None},
    "null in a list": GOOD | {"items": [None]},
    "a list in a list": GOOD | {"items": [["cup", 2]]},
    "a list": b"[]",
    "text": b'"{}"',
    "null": b"null",
    "nothing": b"",
    "two objects": b"{}{}",
    "a member twice": b'{"title":"tea","title":"tea","note":null,"items":[]}',
    "a member twice, nested": b'{"title":"tea","note":null,"items":[{"name":"a","name":"b","size":1}]}',
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "form data": b"title=tea",
    "deep nesting": b"[" * 900,
    "half a surrogate pair": json.dumps(GOOD | {"title": "\ud800"}).encode(),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_body_is_refused(body: Any) -> None:
    refuse(Order, body)


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
async def test_a_refused_body_is_an_invalid_request(body: Any) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await taking(Order).post("/v1/order", content=raw)
    assert (response.status_code, code(response)) == (400, "invalid-request")


def test_a_refusal_says_which_member_and_never_its_value() -> None:
    assert "items" in refuse(Order, GOOD | {"items": [{"name": "canary", "size": "canary"}]})
    for body in (
        GOOD | {"canary": 1},
        GOOD | {"items": [{"canary": "canary"}]},
        GOOD | {"title": ["canary"]},
        b'{"canary":1,"canary":2}',
    ):
        assert "canary" not in refuse(Order, body)


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (
            LookUp,
            {"accounts": [{"address": None, "uid": "alice1", "known_seq": -1, "x": 1}], "conversations": []},
        ),
        (LookUp, {"accounts": [], "conversations": [{"id": "x" * 43, "known_seq": -1, "x": 1}]}),
        (LookUp, {"accounts": [{"uid": "alice1", "known_seq": -1}], "conversations": []}),
        (LookUp, {"accounts": [{"address": None, "uid": "alice1", "known_seq": 1.0}], "conversations": []}),
        (LookUp, {"accounts": []}),
        (Publication, {"statement": None, "proof": "x"}),
        (Publication, {"statement": None, "encryption_key": None, "proof": "x"}),
        (NewSession, {"email": "a@b.co", "code": "c" * 16, "device": [], "proof": "x"}),
        (NewConversation, {"statement": None}),
        (NewMessage, {"message_id": "", "conversation_id": "", "expires_at": None, "envelope": {}}),
    ],
)
def test_requests_of_the_api_are_taken_strictly(shape: type[Any], body: dict[str, Any]) -> None:
    refuse(shape, body)


def test_a_nested_request_is_decoded() -> None:
    account = {"address": "alice@example.org", "uid": None, "known_seq": -1}
    conversation = {"id": "A" * 43, "known_seq": 0}
    look_up = decoder(LookUp)(json.dumps({"accounts": [account], "conversations": [conversation]}).encode())
    assert look_up.accounts[0].address == "alice@example.org"
    assert look_up.conversations[0].known_seq == 0
