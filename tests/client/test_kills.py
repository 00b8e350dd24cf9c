"""A kill at any point of a write: the profile opens, nothing acknowledged is lost, and what was begun can be finished."""

import copy
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from sealpost.account import Account
from sealpost.errors import Locked
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.receiving import Message
from sealpost.state import StoredMessage
from tests.client import acts, raw
from tests.client.fakes import CODE, PASSPHRASE, URL, World, claims, texts
from tests.client.kills import Act, Actor, Ended, Killing

DAY = 86400
_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is new
Check = Callable[[World, Ended], None]
AtEachPoint = Callable[..., None]


@pytest.fixture(scope="session")
def spare() -> PrivateKey:
    return PrivateKey.generate(Use.ENCRYPTION)


@pytest.fixture(scope="session")
def killing() -> Iterator[Killing]:
    process = Killing()
    yield process
    process.close()


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is a folder for that: a kill undoes no write, so there is no use in waiting for a disk."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture(
    params=[
        pytest.param(3, id="at every third point"),
        pytest.param(1, id="at every point", marks=pytest.mark.long),
    ]
)
def at_each_point(
    *,
    request: pytest.FixtureRequest,
    killing: Killing,
    world: World,
    homes: Path,
    temporary: Path,
    key_pool: list[dict[str, str]],
    spare: PrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> AtEachPoint:
    """Runs an act on copies of the world as it is then, killed at one point after the other, and each time a check.

    Which third of the points is tried is the order's seed's to say.

    The keys of the killed process and those made after it differ: one that was lost is missed.
    """

    def run(act: Act, check: Check, *, before: Callable[[World], None] = lambda _world: None) -> None:
        made = {Use.ENCRYPTION: spare, Use.SIGNING: PrivateKey.parse(key_pool[0])}
        monkeypatch.setattr(PrivateKey, "generate", made.__getitem__)
        for point in count(random.randrange(request.param), request.param):  # noqa: S311 - a sample, no secret
            home = homes / f"{point}"
            shutil.copytree(world.home, home) if world.home.exists() else home.mkdir()
            scene = World(home, service=copy.deepcopy(world.service), wall=copy.copy(world.wall))
            before(scene)
            actor = Actor(
                home,
                "ada",
                scene.wall.ahead,
                scene.service.accounts,
                scene.service.documents,
                key_pool[4:6],
                temporary,
            )
            ended = killing.run(act, actor, point=point, service=scene.service)
            check(scene, ended)
            shutil.rmtree(home)
            if not ended.killed:
                assert ended.told
                assert point > 10
                return

    return run


def open_account(world: World, name: str = "ada") -> Account:
    account = world.reopened(name)
    database = account._state._database
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    assert database.execute("select * from meta where name = 'destroyed'").fetchone() is None
    return account


def files(world: World) -> list[str]:
    return sorted(path.name for path in (world.home / "ada").iterdir())


def current(world: World) -> str:
    """The encryption key that the service hands out for Ada."""
    return str(claims(world.service.accounts["ada@example.org"]["key"])["keys"][0]["kid"])


def test_the_first_set_up(at_each_point: AtEachPoint) -> None:
    def check(world: World, ended: Ended) -> None:
        if world.folder("ada").state.exists():
            open_account(world).close()
        else:
            assert not ended.told
        with world.person("ada") as ada:
            assert ada.whoami().signed_in
        assert files(world) == ["state.lock", "state.sqlite"]

    at_each_point(acts.sign_up, check)


def test_the_first_sign_in(world: World, at_each_point: AtEachPoint) -> None:
    sign_up(world)

    def check(world: World, ended: Ended) -> None:
        with open_account(world) as ada:
            if not ended.told:
                ada.sign_in(CODE)
            device = ada.whoami().device
            assert device is not None
            assert device.state == "active"
            assert current(world) in ada._device.receiving_keys()

    at_each_point(acts.sign_in, check)


@pytest.mark.usefixtures("ada")
def test_a_session_renewed(world: World, at_each_point: AtEachPoint) -> None:
    world.wall.ahead = 900

    def check(world: World, ended: Ended) -> None:
        with open_account(world) as ada:
            ada._session.call("find_keys", {"accounts": [], "conversations": []})
        refreshes = world.service.called("refresh_session")
        assert all(refresh == refreshes[0] for refresh in refreshes)
        assert len(refreshes) == 1 or not ended.told

    at_each_point(acts.renew_the_session, check)


@pytest.mark.usefixtures("ada")
def test_a_session_ended(at_each_point: AtEachPoint) -> None:
    def check(world: World, ended: Ended) -> None:
        with open_account(world) as ada:
            if ada.whoami().signed_in:
                assert not ended.told
                ada.sign_out()
            assert not ada.whoami().signed_in

    at_each_point(acts.sign_out, check)


@pytest.mark.usefixtures("ada", "bob")
def test_a_message_sent(at_each_point: AtEachPoint) -> None:
    def check(world: World, ended: Ended) -> None:
        stored = [document.mid for document in world.service.documents]
        assert ended.told in ([], stored)
        with open_account(world) as ada:
            resumed = [receipt.message_id for receipt in ada.resume()]
            assert set(stored) <= {item.id for item in ada.history()}
            ada.send("bob@example.org", "again")
            assert ada.waiting() == 0
        with open_account(world, "bob") as bob:
            messages = [item for item in bob.inbox() if isinstance(item, Message)]
        assert [item.text for item in messages] == ["hello", "again"][not (stored or resumed) :]
        assert [item.notices for item in messages] == [()] * len(messages)

    at_each_point(acts.send, check)


@pytest.mark.usefixtures("talking")
def test_a_message_read(bob: Account, at_each_point: AtEachPoint) -> None:
    mid = bob.send("ada@example.org", "hello").message_id

    def check(world: World, ended: Ended) -> None:
        with open_account(world) as ada:
            new = [item.id for item in ada.inbox()]
            assert new == [mid] or (new == [] and ended.told == [mid])
            assert [item.text for item in ada.history() if isinstance(item, Message)] == ["first", "hello"]

    at_each_point(acts.read, check)


@pytest.mark.usefixtures("talking")
def test_a_person_verified(at_each_point: AtEachPoint) -> None:
    def check(world: World, ended: Ended) -> None:
        with open_account(world) as ada:
            assert ada.safety_number("bob@example.org").verified or not ended.told
            assert ada.mark_verified("bob@example.org").verified
            assert ada.send("bob@example.org", "hello").verified

    at_each_point(acts.verify, check)


@pytest.mark.usefixtures("talking")
def test_a_key_renewed(world: World, ada: Account, bob: Account, at_each_point: AtEachPoint) -> None:
    (old,) = ada._device.receiving_keys()
    bob.send("ada@example.org", "to the old key")
    world.wall.ahead = 8 * DAY

    def check(world: World, ended: Ended) -> None:
        if ended.told:
            assert current(world) != old
        with open_account(world) as again, open_account(world, "bob") as sender:
            assert {old, current(world)} <= again._device.receiving_keys().keys()
            sender.send("ada@example.org", "to the key of now")
            assert texts(again) == ["to the old key", "to the key of now"]
            assert current(world) != old

    at_each_point(acts.publish, check)


def test_a_key_retired(world: World, ada: Account, at_each_point: AtEachPoint) -> None:
    (old,) = ada._device.receiving_keys()
    world.wall.ahead = 8 * DAY
    ada.inbox()
    sealed = raw.row(ada._state, "documents", old)
    world.wall.ahead = 10 * DAY

    def check(world: World, ended: Ended) -> None:
        with open_account(world) as again:
            if again._device.destroyed_kids():
                assert not raw.shows_piece(raw.read(world.home), sealed)
            else:
                assert not ended.told
            again.inbox()
            assert again._device.destroyed_kids() == {old}
            assert list(again._device.receiving_keys()) == [current(world)]
        assert not raw.shows_piece(raw.read(world.home), sealed)

    at_each_point(acts.catch_up, check)


def test_history_expired(world: World, ada: Account, at_each_point: AtEachPoint) -> None:
    content = {"kind": "received", "uid": "u", "address": "a@example.org", "text": "x" * 2000, "inner": "i"}
    expires = int(world.wall.time() + DAY) * 1000
    for mid in ("m1", "m2"):
        ada._state.put_message(StoredMessage("c", mid, 1, new=True, content=content | {"expires": expires}))
    sealed = [raw.row(ada._state, "messages", mid) for mid in ("m1", "m2")]
    world.wall.ahead = 2 * DAY

    def check(world: World, ended: Ended) -> None:
        with open_account(world) as again:
            kinds = {stored.content["kind"] for stored in again._state.messages()}
            assert kinds == {"expired"} or (len(kinds) == 1 and not ended.told)
            assert list(again.history()) == []
        assert not any(raw.shows_piece(raw.read(world.home), value) for value in sealed)

    at_each_point(acts.show_history, check)


@pytest.mark.usefixtures("ada")
def test_a_profile_unlocked(at_each_point: AtEachPoint) -> None:
    def check(world: World, ended: Ended) -> None:
        if ended.told:
            Account.open(world.folder("ada"), passphrase=must_not_ask).close()
        with open_account(world) as ada:
            ada.unlock(minutes=5)
        Account.open(world.folder("ada"), passphrase=must_not_ask).close()
        world.folder("ada").state.lock()
        assert is_locked(world)

    at_each_point(acts.unlock, check)


@pytest.mark.usefixtures("ada")
def test_a_profile_locked(at_each_point: AtEachPoint) -> None:
    def before(world: World) -> None:
        with world.reopened("ada") as ada:
            ada.unlock(minutes=5)

    def check(world: World, ended: Ended) -> None:
        assert is_locked(world) or not ended.told
        open_account(world).close()
        world.folder("ada").state.lock()
        assert is_locked(world)
        assert not world.folder("ada").key_file.exists()

    at_each_point(acts.lock, check, before=before)


def is_locked(world: World) -> bool:
    try:
        Account.open(world.folder("ada"), passphrase=lambda: "wrong").close()
    except Locked:
        return True
    return False


def must_not_ask() -> str:
    raise AssertionError("the passphrase was asked for")


def sign_up(world: World) -> None:
    Account.sign_up(
        "ada@example.org",
        service=URL,
        folder=world.folder("ada"),
        new_passphrase=lambda: PASSPHRASE,
        passphrase=lambda: PASSPHRASE,
        surroundings=world.around("ada"),
    ).close()
