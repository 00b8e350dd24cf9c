from typing import Any

import pytest

from common.errors import InvalidRequest, NotFound
from common.sessions import Naming, Overview, Paging
from tests.refusals import cases
from tests.unit.sessions.world import LAPTOP, PHONE, World, caller_of

DAY = 86_400


@pytest.fixture
def overview(world: World) -> Overview:
    return Overview(store=world.store, clock=world.clock)


async def listed(overview: Overview, world: World, caller: Any) -> list[dict[str, Any]]:
    page: list[dict[str, Any]] = (await overview.page(Paging(None), caller)).json()["sessions"]
    return page


async def test_a_person_sees_their_sessions_newest_first(overview: Overview, world: World) -> None:
    phone = await world.begin()
    begun = int(world.clock.now)
    world.clock.now += 60.5
    laptop = await world.begin(LAPTOP)
    assert (await overview.page(Paging(None), caller_of(phone))).json() == {
        "sessions": [
            {
                "session_id": laptop.session,
                "device": LAPTOP.kid,
                "name": None,
                "created_at": begun + 60,
                "seen_at": begun + 60,
                "expires_at": begun + 60 + 45 * DAY,
                "current": False,
            },
            {
                "session_id": phone.session,
                "device": PHONE.kid,
                "name": None,
                "created_at": begun,
                "seen_at": begun,
                "expires_at": begun + 45 * DAY,
                "current": True,
            },
        ],
        "cursor": None,
    }


async def test_a_renewed_session_was_seen_then(overview: Overview, world: World) -> None:
    opened = await world.begin()
    world.clock.now += 3 * DAY
    await world.renew(world.renewal(opened.refresh_token))
    (session,) = await listed(overview, world, caller_of(opened))
    assert session["seen_at"] - session["created_at"] == 3 * DAY
    assert session["expires_at"] == int(world.clock.now) + 45 * DAY


async def test_what_has_ended_or_run_out_is_not_listed(overview: Overview, world: World) -> None:
    old = await world.begin()
    world.clock.now += 30 * DAY
    ended, own = await world.begin(LAPTOP), await world.begin()
    await world.admission.end(caller_of(own), ended.session)
    assert [s["session_id"] for s in await listed(overview, world, caller_of(own))] == [
        own.session,
        old.session,
    ]
    world.clock.now += 20 * DAY
    assert [s["session_id"] for s in await listed(overview, world, caller_of(own))] == [own.session]


async def test_a_hundred_come_at_a_time(overview: Overview, world: World) -> None:
    opened = [await world.begin() for _ in range(1)]
    for number in range(249):
        world.clock.now += number % 2  # some are begun in the same moment
        code = f"code-{number:020}"
        world.identities.codes[code] = "alice@example.org"
        opened.append(await world.open(world.new_session(code), f"192.0.{number}.0/24"))
    caller = caller_of(opened[0])
    seen: list[str] = []
    sizes: list[int] = []
    cursor = None
    while True:
        page = (await overview.page(Paging(cursor), caller)).json()
        seen += [session["session_id"] for session in page["sessions"]]
        sizes.append(len(page["sessions"]))
        cursor = page["cursor"]
        if cursor is None:
            break
    assert sizes == [100, 100, 50]
    assert sorted(seen) == sorted(one.session for one in opened)


async def test_a_full_last_page_has_no_cursor(overview: Overview, world: World) -> None:
    caller = caller_of(await world.begin())
    (one,) = world.store.listed.values()

    async def living(*_: Any, **asked: Any) -> list[Any]:
        assert asked["most"] == 101
        return [one] * 100

    world.store.living = living  # type: ignore[method-assign]
    page = await overview.page(Paging(None), caller)
    assert (len(page.sessions), page.cursor) == (100, None)


async def test_a_session_is_named_and_the_name_taken_away(overview: Overview, world: World) -> None:
    opened = await world.begin()
    caller = caller_of(opened)
    for name in ("Phone \N{SNOWMAN}", "Phone \N{SNOWMAN}", "x" * 64, "a", None):
        await overview.name(Naming(opened.session, name), caller)
        assert [session["name"] for session in await listed(overview, world, caller)] == [name]


async def test_a_session_that_is_not_ones_own_or_ended_is_not_named(overview: Overview, world: World) -> None:
    opened, other = await world.begin(), await world.begin(LAPTOP)
    await world.admission.end(caller_of(opened), other.session)
    for session in ("x" * 22, other.session):
        with pytest.raises(NotFound, match=r"^This account has no such session\.$"):
            await overview.name(Naming(session, "x"), caller_of(opened))
    stranger = type(caller_of(opened))(uid="bob1", session="s" * 22, device=LAPTOP.kid)
    with pytest.raises(NotFound):
        await overview.name(Naming(opened.session, "x"), stranger)
    assert await listed(overview, world, stranger) == []


REFUSED: dict[str, dict[str, str]] = {
    "A session's name has 1 to 64 characters.": {"empty": "", "65": "x" * 65},
    "A session's name has no control characters and stands in one line.": {
        "a line feed": "a\n",
        "nothing but a zero": "\0",
        "an escape": "\x1b[2J",
        "a delete": "\x7f",
        "a control of Latin-1": "\x85",
        "a line separator": "a\u2028b",
        "a paragraph separator": "\u2029",
    },
}


@pytest.mark.parametrize(("name", "sentence"), cases(REFUSED))
def test_a_name_stands_in_one_line(name: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Naming("x" * 22, name)
    assert refused.value.detail == sentence


@pytest.mark.parametrize("text", ["", "x", "x" * 21, "x" * 23, "x" * 21 + "=", "x" * 22 + "\n"])
def test_a_cursor_and_an_id_have_their_form(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^The cursor must match"):
        Paging(text)
    with pytest.raises(InvalidRequest, match=r"^The session id must match"):
        Naming(text, "x")
