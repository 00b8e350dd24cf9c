"""Forward secrecy, as a thief meets it: a copy of the files and the passphrase open nothing that was recorded long before."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.local.people import Person
from scripts.local.stack import Backing, Suite
from sealpost.account import Surroundings
from sealpost.folders import ProfileFolder
from sealpost.items import Message
from sealpost.protocol import encoding
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.state import Kind
from tests.conftest import enter_as
from tests.e2e.device import Service
from tests.e2e.loot import Loot, loot
from tests.e2e.victims import CHEAP, DAY, AheadWall


@dataclass
class Victim:
    person: Person
    wall: AheadWall
    home: Path

    @property
    def address(self) -> str:
        return self.person.address

    def reads(self) -> list[str]:
        items = self.person.do(lambda account: account.inbox())
        return [item.text for item in items if isinstance(item, Message)]

    def rotates(self, other: "Victim") -> str:
        """A week later: a new key is published with a message; a day later again the old one is destroyed."""
        self.wall.ahead = 8 * DAY
        self.person.do(lambda account: account.safety_number(other.address))
        cid = self.person.send(other.address, "with a new key").conversation_id
        self.wall.ahead = 2 * DAY
        self.reads()
        return cid

    def robbed(self, to: Path) -> Loot:
        """Everything is copied, while the profile is unlocked."""
        self.person.do(lambda account: account.unlock(minutes=5))
        folder = ProfileFolder(self.home, self.person.name)
        copy = to / self.person.name
        shutil.copytree(folder.state.path.parent, copy)
        shutil.copy(folder.key_file, copy / "unlocked")
        return loot(copy, passphrase=self.person._passphrase)


@pytest.fixture
def victims(suite: Suite, backing: Backing, tmp_path: Path) -> Iterator[list[Victim]]:
    """With keys of primes of their own: of keys that share primes, two that are left give away a third."""
    made = []
    for name in ("alice", "bob"):
        wall = AheadWall()
        around = Surroundings(wall=wall, cost=CHEAP)
        made.append(Victim(enter_as(name, suite, backing, tmp_path, around), wall, tmp_path))
    yield made
    for victim in made:
        victim.person.close()


def test_what_was_recorded_before_opens_with_nothing_that_is_left(
    victims: list[Victim], suite: Suite, backing: Backing, tmp_path: Path
) -> None:
    alice, bob = victims
    service = Service.of(suite, backing)
    cid = alice.person.send(bob.address, "one").conversation_id
    bob.person.send(alice.address, "two")
    assert (alice.reads(), bob.reads()) == (["two"], ["one"])
    recorded = {envelope for _, envelope in service.messages(cid).values()}
    loot_before = [victim.robbed(tmp_path / "before") for victim in victims]

    for victim, other in ((alice, bob), (bob, alice)):
        victim.rotates(other)
    newer = {envelope for _, envelope in service.messages(cid).values()} - recorded
    alice.person.send(bob.address, "newest")
    newest = {envelope for _, envelope in service.messages(cid).values()} - recorded - newer
    loot_after = [victim.robbed(tmp_path / "after") for victim in victims]

    assert [len(recorded), len(newer), len(newest)] == [2, 2, 1]
    for found in loot_before:
        assert [found.opens(envelope) for envelope in recorded].count(True) == 1
    assert [found.opens(envelope) for found in loot_after for envelope in recorded] == [False] * 4
    assert [found.opens(envelope) for found in loot_after for envelope in newest] == [False, True]


def test_a_key_in_free_pages_would_be_found(tmp_path: Path) -> None:
    keys = [PrivateKey.generate(Use.ENCRYPTION).to_json() for _ in range(2)]
    folder = ProfileFolder(tmp_path, "careless")
    state = folder.state.create("open sesame", cost=CHEAP)
    state._database.execute("pragma secure_delete = off")
    for key in keys:
        state.put(Kind.ENCRYPTION_KEY, {"jwk": key}, key["kid"])
    for key in keys[1:]:
        state.delete(Kind.ENCRYPTION_KEY, key["kid"])
    state.close()

    found = loot(folder.state.path.parent, passphrase="open sesame").private

    moduli = {int.from_bytes(encoding.b64decode(key["n"])) for key in keys}
    assert {key.public_key().public_numbers().n for key in found} == moduli
