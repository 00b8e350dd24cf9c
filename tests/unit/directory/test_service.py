from typing import Any

import pytest

from common.directory import AccountQuery, ConversationQuery, Directory, Disclosure, LookUp, Visibility
from common.errors import InvalidRequest, RateLimited
from common.identity import Address, Caller, Head, IndexKey
from common.keys import Ending, Publication, Publishing
from tests.fakes.clock import FakeClock
from tests.fakes.directory import FakeDirectoryStore
from tests.fakes.keys import FakeChainStore, FakeReaders
from tests.fakes.revocations import FakeRevoked
from tests.fakes.sessions import FakeLiveSessions
from tests.signing import digest, encryption_key, first_device, key

PHONE, LAPTOP = key("alice_signing"), key("bob_signing")
WRAPPING = key("alice_encryption")
ALICE = Caller(uid="alice1", session="s" * 22, device=PHONE.kid)
BOB = Caller(uid="bob1", session="t" * 22, device=LAPTOP.kid)
INDEX_KEY = IndexKey(bytes(32))
CONVERSATION = digest("conversation")
DAY = 86_400


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.chains = FakeChainStore()
        self.store = FakeDirectoryStore(self.chains)
        self.publishing = Publishing(
            store=self.chains,
            readers=FakeReaders(),
            ending=Ending(documents=FakeLiveSessions(), revoked=FakeRevoked()),
            clock=self.clock,
        )
        self.directory = Directory(store=self.store, index_key=INDEX_KEY, clock=self.clock)

    def first(self) -> str:
        return first_device(PHONE, "alice1", self.clock.now)

    def key(self) -> str:
        return encryption_key(PHONE, WRAPPING, "alice1", self.clock.now)

    async def publish(self, statement: str | None, encryption: str | None) -> Head:
        publication = Publication(statement, encryption, "proof")
        return (await self.publishing.publish(publication, ALICE, PHONE.known)).head

    async def find(self, *accounts: AccountQuery, caller: Caller = BOB) -> list[Any]:
        found = await self.directory.find(LookUp(accounts, ()), caller)
        answers: list[Any] = found.json()["accounts"]
        return answers


@pytest.fixture
def world() -> World:
    return World()


async def test_accounts_are_found_by_uid_and_by_address_in_the_order_of_the_queries(world: World) -> None:
    statement, encryption = world.first(), world.key()
    head = await world.publish(statement, encryption)
    world.store.addresses[INDEX_KEY.address(Address("alice@example.org"))] = "alice1"
    alice = {
        "uid": "alice1",
        "head": head.json(),
        "statements": [statement],
        "encryption_keys": [encryption],
    }
    assert await world.find(
        AccountQuery("nobody@example.org", None, -1),
        AccountQuery("ALICE@example.org", None, -1),
        AccountQuery(None, "bob1", -1),
        AccountQuery(None, "alice1", 0),
    ) == [None, alice, None, alice | {"statements": []}]


async def test_an_expired_key_is_not_found(world: World) -> None:
    await world.publish(world.first(), world.key())
    world.clock.now += 14 * 86_400
    (alice,) = await world.find(AccountQuery(None, "alice1", -1))
    assert alice["encryption_keys"] == []


async def test_a_conversation_answers_its_members_alone(world: World) -> None:
    world.store.conversations[CONVERSATION] = (frozenset({"alice1", "bob1"}), ("statement",))
    queries = (
        ConversationQuery(CONVERSATION, -1),
        ConversationQuery(digest("x"), -1),
        ConversationQuery(CONVERSATION, 0),
    )
    found = await world.directory.find(LookUp((), queries), BOB)
    assert found.json() == {
        "accounts": [],
        "conversations": [{"statements": ["statement"]}, None, {"statements": []}],
    }
    stranger = Caller(uid="mallory1", session="u" * 22, device=PHONE.kid)
    assert (await world.directory.find(LookUp((), queries), stranger)).conversations == (None, None, None)


async def test_addresses_reach_the_store_as_indexes_alone(world: World) -> None:
    seen: list[Any] = []
    find = world.store.find

    async def spy(accounts: Any, conversations: Any, **rest: Any) -> Any:
        seen.extend(accounts)
        return await find(accounts, conversations, **rest)

    world.store.find = spy  # type: ignore[method-assign]
    await world.find(AccountQuery("canary@example.org", None, -1))
    assert "canary" not in repr(seen)


