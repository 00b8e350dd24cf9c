"""Publishing and linking in a small deployment, on fakes."""

from hashlib import shake_256
from typing import Any

from common.identity import Caller, Head
from common.keys import Ending, LinkGrant, Linking, LinkRequest, Publication, Publishing, Vetoing
from common.keys.model import Published
from common.sessions.model import StoredSession
from tests.fakes.clock import FakeClock
from tests.fakes.keys import FakeChainStore, FakeLinkStore, FakeReaders
from tests.fakes.revocations import FakeRevoked
from tests.fakes.sessions import FakeLiveSessions, FakeSessionStore
from tests.signing import Key, b64, digest, encryption_key, first_device, key, next_statement, possession

SERVICE = "https://api.sealpost.example"
UID = "alice1"
PHONE, LAPTOP, TABLET = key("alice_signing"), key("bob_signing"), key("alice_tablet_signing")
MAC = digest("a mac")
LIFETIME = 45 * 86_400


def wrapping_jwk(device: Key, n: int) -> dict[str, Any]:
    """The public half of the device's nth encryption key. Nobody has the private one: making them takes long."""
    modulus = bytearray(shake_256(f"{device.kid} {n}".encode()).digest(384))
    modulus[0] |= 0x80
    modulus[-1] |= 1
    text = b64(bytes(modulus))
    kid = digest(f'{{"e":"AQAB","kty":"RSA","n":"{text}"}}')
    return {"kty": "RSA", "n": text, "e": "AQAB", "alg": "RSA-OAEP-256", "use": "enc", "kid": kid}


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sessions = FakeSessionStore()
        self.store = FakeChainStore(self.sessions)
        self.links = FakeLinkStore(self.store)
        self.readers = FakeReaders()
        self.documents = FakeLiveSessions()
        self.revoked = FakeRevoked()
        self.publishing = Publishing(
            store=self.store,
            readers=self.readers,
            ending=Ending(documents=self.documents, revoked=self.revoked),
            clock=self.clock,
        )
        self.linking = Linking(store=self.links, audience=SERVICE, clock=self.clock)
        self.vetoing = Vetoing(store=self.store, clock=self.clock)

    async def sign_in(self, device: Key, session: str = "") -> Caller:
        """A new session of the device, with its document."""
        caller = Caller(uid=UID, session=session or device.kid[:22], device=device.kid)
        stored = StoredSession(
            id=caller.session,
            uid=UID,
            device=device.kid,
            refresh_hash=digest(caller.session),
            expires_at=self.clock.now + LIFETIME,
        )
        await self.sessions.open(stored, modulus=device.n, now=self.clock.now)
        await self.documents.put(caller, expires_at=stored.expires_at)
        return caller

    @property
    def head(self) -> Head:
        return self.sessions.heads[UID]

    def first(self, **changed: Any) -> str:
        return first_device(PHONE, UID, self.clock.now, **changed)

    def key(self, device: Key = PHONE, n: int = 1, **changed: Any) -> str:
        made: dict[str, Any] = {"keys": [wrapping_jwk(device, n)], "n": n}
        return encryption_key(device, device, UID, self.clock.now, **(made | changed))

    def next(self, device: Key, act: str, /, **carried: Any) -> str:
        head = self.head
        return next_statement(device, UID, (head.seq, head.hash), act, self.clock.now, **carried)

    def pop(self, device: Key, enc: str, /, **changed: Any) -> str:
        return possession(device, UID, self.head.root, enc, self.clock.now, audience=SERVICE, **changed)

    async def publish(self, device: Key, statement: str | None, encryption: str | None = None) -> Published:
        publication = Publication(statement, encryption, "proof")
        return await self.publishing.publish(publication, await self.caller(device), device.known)

    async def begin(self) -> Published:
        """The phone begins the chain."""
        return await self.publish(PHONE, self.first(), self.key())

    async def request(self, device: Key, mac: str = MAC) -> str:
        """Ask for the device to be linked. Its pop."""
        enc = self.key(device)
        pop = self.pop(device, enc)
        await self.linking.request(
            LinkRequest(pop, enc, mac, "proof"), await self.caller(device), device.known
        )
        return pop

    async def grant(self, statement: str, device: Key = PHONE, mac: str = MAC) -> Head:
        return await self.linking.grant(
            LinkGrant(statement, mac, "proof"), await self.caller(device), device.known
        )

    async def link(self, device: Key, by: Key = PHONE) -> Head:
        pop = await self.request(device)
        return await self.grant(self.next(by, "add-device", device=device.jwk(), pop=pop), by)

    def state_of(self, device: Key) -> str:
        return self.store.state(device.kid)

    async def caller(self, device: Key) -> Caller:
        """The caller of the device's first session, which is begun where there is none."""
        session = device.kid[:22]
        if session not in self.sessions.sessions:
            return await self.sign_in(device)
        return Caller(uid=UID, session=session, device=device.kid)
