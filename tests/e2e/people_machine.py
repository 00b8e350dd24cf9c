"""People with several devices, acting in any order: each act on the real suite, then on the model, which says how it must end."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.e2e.people_devices import Real
from tests.e2e.people_model import TRIES, Model
from tests.e2e.people_state import Device, root

PEOPLE = {"ada": 3, "bob": 2, "cyd": 2}
"""How many devices each has at most, those that were removed not counted."""
POSTS = {"send": "send_message", "revoke": "publish_key", "reset": "publish_key", "approve": "grant_link"}
"""What an act calls last: just before it others may act."""
WEIGHTS = {
    "send": 8,
    "read": 8,
    "link": 3,
    "sign_in": 3,
    "ask": 3,
    "approve": 4,
    "revoke": 2,
    "reset": 4,
    "verify": 5,
    "accept": 3,
    "look": 2,
    "veto": 3,
    "let_wish_be_due": 3,
    "guess": 1,
    "miss": 1,
    "dawdle": 1,
    "forget_request": 1,
    "lose_key": 1,
    "renew_key": 2,
    "read_later": 1,
}
"""How often each act happens where it can."""
_SLOW = 1.1
"""Seconds that a removal is on its way when the device that it removes sends: their times are compared by whole ones."""
_LIKELY, _CROSSED = 0.85, 0.4
"""How likely an act happens at all in one example, and how likely others act in between."""
BETWEEN = ("send", "revoke", "reset", "approve", "renew_key", "veto")
"""What they may do then."""
Words = tuple[str, ...]


@dataclass(slots=True)
class Play:
    real: Real
    model: Model
    met: Counter[str]
    say: Callable[[str], None] = print
    is_over: bool = False
    """What happened is not what had to."""

    def do(self, *words: str, crossing: Words = ()) -> None:
        """One act, while another one goes on in between if `crossing` says which."""
        act, name = words[0], words[1]
        said = " ".join(words) + (f", while {' '.join(crossing)}" if crossing else "")
        self.say(said)
        inner: list[Any] = []
        if crossing:
            line = self.real.phones[name].line
            line.before[POSTS[act]] = lambda: inner.append(self._meanwhile(words, crossing))
            got = self._really(words)
            line.before.clear()
        else:
            got = self._really(words)
        expected: list[Any] = []
        between = (lambda: expected.append(self._expected(crossing))) if crossing else (lambda: None)
        answer = self._expected(words, between)
        self.is_over = True
        assert (got, inner) == (answer, expected), f"{said}: {got} {inner}, and not {answer} {expected}"
        facts = self.real.facts
        facts.renewed.clear()
        facts.seen.clear()
        assert not facts.sent, f"{said}: the service stored a message too many"
        assert not facts.signed, f"{said}: the service took a statement too many"
        self.is_over = False
        self._count(act, got)
        if inner:
            self._count(crossing[0], inner[0])
            self.met[f"{act} while: {crossing[0]}"] += 1

    def end(self) -> None:
        """Everybody switches on and reads; then what was kept, and what the service stores, is compared."""
        for device in list(self.model.devices.values()):
            if device.is_linked and device.session == "open":
                if not device.has_key:
                    self.do("renew_key", device.name)
                self.do("read", device.name)
            kept, expected = (
                self.real.kept(device.name),
                [self.model.messages[n].text for n in sorted(device.kept)],
            )
            assert kept == expected, f"{device.name} keeps {kept}, and not {expected}"
        for person, chain in self.model.chains.items():
            assert self.real.chain(person) == [(s.act, s.device, s.by) for s in chain], f"{person}'s chain"

    def _really(self, words: Words) -> Any:
        return getattr(self.real, words[0])(*words[1:])

    def _meanwhile(self, words: Words, crossing: Words) -> Any:
        if (words[0], crossing[:2]) == ("revoke", ("send", words[2])):
            time.sleep(_SLOW)
        return self._really(crossing)

    def _expected(self, words: Words, between: Callable[[], None] = lambda: None) -> Any:
        act = {"read_later": "read"}.get(words[0], words[0])
        extra = (between,) if act in POSTS else ()
        return getattr(self.model, act)(*words[1:], *extra)

    def _count(self, act: str, got: Any) -> None:
        self.met[act] += 1
        if isinstance(got, str):
            self.met[f"{act}: {got.partition(' of ')[0]}"] += 1
            return
        for item in got:
            self.met[f"read: {item[0]} {item[2]}" if item[0] in ("change", "refused") else "read: text"] += 1
            for notice in item[4] if isinstance(item[-1], tuple) else ():
                self.met[f"notice: {notice}"] += 1


class Options:
    """What may be done next."""

    def __init__(self, model: Model) -> None:
        self._devices = list(model.devices.values())
        self._model = model

    def of(self, act: str) -> Sequence[Words]:
        found: Sequence[Words] = getattr(self, f"_{act}")()
        return [(act, *words) for words in found]

    def between(self, words: Words) -> Sequence[Words]:
        """What another device of the people concerned may do while this act goes on."""
        if words[0] not in POSTS:
            return []
        concerned = {self._model.devices[words[1]].person, words[2]}
        return [
            inner
            for act in BETWEEN
            for inner in self.of(act)
            if inner[1] != words[1] and self._model.devices[inner[1]].person in concerned
            # whether a person's devices were seen of late is one fact, and the outer reset has stated it
            if not words[0] == inner[0] == "reset" or words[2] == inner[2]
        ]

    def _sign_in(self) -> Sequence[Words]:
        return [(self.next_name(person), person) for person in PEOPLE if self._has_room(person)] + [
            (one.name, one.person) for one in self._devices if one.session != "open" and not one.knows_removal
        ]

    def _dawdle(self) -> Sequence[Words]:
        return [(one.name,) for one in self._devices if one.state == "pending" and not one.is_stale]

    def _ask(self) -> Sequence[Words]:
        return [(one.name,) for one in self._devices if not one.is_linked]

    def _forget_request(self) -> Sequence[Words]:
        lost = {one.person for one in self._devices if one.is_granted}
        return [(person,) for person in self._model.requests if person not in lost]

    def _approve(self) -> Sequence[Words]:
        secrets = ("right", "right", "right", "carelessly", "wrong", "mistyped")
        waiting = {person: one.device for person, one in self._model.requests.items()}
        pending = {one.person: one.name for one in self._devices if not one.is_linked}
        return [
            (one.name, new, secret)
            for one in self._acting()
            if (new := waiting.get(one.person) or pending.get(one.person))
            for secret in (secrets if one.person in waiting else ("right",))
        ]

    def _guess(self) -> Sequence[Words]:
        """Somebody tries secrets."""
        return [words[:2] for words in self._approve() if words[2] == "wrong"]

    def _miss(self) -> Sequence[Words]:
        """A device is off for so long that it misses a message of two."""
        return [
            (one.name, other.name)
            for one in self._acting()
            for other in self._acting()
            if one.is_first and one.session == other.session == "open" and one.person != other.person
        ]

    def _revoke(self) -> Sequence[Words]:
        others = [
            (one.name, other.name)
            for one in self._acting()
            for other in self._devices
            if other.person == one.person and other is not one and other.state == "active"
        ]
        gone = [(words[0], one.name) for words in others for one in self._devices if one.state == "removed"]
        same = [
            words
            for words in gone
            if self._model.devices[words[0]].person == self._model.devices[words[1]].person
        ]
        return others * 3 + [(one.name, one.name) for one in self._acting()] + same[:1]

    def _reset(self) -> Sequence[Words]:
        return [
            (one.name, others) for one in self._devices if not one.is_linked for others in ("seen", "unseen")
        ]

    def _let_wish_be_due(self) -> Sequence[Words]:
        return [(person,) for person, (_, is_due) in self._model.wishes.items() if not is_due]

    def _veto(self) -> Sequence[Words]:
        return [(one.name,) for one in self._acting() if one.person in self._model.wishes]

    def _look(self) -> Sequence[Words]:
        return [(one.name,) for one in self._acting()]

    def _verify(self) -> list[Words]:
        return [(one.name, person) for one in self._acting() for person in PEOPLE if person != one.person]

    def _accept(self) -> Sequence[Words]:
        one = {(one.name, person) for one in self._acting() for person in one.marks if one.session == "open"}
        return sorted(one, key=lambda words: words not in self._reset_since())[
            : max(1, len(self._reset_since()))
        ]

    def _reset_since(self) -> list[Words]:
        """Who vouched for a root that is the newest no more."""
        model = self._model
        return [
            (one.name, person)
            for one in self._acting()
            for person, mark in one.marks.items()
            if mark != root(model.chains[person])
        ]

    def _send(self) -> list[Words]:
        said = f"text {len(self._model.messages)}"
        unable = [one for one in self._devices if not one.is_linked or one.knows_removal]
        usual: list[Words] = [(*words, said) for words in self._verify()]
        return (
            list(usual)
            + [(*words, said) for words in self._reset_since()] * (1 + len(usual) // 4)
            + [(one.name, "ada" if one.person != "ada" else "bob", said) for one in unable[:1]]
        )

    def _lose_key(self) -> Sequence[Words]:
        return [(one.name,) for one in self._acting() if one.session == "open"]

    def _renew_key(self) -> Sequence[Words]:
        off = [(one.name,) for one in self._devices if not one.has_key and not one.knows_removal]
        return off or [(one.name,) for one in self._acting()]

    def _read(self) -> Sequence[Words]:
        return [*self._look(), *[(one.name,) for one in self._devices if one.knows_removal][:1]]

    def _read_later(self) -> Sequence[Words]:
        return self._look()

    def _acting(self) -> list[Device]:
        """Linked devices that are not off. One that was removed may not know it."""
        return [one for one in self._devices if one.is_linked and one.has_key and not one.knows_removal]

    def _link(self) -> Sequence[Words]:
        """All of it, one after the other."""
        done = {person for (person,) in self._forget_request()} | (
            PEOPLE.keys() - self._model.requests.keys()
        )
        return [
            (one.name, one.person)
            for one in self._acting()
            if self._has_room(one.person) and one.person in done
        ]

    def _has_room(self, person: str) -> bool:
        return sum(one.person == person and one.state != "removed" for one in self._devices) < PEOPLE[person]

    def next_name(self, person: str) -> str:
        return f"{person}{1 + sum(one.person == person for one in self._devices)}"


class Machine(RuleBasedStateMachine):
    """Hypothesis gives the seed of what happens, and no more: its own choice prefers what is near to the first."""

    new_play: ClassVar[Callable[[], Play]]

    def __init__(self) -> None:
        super().__init__()
        self.play = type(self).new_play()
        self.play.say = note

    @initialize(random=st.randoms(use_true_random=True))
    def begin(self, random: Random) -> None:
        self.random = random
        self.acts = [act for act in WEIGHTS if random.random() < _LIKELY]
        for person, most in PEOPLE.items():
            self.play.do("begin", f"{person}1", person)
            for _ in range(random.randrange(most)):
                self._link(f"{person}1", person)

    @rule()
    def act(self) -> None:
        options = Options(self.play.model)
        possible = {act: found for act in self.acts if (found := options.of(act))}
        if possible:
            (act,) = self.random.choices(list(possible), [WEIGHTS[act] for act in possible])
            self._do(self.random.choice(possible[act]), options)

    def _do(self, words: Words, options: Options) -> None:
        if words[0] in ("link", "miss", "guess"):
            getattr(self, f"_{words[0]}")(*words[1:])
            return
        meanwhile = options.between(words)
        if meanwhile and self.random.random() < _CROSSED:
            act = self.random.choice(sorted({inner[0] for inner in meanwhile}))
            self.play.do(*words, crossing=self.random.choice([one for one in meanwhile if one[0] == act]))
        else:
            self.play.do(*words)

    def _link(self, name: str, person: str) -> None:
        new = Options(self.play.model).next_name(person)
        if person in self.play.model.requests:
            self.play.do("forget_request", person)
        self.play.do("sign_in", new, person)
        self.play.do("ask", new)
        self.play.do("approve", name, new, "right")
        self.play.do("ask", new)

    def _miss(self, name: str, other: str) -> None:
        person = self.play.model.devices[name].person
        self.play.do("send", other, person, f"before {name} is off")
        self.play.do("read", name)
        self.play.do("lose_key", name)
        self.play.do("send", other, person, f"while {name} is off")
        self.play.do("renew_key", name)
        self.play.do("send", other, person, f"when {name} is back")
        self.play.do("read", name)

    def _guess(self, name: str, new: str) -> None:
        for _ in range(TRIES):
            self.play.do("approve", name, new, "wrong")
        self.play.do("approve", name, new, "right")

    def teardown(self) -> None:
        try:
            if not self.play.is_over:
                self.play.end()
        finally:
            self.play.real.close()
