from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from common.errors import DeviceNotActive, Forbidden, InvalidRequest, KeyConflict, LinkPending, NotFound
from common.identity import Caller, DeviceState, Head
from common.keys.chain import DAY, Chain, head_after, require_fresh, require_pace
from common.keys.encryption_keys import stored_encryption_key
from common.keys.model import (
    AddedDevice,
    Backup,
    EncryptionKey,
    FirstDevice,
    HistoryKey,
    Joining,
    Link,
    Pop,
    Published,
    Removal,
    Reset,
    ShutOut,
    Statement,
)
from common.keys.resets import SEEN_WITHIN, Wish, wish_before
from common.restores import Restore
from tests.fakes.sessions import FakeSessionStore


@dataclass
class FakeChainStore:
    """A caller whom the sessions do not know has signed in just now."""

    sessions: FakeSessionStore = field(default_factory=FakeSessionStore)
    chains: dict[str, list[Statement]] = field(default_factory=dict)
    keys: dict[str, EncryptionKey] = field(default_factory=dict)
    """device -> its current key"""
    published: dict[str, EncryptionKey] = field(default_factory=dict)
    """kid -> key, superseded ones too"""
    history: dict[str, HistoryKey] = field(default_factory=dict)
    """uid -> what announced the living history key"""
    history_kids: set[str] = field(default_factory=set)
    backups: set[tuple[str, Backup]] = field(default_factory=set)
    wishes: dict[str, Wish] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    """uid -> the request that waits"""
    grants: dict[str, tuple[str, int]] = field(default_factory=dict)
    """device -> the MAC of who granted its request, and until when it is kept"""
    audit: list[tuple[str, str, str]] = field(default_factory=list)
    """(uid, act, device)"""

    async def publish(
        self, caller: Caller, statement: Statement | None, key: EncryptionKey | None, now: float
    ) -> Published:
        chain = self.lock(caller)
        stored = statement is None or statement in self.chains.get(caller.uid, [])
        if statement is not None and not stored:
            self._judge(chain, statement, caller, now)
            self._require_history_key(statement, now)
        if key is not None:
            self._require_key(chain, statement, key, now)
        if statement is not None and not stored:
            self.append(statement, now)
            self._bring_about(chain, statement, now)
        if key is not None:
            self.keep(key)
        head = self.sessions.heads[caller.uid]
        ended = tuple(s for s in self._sessions(chain, statement) if s in self.sessions.ended)
        return Published(head=head, state=self.state(caller.device), ended=ended)

    async def ending(self, caller: Caller, statement: Statement, now: float) -> ShutOut:
        chain = self.lock(caller)
        sessions = self._sessions(chain, statement)
        if statement not in self.chains.get(caller.uid, []):
            self._judge(chain, statement, caller, now)
        else:
            sessions = tuple(s for s in sessions if s in self.sessions.ended)
        return ShutOut(tuple(_shut_out(chain, statement)), sessions)

    async def veto(self, caller: Caller, now: float) -> None:
        assert now > 0
        self.lock(caller).require_active(caller.device)
        wish = self.wishes.pop(caller.uid, None)
        if wish is not None:
            self.audit.append((caller.uid, "reset-vetoed", wish.device))

    def lock(self, caller: Caller) -> Chain:
        self.sessions.devices.setdefault(caller.device, (caller.uid, "m" * 512, "pending"))
        devices = {
            device: state for device, (uid, _, state) in self.sessions.devices.items() if uid == caller.uid
        }
        chain = self.chains.get(caller.uid, [])
        issued_at = chain[-1].issued_at if chain else 0
        announced = [statement for statement in chain if isinstance(statement, HistoryKey)]
        living = self.history.get(caller.uid)
        backups = [statement.backup.n for statement in announced if statement.backup]
        return Chain(
            head=self.sessions.heads.get(caller.uid),
            issued_at=issued_at,
            devices=devices,
            history_keys=frozenset(statement.kid for statement in announced if statement.kid),
            living=living.kid if living else None,
            announced=max(backups, default=0),
        )

    def state(self, device: str) -> DeviceState:
        return self.sessions.devices[device][2]

    def append(self, statement: Statement, now: float) -> Head:
        assert now > 0
        head = head_after(self.sessions.heads.get(statement.uid), statement)
        self.chains.setdefault(statement.uid, []).append(statement)
        self.sessions.heads[statement.uid] = head
        return head

    def become(self, device: str, state: DeviceState) -> None:
        uid, modulus, _ = self.sessions.devices[device]
        self.sessions.devices[device] = (uid, modulus, state)

    def keep(self, key: EncryptionKey) -> None:
        if key not in self.published.values():
            self.keys[key.device] = self.published[key.kid] = key

    def _judge(self, chain: Chain, statement: Statement, caller: Caller, now: float) -> None:
        chain.require_next(statement, now)
        if not isinstance(statement, Reset):
            return
        listed = self.sessions.listed
        seen = any(
            self.sessions.devices[session.device][0] == caller.uid
            and self.state(session.device) == "active"
            and session.seen_at > now - SEEN_WITHIN
            for session in listed.values()
        )
        began = listed[caller.session].created_at if caller.session in listed else now
        stands = self.wishes.get(caller.uid)
        wish = wish_before(stands, device=caller.device, began=began, others_seen=seen, now=now)
        if wish is None:
            return
        if wish != stands:
            self.wishes[caller.uid] = wish
            self.audit.append((caller.uid, "reset-requested", wish.device))
        raise wish.delayed()

    def _require_history_key(self, statement: Statement, now: float) -> None:
        if not isinstance(statement, HistoryKey):
            return
        chain = self.chains.get(statement.uid, [])
        require_pace(sum(isinstance(one, HistoryKey) and one.issued_at > now - DAY for one in chain))
        if statement.backup is None:
            return
        if (statement.uid, statement.backup) not in self.backups:
            raise InvalidRequest("The backup is not one that the account has stored.")
        living = self.history.get(statement.uid)
        same = living is not None and living.kid == statement.kid
        if not same and statement.kid in {*self.history_kids, *self.published, *self.sessions.devices}:
            raise InvalidRequest("This history key was published before.")

    def _require_key(self, chain: Chain, statement: Statement | None, key: EncryptionKey, now: float) -> None:
        if isinstance(statement, Removal) and statement.device == key.device:
            raise DeviceNotActive("The device removes itself.")
        if not isinstance(statement, FirstDevice | Reset):
            chain.require_active(key.device)
        if key in self.published.values():
            return
        require_fresh(key, now)
        current = self.keys.get(key.device)
        n = current.n if current else 0
        if key.n != n + 1 or key.kid in {*self.published, *self.history_kids}:
            raise KeyConflict("The key does not follow.", n=n)

    def _sessions(self, chain: Chain, statement: Statement | None) -> tuple[str, ...]:
        out = _shut_out(chain, statement)
        return tuple(session.id for session in self.sessions.sessions.values() if session.device in out)

    def _bring_about(self, chain: Chain, statement: Statement, now: float) -> None:
        assert now > 0
        for device in _shut_out(chain, statement):
            if self.state(device) == "active":
                self.become(device, "revoked")
            self.keys.pop(device, None)
            self.history.pop(statement.uid, None)
        self.sessions.ended.update(self._sessions(chain, statement))
        act, device = "history-key-set", statement.signer
        if isinstance(statement, FirstDevice | Reset):
            self.become(statement.signer, "active")
            act = "reset" if isinstance(statement, Reset) else "device-added"
        if isinstance(statement, Reset):
            self.history.pop(statement.uid, None)
            self.wishes.pop(statement.uid, None)
            self.links.pop(statement.uid, None)
            self.grants.clear()
        if isinstance(statement, Removal):
            act, device = "device-revoked", statement.device
        if isinstance(statement, HistoryKey):
            self.history.pop(statement.uid, None)
            if statement.kid is not None:
                self.history[statement.uid] = statement
                self.history_kids.add(statement.kid)
        self.audit.append((statement.uid, act, device))


