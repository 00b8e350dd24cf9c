"""The hash of a context is that of its canonical form, whatever its members are and however they came."""

import json
from typing import Any

import pytest

from sealpost.protocol import encoding
from sealpost.protocol.bounds import MAX_NESTING
from sealpost.protocol.context import Context
from sealpost.protocol.errors import ProtocolError
from tests.vectors.messages import OTHER_HASH, context

MOST = 2**53 - 1


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels > 1 else {}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"exp": 0},
        {"exp": MOST, "iat": MOST, "n": MOST},
        {"heads": {}},
        {"heads": {uid: [seq, OTHER_HASH] for seq, uid in enumerate(("b", "a", "B10", "B9", "9"))}},
        {"conv": [MOST, OTHER_HASH]},
        {"ext": {"z": [1, None, {"b": "plain ~", "a": []}], "a": {}}},
        {"ext": nested(MAX_NESTING - 1)},
    ],
    ids=lambda changed: ",".join(changed) or "usual",
)
def test_the_hash_is_that_of_the_canonical_form(changed: dict[str, Any]) -> None:
    value = context(**changed)
    backwards = dict(reversed(value.items()))
    for stated in (value, backwards, json.loads(json.dumps(value))):
        read = Context.parse(stated)
        assert read.hash == encoding.canonical_hash(value)
        assert encoding.canonical(read.to_json()) == encoding.canonical(value)


@pytest.mark.parametrize("value", [True, 1.5, -1, '"', "\\", "é", nested(MAX_NESTING - 1)])
def test_what_the_canonical_form_does_not_know_has_no_hash(value: object) -> None:
    read = Context.parse(context(ext={"a": value}))
    with pytest.raises(ProtocolError, match="malformed"):
        assert read.hash
