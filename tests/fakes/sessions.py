import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)

from common.errors import Forbidden, InvalidCode
from common.identity import Address, Caller, DeviceState, Head
from common.sessions.key_ring import KeyRing
from common.sessions.model import ListedSession, PendingReset, Standing, StoredSession


@dataclass
class FakeIdentities:
    codes: dict[str, str] = field(default_factory=dict)
    """code -> address"""
    accounts: set[str] = field(default_factory=set)

    async def redeem(self, address: Address, code: str) -> None:
        if self.codes.get(code) != address.text:
            raise InvalidCode("The code is not valid.")
        del self.codes[code]

    async def create_account(self, uid: str) -> None:
        self.accounts.add(uid)

    async def custom_token(self, caller: Caller) -> str:
        return f"custom.{caller.uid}.{caller.session}"


@dataclass
class FakeSessionStore:
    """Each method lets the other calls go first, once, as a round trip does; what follows is one statement."""

    accounts: dict[bytes, str] = field(default_factory=dict)
    """address index -> uid"""
    sessions: dict[str, StoredSession] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    devices: dict[str, tuple[str, str, DeviceState]] = field(default_factory=dict)
    """id -> (uid, modulus, state)"""
    restored: set[str] = field(default_factory=set)
    """Devices that have not published a key since they came from a backup."""
    heads: dict[str, Head] = field(default_factory=dict)
    proofs: set[tuple[str, str]] = field(default_factory=set)
    listed: dict[str, ListedSession] = field(default_factory=dict)
    resets: dict[str, PendingReset] = field(default_factory=dict)
    """uid -> what a device wishes"""

    async def use_proof(self, device: str, jti: str, *, expires_at: float) -> bool:
        await asyncio.sleep(0)
        assert expires_at > 0
        fresh = (device, jti) not in self.proofs
        self.proofs.add((device, jti))
        return fresh

    async def account_of(self, address_index: bytes) -> str | None:
        await asyncio.sleep(0)
        return self.accounts.get(address_index)

    async def keep_account(self, address_index: bytes, *, uid: str, now: float) -> str:
        await asyncio.sleep(0)
        assert len(address_index) == 32
        assert now > 0
        return self.accounts.setdefault(address_index, uid)

    async def open(self, session: StoredSession, *, modulus: str, now: float) -> None:
        await asyncio.sleep(0)
        assert now < session.expires_at
        owner, _, _ = self.devices.setdefault(session.device, (session.uid, modulus, "pending"))
        if owner != session.uid:
            raise Forbidden("This device belongs to another account.")
        self.sessions[session.id] = session
        self.listed[session.id] = ListedSession(
            id=session.id,
            device=session.device,
            name=None,
            created_at=now,
            seen_at=now,
            expires_at=session.expires_at,
        )

    async def find(self, session: str, now: float) -> tuple[StoredSession, Standing] | None:
        stored = self.sessions.get(session)
        return (stored, self._standing(stored)) if stored and self._alive(stored, now) else None

    async def rotate(
        self, session: str, *, presented: str, successor: str, proof: str, now: float, expires_at: float
    ) -> bool:
        await asyncio.sleep(0)
        stored = self.sessions[session]
        known = stored.refresh_hash == presented or stored.restored
        if not known or not self._alive(stored, now):
            return False
        self.sessions[session] = replace(
            stored,
            refresh_hash=successor,
            previous_hash=presented,
            rotation_proof=proof,
            rotated_at=now,
            expires_at=expires_at,
            restored=False,
        )
        self.listed[session] = replace(self.listed[session], seen_at=now, expires_at=expires_at)
        return True

    async def has(self, uid: str, session: str) -> bool:
        await asyncio.sleep(0)
        stored = self.sessions.get(session)
        return stored is not None and stored.uid == uid

    async def end(self, uid: str, sessions: Sequence[str], now: float) -> None:
        assert now > 0
        for session in sessions:
            if await self.has(uid, session):
                self.ended.add(session)

    async def living(self, uid: str, now: float, *, after: str | None, most: int) -> list[ListedSession]:
        await asyncio.sleep(0)
        mine = [session for session in self.listed.values() if self.sessions[session.id].uid == uid]
        newest_first = sorted(mine, key=lambda session: (session.created_at, session.id), reverse=True)
        ids = [session.id for session in newest_first]
        start = 0 if after is None else ids.index(after) + 1 if after in ids else len(ids)
        living = [s for s in newest_first[start:] if self._alive(self.sessions[s.id], now)]
        return living[:most]

    async def name(self, uid: str, session: str, name: str | None, now: float) -> bool:
        await asyncio.sleep(0)
        stored = self.sessions.get(session)
        if stored is None or stored.uid != uid or not self._alive(stored, now):
            return False
        self.listed[session] = replace(self.listed[session], name=name)
        return True

    async def standing(self, caller: Caller, now: float) -> Standing | None:
        await asyncio.sleep(0)
        stored = self.sessions.get(caller.session)
        if stored is None or (stored.uid, stored.device) != (caller.uid, caller.device):
            return None
        return self._standing(stored) if self._alive(stored, now) else None

    async def standing_with_reset(self, caller: Caller, now: float) -> Standing | None:
        standing = await self.standing(caller, now)
        return standing and replace(standing, pending_reset=self.resets.get(caller.uid))

    def _alive(self, session: StoredSession, now: float) -> bool:
        return session.id not in self.ended and now < session.expires_at

    def _standing(self, session: StoredSession) -> Standing:
        _, modulus, state = self.devices[session.device]
        return Standing(
            modulus=modulus,
            state=state,
            head=self.heads.get(session.uid),
            expires_at=session.expires_at,
            restored=session.device in self.restored,
        )


@dataclass
class FakeLiveSessions:
    documents: dict[tuple[str, str], float] = field(default_factory=dict)

    async def put(self, caller: Caller, *, expires_at: float) -> None:
        self.documents[caller.uid, caller.session] = expires_at

    async def delete(self, uid: str, *sessions: str) -> None:
        for session in sessions:
            self.documents.pop((uid, session), None)


@dataclass
class FakeTokenKeys:
    keys: dict[str, EllipticCurvePrivateKey] = field(
        default_factory=lambda: {"current": generate_private_key(SECP256R1())}
    )

    def signing(self) -> tuple[str, EllipticCurvePrivateKey]:
        return next(iter(self.keys.items()))

    def verifying(self, kid: str) -> EllipticCurvePublicKey | None:
        key = self.keys.get(kid)
        return key.public_key() if key else None

    def published(self) -> list[dict[str, str]]:
        return [{"kid": kid} for kid in self.keys]


@dataclass
class FakeKeyRing:
    ring: KeyRing
    version: int = 0

    async def read(self) -> tuple[KeyRing, str]:
        found = self.ring, str(self.version)
        await asyncio.sleep(0)
        return found

    async def replace(self, version: str, ring: KeyRing) -> bool:
        await asyncio.sleep(0)
        if version != str(self.version):
            return False
        self.ring, self.version = ring, self.version + 1
        return True