@dataclass
class FakeLinkStore:
    chains: FakeChainStore

    async def request(self, caller: Caller, link: Link, pop: Pop, key: EncryptionKey, now: float) -> int:
        chain = self.chains.lock(caller)
        if chain.head is None:
            raise InvalidRequest("The account has no key chain yet.")
        chain.require_pending(caller.device)
        stands = self._living(caller.uid, now)
        if stands is not None and stands.device != caller.device:
            raise LinkPending("Another device waits to be linked.", expires_at=stands.expires_at)
        if stands is not None and (stands.pop, stands.mac) == (link.pop, link.mac):
            return stands.expires_at
        if pop.root != chain.head.root:
            raise InvalidRequest("The pop names another root than the chain's: check head.")
        if key.kid in {*self.chains.published, *self.chains.history_kids}:
            raise KeyConflict("This key was published before.", n=0)
        self.chains.links[caller.uid] = link
        return link.expires_at

    async def waiting(self, uid: str, now: float) -> Link | None:
        return self._living(uid, now)

    async def grant(
        self, caller: Caller, statement: AddedDevice, mac: str, now: float, *, until: int
    ) -> Head:
        chain = self.chains.lock(caller)
        if statement in self.chains.chains.get(caller.uid, []):
            return chain.require_active(caller.device)
        chain.require_next(statement, now)
        link = await self.waiting(caller.uid, now)
        if link is None:
            raise NotFound("No device waits to be linked.")
        if statement.pop.compact != link.pop:
            raise InvalidRequest("The statement must carry the pop of the request, unchanged.")
        head = self.chains.append(statement, now)
        self.chains.become(link.device, "active")
        self.chains.keep(stored_encryption_key(link.encryption_key))
        del self.chains.links[caller.uid]
        self.chains.grants[link.device] = (mac, until)
        wish = self.chains.wishes.get(caller.uid)
        if wish is not None and wish.device == link.device:
            del self.chains.wishes[caller.uid]
        self.chains.audit.append((caller.uid, "device-added", link.device))
        return head

    async def joining(self, caller: Caller, now: float) -> Joining | None:
        if await self.chains.sessions.standing(caller, now) is None:
            return None
        link = self._living(caller.uid, now)
        if link is not None and link.device == caller.device:
            return Joining(state="waiting")
        mac, until = self.chains.grants.get(caller.device, ("", 0))
        if until <= now or self.chains.state(caller.device) != "active":
            return Joining(state="gone")
        statements = tuple(statement.compact for statement in self.chains.chains[caller.uid])
        head = self.chains.sessions.heads[caller.uid]
        return Joining(state="granted", mac=mac, head=head, statements=statements)

    def _living(self, uid: str, now: float) -> Link | None:
        link, known = self.chains.links.get(uid), self.chains.sessions
        if link is None or link.expires_at <= now:
            return None
        its = [session for session in known.sessions.values() if session.device == link.device]
        ended = its and all(session.id in known.ended or session.expires_at <= now for session in its)
        return None if ended else link


