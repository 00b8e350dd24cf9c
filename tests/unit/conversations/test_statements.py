from typing import Any

import pytest

from common.conversations.model import Creation
from common.conversations.statements import direct_id, read_creation, self_id
from common.errors import InvalidRequest
from common.identity import Caller
from common.jose import RsaKey
from tests.signing import creation, digest, key

NOW = 1_800_000_000
PHONE, LAPTOP = key("alice_signing"), key("bob_signing")
ALICE = Caller(uid="alice1", session="s" * 22, device=PHONE.kid)
HEAD = (0, digest("chain"))
ALICE_ROLE, BOB_ROLE, CAROL_ROLE = (["alice1", "member"], ["bob1", "member"], ["carol1", "member"])


def make(**changed: Any) -> str:
    return creation(PHONE, "alice1", "bob1", HEAD, NOW, **changed)


def alone(**changed: Any) -> str:
    return creation(PHONE, "alice1", "alice1", HEAD, NOW, **changed)


def read(compact: str) -> Creation:
    return read_creation(compact, ALICE).verified_by(RsaKey(n=PHONE.n, alg="PS256", use="sig"))


REFUSED = {
    "v is 2": make(v=2),
    "v is true": make(v=True),
    "a group": make(kind="group"),
    "kind is a list": make(kind=["direct"]),
    "kind is null": make(kind=None),
    "two members of their own": make(kind="self"),
    "two members under one's own id": make(kind="self", cid=self_id("alice1")),
    "one's own id for two": make(cid=self_id("alice1")),
    "act add": make(act="add"),
    "act leave": make(act="leave"),
    "seq 1": make(seq=1),
    "seq is false": make(seq=False),
    "a prev": make(prev=digest("x")),
    "another conversation's id": make(cid=digest("x")),
    "cid is null": make(cid=None),
    "a creator who is no member": make(iss="carol1"),
    "members without the caller": creation(PHONE, "bob1", "carol1", HEAD, NOW),
    "another device": make(dev=LAPTOP.kid),
    "iat is a float": make(iat=NOW + 0.5),
    "members descending": make(members=[BOB_ROLE, ALICE_ROLE]),
    "a third member": make(members=[ALICE_ROLE, BOB_ROLE, CAROL_ROLE]),
    "one member": make(members=[ALICE_ROLE]),
    "no member": make(members=[]),
    "alone in a direct conversation": alone(kind="direct"),
    "alone under the id of a direct conversation": alone(cid=direct_id("alice1", "alice1")),
    "alone and twice": alone(members=[ALICE_ROLE, ALICE_ROLE]),
    "alone and nobody": alone(members=[]),
    "somebody else alone": alone(members=[BOB_ROLE], cid=self_id("bob1")),
    "somebody else under one's own id": alone(members=[BOB_ROLE]),
    "alone as admin": alone(members=[["alice1", "admin"]]),
    "two others": creation(PHONE, "bob1", "carol1", HEAD, NOW, iss="alice1"),
    "members of another id": make(members=[ALICE_ROLE, CAROL_ROLE]),
    "another role": make(members=[["alice1", "admin"], BOB_ROLE]),
    "role is null": make(members=[ALICE_ROLE, ["bob1", None]]),
    "a member without a role": make(members=[ALICE_ROLE, ["bob1"]]),
    "a member with more": make(members=[ALICE_ROLE, [*BOB_ROLE, 1]]),
    "members are uids": make(members=["alice1", "bob1"]),
    "members are an object": make(members={"alice1": "member", "bob1": "member"}),
    "a uid that is none": make(members=[ALICE_ROLE, ["bob-1", "member"]]),
    "a uid that is a number": make(members=[[1, "member"], BOB_ROLE]),
    "members is null": make(members=None),
    "head is an object": make(head={"seq": 0, "hash": HEAD[1]}),
    "head without a hash": make(head=[0]),
    "head with a negative seq": make(head=[-1, HEAD[1]]),
    "head with seq true": make(head=[True, HEAD[1]]),
    "head with no hash's text": make(head=[0, "hash"]),
    "head is null": make(head=None),
    "ext is null": make(ext=None),
    "one member too many": make(name="us"),
    "another typ": PHONE.sign("sealpost-key+jwt", {"v": 1}),
    "by another device": creation(LAPTOP, "alice1", "bob1", HEAD, NOW, dev=PHONE.kid),
    "forged under this kid": LAPTOP.forge(make()),
    "not a JWS": "statement",
}


def test_a_creation_is_read() -> None:
    compact = make()
    assert read(compact) == Creation(
        id=direct_id("alice1", "bob1"),
        hash=digest(compact),
        kind="direct",
        members=("alice1", "bob1"),
        creator="alice1",
        device=PHONE.kid,
        issued_at=NOW,
        creator_head=HEAD,
        compact=compact,
    )


def test_a_conversation_with_oneself_is_read() -> None:
    compact = alone()
    assert read(compact) == Creation(
        id=self_id("alice1"),
        hash=digest(compact),
        kind="self",
        members=("alice1",),
        creator="alice1",
        device=PHONE.kid,
        issued_at=NOW,
        creator_head=HEAD,
        compact=compact,
    )


def test_ext_may_hold_what_is_not_known_yet() -> None:
    read(make(ext={"later": 1}))


@pytest.mark.parametrize("compact", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_statement_is_refused(compact: str) -> None:
    with pytest.raises(InvalidRequest):
        read(compact)


def test_the_id_is_the_same_from_both_sides_and_no_others() -> None:
    assert direct_id("alice1", "bob1") == direct_id("bob1", "alice1")
    assert direct_id("alice1", "bob1") != direct_id("alice1b", "ob1")
    assert direct_id("B", "a") == digest("sealpost direct 1\0B\0a")


def test_ones_own_id_is_no_direct_conversations() -> None:
    assert self_id("alice1") == digest("sealpost self 1\0alice1")
    assert self_id("alice1") != direct_id("alice1", "alice1")
