"""What docs/protocol.md promises a few people with several devices. Shares no code with the client or the service.

An act is played here after it was played on the real suite, and its answer here is how it has to have ended there:
"ok", a code, or what a device shows. `Facts` are what the suite alone knows. Devices and people go by their names.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.e2e.people_state import Device, Facts, Message, Request, Statement, active, end, removal, root

OK = "ok"
TRIES = 5
Between = Callable[[], None]
"""What others do after this act has looked, and before it is done."""
Shown = tuple[object, ...]


@dataclass(slots=True)
class Model:
    facts: Facts
    devices: dict[str, Device] = field(default_factory=dict)
    chains: dict[str, list[Statement]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    requests: dict[str, Request] = field(default_factory=dict)
    wishes: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Who wants to reset a person's account, and whether it is due."""

    def begin(self, name: str, person: str) -> str:
        self.chains[person] = []
        self.devices[name] = device = Device(name, person, is_first=True)
        self._join(device, "added", name)
        device.is_linked, device.pinned[person] = True, 1
        return OK

    def sign_in(self, name: str, person: str) -> str:
        device = self.devices.setdefault(name, Device(name, person))
        device.is_stale = False
        if device.state == "removed":
            device.session, device.knows_removal = "closed", True
            return "device-not-active"
        device.session = "open"
        self._stand(device)
        return OK

    def dawdle(self, name: str) -> str:
        """Five minutes pass after it has signed in."""
        self.devices[name].is_stale = True
        return OK

    def ask(self, name: str) -> str:
        """To be linked; and to see whether it was."""
        device = self.devices[name]
        if stop := self._stop(device, linking=True):
            return stop
        request = self.requests.get(device.person)
        if device.is_granted:
            device.is_linked, device.has_asked, device.is_granted = True, False, False
            device.pinned[device.person] = len(self.chains[device.person])
            return "linked"
        if device.has_asked and request is not None and request.device == name:
            return "asked"
        device.has_asked = True
        if request is not None and request.device != name:
            return "link-pending"
        self.requests[device.person] = Request(name)
        return "asked"

    def forget_request(self, person: str) -> str:
        """Ten minutes pass."""
        self.requests.pop(person, None)
        return OK

    def approve(self, name: str, new: str, secret: str, between: Between) -> str:  # noqa: PLR0911 - so many ends
        device = self.devices[name]
        if secret == "mistyped":
            return "mistyped"
        if stop := self._stop(device):
            return stop
        self._learn(device, device.person)
        request = self.requests.get(device.person)
        if request is None:  # it was granted by an earlier approval, perhaps, whose answer was lost
            self._tell_all(device)
            return "not-found"
        if request.tries[name] >= TRIES:
            return "wrong-secret"
        if secret == "wrong" or request.device != new:
            request.tries[name] += 1
            return "wrong-secret"
        between()
        if stop := self._stop(device):
            return stop
        self._learn(device, device.person)
        if self.requests.get(device.person) is not request:
            return "usage"
        del self.requests[device.person]
        self.devices[new].is_granted = True
        if self.wishes.get(device.person, ("",))[0] == new:
            del self.wishes[device.person]
        self._join(self.devices[new], "added", name)
        device.pinned[device.person] += 1
        self._tell_all(device)
        return OK

    def revoke(self, name: str, other: str, between: Between) -> str:
        device, removed = self.devices[name], self.devices[other]
        if stop := self._stop(device):
            return stop
        self._learn(device, device.person)
        if removed.state != "active":
            return "usage"
        between()
        if stop := self._stop(device):
            return stop
        self._learn(device, device.person)
        if removed.state != "active":
            return "usage"
        end(removed)
        self._append(device.person, "removed", other, name)
        device.pinned[device.person] += 1
        if name == other:
            device.session, device.knows_removal = "closed", True
        return OK

    def reset(self, name: str, others: str, between: Between) -> str:
        """`others` are "seen", or "unseen" for a week."""
        device = self.devices[name]
        if stop := self._stop(device, linking=True) or self._missed(device):
            return stop
        between()
        if stop := self._stop(device, linking=True) or self._missed(device) or self._hold(device, others):
            return stop
        for other in self.devices.values():
            if other.person == device.person and other is not device:
                other.is_granted = False
                end(other)
        self.requests.pop(device.person, None)
        self.wishes.pop(device.person, None)
        self._join(device, "reset", name)
        device.is_linked, device.pinned[device.person] = True, len(self.chains[device.person])
        return OK

    @staticmethod
    def _missed(device: Device) -> str:
        """It is linked, and has not seen it yet."""
        return "usage" if device.state == "active" else ""

    def _hold(self, device: Device, others: str) -> str:
        """Why the service takes no reset now."""
        wisher, is_due = self.wishes.get(device.person, ("", False))
        if wisher == device.name:
            return "" if is_due else "reset-delayed"
        if device.is_stale:
            return "forbidden"
        devices = {one.name for one in self._active(device.person)}
        if not wisher and (devices if others == "seen" else devices & self.facts.seen):
            self.wishes[device.person] = device.name, False
            return "reset-delayed"
        return "reset-delayed" if wisher else ""

    def let_wish_be_due(self, person: str) -> str:
        """A day passes."""
        self.wishes[person] = self.wishes[person][0], True
        return OK

    def veto(self, name: str) -> str:
        device = self.devices[name]
        if stop := self._stop(device):
            return stop
        self._learn(device, device.person)
        self.wishes.pop(device.person, None)
        return OK

    def look(self, name: str) -> str:
        """Whether a reset waits, as far as the device is told of it."""
        device = self.devices[name]
        if stop := self._stop(device):
            return stop
        return f"wish of {self.wishes[device.person][0]}" if device.person in self.wishes else OK

    def verify(self, name: str, other: str) -> str:
        device = self.devices[name]
        if stop := self._stop(device):
            return stop
        self._learn(device, other)
        device.marks[other] = root(self._known(device, other))
        device.renewed.discard(other)
        device.untold.add(other)
        self._tell(device)
        return OK

    def accept(self, name: str, other: str) -> str:
        device = self.devices[name]
        if not self._is_unaccepted(device, other):
            return "usage"
        del device.marks[other]
        device.renewed.discard(other)
        device.untold.add(other)
        self._tell(device)
        return OK

    def send(self, name: str, other: str, text: str, between: Between) -> str:
        device = self.devices[name]
        if stop := self._stop(device):
            return stop
        people = {device.person, other}
        heads, roots, readers = {}, {person: root(self.chains[person]) for person in people}, set[str]()
        for attempt in range(2):
            for person in people:
                self._learn(device, person)
            if attempt == 0 and self._is_unaccepted(device, other):
                return "key-change"
            if roots != {person: root(self.chains[person]) for person in people}:
                return "key-change"
            if not self._with_keys(other):
                return "no-active-device"
            heads = {person: device.pinned[person] for person in people}
            readers = self._with_keys(*people) - {name}
            if attempt == 0:
                between()
            if stop := self._stop(device):
                return stop
            if readers == self._with_keys(*people) - {name}:
                break
        device.sent[other] += 1
        device.kept.add(len(self.messages))
        self._store(Message(name, text, device.sent[other], 0, heads, readers))
        verified, renewed = self._is_verified(device, other), other in device.renewed
        device.renewed.discard(other)
        self._tell(device)
        return f"sent{' to the verified' * verified}{' to the renewed' * renewed}"

    def lose_key(self, name: str) -> str:
        """It is off for longer than its key lives, and all who know its person have seen that key."""
        device = self.devices[name]
        if stop := self._stop(device):
            return stop
        for other in self.devices.values():
            if other is not device and device.person in other.pinned and not self._stop(other):
                self._learn(other, device.person)
        device.has_key = False
        return OK

    def renew_key(self, name: str) -> str:
        device = self.devices[name]
        if stop := self._stop(device):
            return stop
        device.has_key = True
        return OK

    def read(self, name: str) -> str | list[Shown]:
        """Everything that has come, and each change once."""
        device = self.devices[name]
        if stop := self._stop(device):
            return stop
        self._stand(device)
        for number, message in enumerate(self.messages):
            if device.person in message.heads and message.sender != name and number not in device.judged:
                self._open(device, number, message)
        self._tell(device)
        shown: list[Shown] = []
        for message, verdict in device.inbox:
            if isinstance(verdict, str):
                shown.append(("refused", self.devices[message.sender].person, verdict))
            else:
                peer = self._peer(device, message)
                is_own = self.devices[message.sender].person == device.person
                shown.append((message.text, peer, is_own, self._is_verified(device, peer), verdict))
        news = [("change", person, s.act, s.device, s.by) for person, s in device.news]
        device.inbox.clear()
        device.news.clear()
        return shown + sorted(news)

    def _open(self, device: Device, number: int, message: Message) -> None:
        sender = self.devices[message.sender]
        if device.name not in message.readers:
            if device.is_first:  # what was sent before its time is no news to one that came later
                self._judge(device, number, message, "not-for-me")
            return
        if message.heads[sender.person] > device.pinned.get(sender.person, 0):
            self._learn(device, sender.person)
        ended = removal(self._known(device, sender.person), sender.name)
        if ended is not None and message.sent_at // 1000 > ended.at:
            self._judge(device, number, message, "revoked-device")
            return
        for person, head in message.heads.items():
            if head > device.pinned.get(person, 0) or device.person == sender.person != person:
                self._learn(device, person)
        conversation = ",".join(sorted(message.heads))
        highest = device.highest.get((conversation, sender.name), 0 if device.is_first else None)
        is_gap = highest is not None and message.n > highest + 1
        device.highest[conversation, sender.name] = max(message.n, highest or 0)
        if message.pins is None:
            notices = ("removed-device",) * (ended is not None) + ("gap",) * is_gap
            self._judge(device, number, message, notices)
            device.kept.add(number)
            return
        device.judged.add(number)
        for person, head, mark in message.pins if ended is None else ():
            known = device.told.get(person, (0, None))
            device.told[person] = max(known[0], head), mark if mark is not None else known[1]
            if device.pinned.get(person, 0) >= device.told[person][0]:
                self._meet(device, person)

    @staticmethod
    def _judge(device: Device, number: int, message: Message, verdict: str | tuple[str, ...]) -> None:
        device.judged.add(number)
        device.inbox.append((message, verdict))

    def _learn(self, device: Device, person: str) -> None:
        """A look-up: all of a chain is known then, and what is new in it is news."""
        chain, known = self.chains[person], device.pinned.get(person)
        device.pinned[person] = len(chain)
        if known is None:
            device.untold.add(person)
        else:
            fresh = [statement for statement in chain[known:] if statement.by != device.name]
            device.news += [(person, statement) for statement in fresh]
            if any(statement.act == "reset" for statement in fresh) and person not in device.marks:
                device.renewed.add(person)
        self._meet(device, person)

    def _meet(self, device: Device, person: str) -> None:
        """What another device of the person has told is true from here on."""
        _, mark = device.told.pop(person, (0, None))
        if mark is not None and not self._is_verified(device, person):
            device.marks[person] = mark
            device.renewed.discard(person)

    def _tell_all(self, device: Device) -> None:
        device.untold |= device.pinned.keys() - {device.person}
        self._tell(device)

    def _tell(self, device: Device) -> None:
        """One's other devices hear of people: what is pinned and vouched for."""
        own = device.person
        if not device.untold:
            return
        if len(active(self._known(device, own))) == 1:
            device.untold.clear()
            return
        self._learn(device, own)
        readers = self._with_keys(own) - {device.name}
        if readers:
            pins = [(person, device.pinned[person], device.marks.get(person)) for person in device.untold]
            device.sent[own] += 1
            self._store(
                Message(device.name, "", device.sent[own], 0, {own: device.pinned[own]}, readers, pins)
            )
            device.untold.clear()

    def _stand(self, device: Device) -> None:
        """With a session the service tells the head of one's own chain."""
        if device.name in self.facts.renewed and device.is_linked:
            self._learn(device, device.person)
        self.facts.renewed.discard(device.name)

    def _stop(self, device: Device, *, linking: bool = False) -> str:
        """Why it may not do this at all."""
        if device.knows_removal or (not linking and not device.is_linked):
            return "device-not-active"
        if linking and device.is_linked:
            return "usage"
        if device.session == "ended":
            device.session = "closed"
            return "unauthenticated"
        if device.session == "closed":
            return "not-signed-in"
        self._stand(device)
        return ""

    def _store(self, message: Message) -> None:
        message.sent_at = self.facts.sent.popleft()
        self.messages.append(message)

    def _append(self, person: str, act: str, device: str, by: str) -> None:
        self.chains[person].append(Statement(act, device, by, self.facts.signed.popleft()))

    def _join(self, device: Device, act: str, by: str) -> None:
        device.state = "active"
        self._append(device.person, act, device.name, by)

    def _active(self, *people: str) -> Iterable[Device]:
        return [one for one in self.devices.values() if one.person in people and one.state == "active"]

    def _with_keys(self, *people: str) -> set[str]:
        return {one.name for one in self._active(*people) if one.has_key}

    def _known(self, device: Device, person: str) -> list[Statement]:
        """Of a chain what a device has seen."""
        return self.chains[person][: device.pinned.get(person, 0)]

    def _is_verified(self, device: Device, person: str) -> bool:
        return device.marks.get(person) == root(self._known(device, person))

    def _is_unaccepted(self, device: Device, person: str) -> bool:
        return person in device.marks and not self._is_verified(device, person)

    def _peer(self, device: Device, message: Message) -> str:
        return next((person for person in message.heads if person != device.person), device.person)