def _shut_out(chain: Chain, statement: Statement | None) -> list[str]:
    if isinstance(statement, Removal):
        return [statement.device]
    if isinstance(statement, Reset):
        return [device for device in chain.devices if device != statement.signer]
    return []


@dataclass
class FakeResubmissionStore:
    chains: FakeChainStore
    restores: tuple[Restore, ...] = ()
    removed: set[str] = field(default_factory=set)
    """Devices that were removed later, as the restore knows."""

    def lose(self, uid: str, *, after: int, devices: list[str], now: float) -> None:
        """A restore, made now from a backup of an hour before, has lost the statements after that one, and devices."""
        self.restores = (Restore(point=now - 3_600, restored_at=now),)
        known = self.chains.chains[uid] = self.chains.chains[uid][: after + 1]
        self.chains.sessions.heads[uid] = Head(uid=uid, root=known[0].hash, seq=after, hash=known[-1].hash)
        for device in devices:
            self.chains.sessions.devices.pop(device)
            held = self.chains.sessions.sessions
            for session in [one.id for one in held.values() if one.device == device]:
                del held[session]

    async def signing_keys(self, caller: Caller, uid: str, now: float) -> dict[str, str]:
        assert caller.session
        assert now > 0
        known = self.chains.sessions.devices
        return {device: modulus for device, (owner, modulus, _) in known.items() if owner == uid}

    async def append(self, caller: Caller, statements: Sequence[Statement], now: float) -> Head:
        self._append(self.chains, caller, statements, now)
        return self.chains.sessions.heads[statements[0].uid]

    async def ending(self, caller: Caller, statements: Sequence[Statement], now: float) -> ShutOut:
        return self._append(deepcopy(self.chains), caller, statements, now)

    def _append(
        self, chains: FakeChainStore, caller: Caller, statements: Sequence[Statement], now: float
    ) -> ShutOut:
        devices: tuple[str, ...] = ()
        ended: tuple[str, ...] = ()
        for statement in statements:
            if any(statement.hash == one.hash for one in chains.chains[statement.uid]):
                continue
            if isinstance(statement, AddedDevice):
                chains.sessions.devices.setdefault(
                    statement.pop.device, (statement.uid, statement.pop.modulus, "pending")
                )
            chain = replace(chains.lock(caller), restores=self.restores)
            chain.require_resubmitted(statement)
            if caller.uid != statement.uid and statement.signer in self.removed:
                raise Forbidden("signed by a device that was removed later")
            devices += tuple(_shut_out(chain, statement))
            ended += chains._sessions(chain, statement)
            chains.append(statement, now)
            chains._bring_about(chain, statement, now)
            if isinstance(statement, AddedDevice):
                chains.become(statement.pop.device, "active")
        return ShutOut(devices, ended)


@dataclass
class FakeReaders:
    admitted: list[Caller] = field(default_factory=list)

    async def admit(self, caller: Caller) -> None:
        self.admitted.append(caller)