async def test_a_closed_account_is_answered_as_none_to_strangers_alone(world: World) -> None:
    await world.publish(world.first(), world.key())
    world.store.addresses[INDEX_KEY.address(Address("alice@example.org"))] = "alice1"
    disclosure = Disclosure(store=world.store, clock=world.clock)
    ways = (AccountQuery("alice@example.org", None, -1), AccountQuery(None, "alice1", -1))
    for _ in range(2):
        await disclosure.change(Visibility(open=False), ALICE)
    assert await world.find(*ways) == [None, None]
    assert None not in await world.find(*ways, caller=ALICE)
    world.store.conversations[CONVERSATION] = (frozenset({"alice1", "bob1"}), ())
    assert None not in await world.find(*ways)
    del world.store.conversations[CONVERSATION]
    await disclosure.change(Visibility(open=True), ALICE)
    assert None not in await world.find(*ways)
    assert world.store.acts == [("alice1", "discovery-set")] * 2


def addresses(start: int, number: int) -> tuple[AccountQuery, ...]:
    return tuple(AccountQuery(f"a{n}@example.org", None, -1) for n in range(start, start + number))


async def test_two_hundred_strangers_are_looked_up_a_day_however_they_are_written(world: World) -> None:
    for start in range(0, 200, 50):
        await world.find(*addresses(start, 50))
    with pytest.raises(RateLimited) as refused:
        await world.find(*addresses(200, 1))
    assert refused.value.retry_after == DAY - int(world.clock.now) % DAY
    await world.find(*addresses(0, 50))
    await world.find(AccountQuery("A0@EXAMPLE.ORG", None, -1), AccountQuery(None, "nobody", -1))
    await world.find(*addresses(200, 1), caller=ALICE)
    world.clock.now += refused.value.retry_after
    await world.find(*addresses(0, 1))
    first, second = (counted for (uid, _), counted in world.store.counted.items() if uid == "bob1")
    assert len(first | second) == 201, "under another subject the next day"


async def test_no_two_accounts_count_an_address_under_the_same_subject(world: World) -> None:
    for caller in (ALICE, BOB):
        await world.find(*addresses(0, 1), caller=caller)
    first, second = world.store.counted.values()
    assert len(first | second) == 2


ONE = "Ask for an account by exactly one of address and uid."
RANGE = "known_seq must be a whole number from -1 to "


@pytest.mark.parametrize(
    ("address", "uid", "known_seq", "sentence"),
    [
        (None, None, -1, ONE),
        ("alice@example.org", "alice1", -1, ONE),
        ("alice", None, -1, "The email address must "),
        (None, "", -1, "The uid must "),
        (None, "alice-1", -1, "The uid must "),
        (None, "a" * 129, -1, "The uid must "),
        (None, "alice1\n", -1, "The uid must "),
        (None, "alice1", -2, RANGE),
        (None, "alice1", 2**53, RANGE),
        (None, "alice1", True, RANGE),
    ],
)
def test_a_query_names_one_account(
    address: str | None, uid: str | None, known_seq: int, sentence: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        AccountQuery(address, uid, known_seq)
    assert refused.value.detail.startswith(sentence)
    assert sentence != ONE or refused.value.detail == ONE


@pytest.mark.parametrize(
    ("conversation", "known_seq", "sentence"),
    [
        ("", -1, "The conversation id must "),
        ("a" * 42, -1, "The conversation id must "),
        ("a" * 43, -1, "The conversation id must "),
        (CONVERSATION + "\n", -1, "The conversation id must "),
        (CONVERSATION, -2, RANGE),
    ],
)
def test_a_query_names_one_conversation(conversation: str, known_seq: int, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ConversationQuery(conversation, known_seq)
    assert refused.value.detail.startswith(sentence)


def test_fifty_of_each_are_looked_up_at_once() -> None:
    accounts = (AccountQuery(None, "alice1", -1),) * 50
    conversations = (ConversationQuery(CONVERSATION, -1),) * 50
    LookUp(accounts, conversations)
    for more in ((accounts + accounts[:1], ()), ((), conversations + conversations[:1])):
        with pytest.raises(InvalidRequest, match="at most 50"):
            LookUp(*more)
