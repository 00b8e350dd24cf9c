"""The sessions of a small deployment, on fakes."""

from typing import Any

from common.identity import Address, Caller, Head, IndexKey
from common.revocations import Revocations
from common.sessions import Admission, Gate, NewSession, Opened, Renewal, Sessions, Target
from common.sessions.tokens import VerifiedTokens
from tests.fakes.clock import FakeClock
from tests.fakes.quotas import FakeQuotas
from tests.fakes.revocations import FakeRevocationList
from tests.fakes.sessions import FakeIdentities, FakeLiveSessions, FakeSessionStore, FakeTokenKeys
from tests.signing import Key, digest, key, proof

SERVICE = "https://api.sealpost.example"
ALICE = "alice@example.org"
HOME = "192.0.2.0/24"
CODE = "code-of-the-mailed-link"
PHONE, LAPTOP = key("alice_signing"), key("bob_signing")
KEYS = FakeTokenKeys()
INDEX_KEY = IndexKey(bytes(32))
HASH = digest("chain")


def target(function: str) -> Target:
    return Target(audience=SERVICE, method="POST", url=f"{SERVICE}/v1/{function}")


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.identities = FakeIdentities(codes={CODE: ALICE})
        self.store = FakeSessionStore(accounts={INDEX_KEY.address(Address(ALICE)): "alice1"})
        self.live = FakeLiveSessions()
        self.keys = KEYS
        self.revoked = FakeRevocationList()
        self.admission = Admission(
            store=self.store,
            live=self.live,
            revoked=Revocations(list=self.revoked, clock=self.clock),
            clock=self.clock,
        )
        self.gate = Gate(
            tokens=VerifiedTokens(issuer=SERVICE, keys=self.keys), store=lambda: self.store, clock=self.clock
        )
        self.sessions = Sessions(
            identities=self.identities,
            store=self.store,
            admission=self.admission,
            quotas=FakeQuotas(),
            keys=self.keys,
            index_key=INDEX_KEY,
            issuer=SERVICE,
            clock=self.clock,
        )

    def proof(self, function: str, credential: str, device: Key = PHONE, **changed: Any) -> str:
        return proof(
            device,
            url=f"{SERVICE}/v1/{function}",
            credential=credential,
            now=self.clock.now,
            audience=SERVICE,
            **changed,
        )

    def new_session(self, code: str = CODE, device: Key = PHONE, **changed: Any) -> NewSession:
        signed = self.proof("create_session", code, device, **changed)
        return NewSession(ALICE, code, device.jwk(), signed)

    async def open(self, request: NewSession, network: str = HOME) -> Opened:
        return await self.sessions.begin(request, target("create_session"), network)

    async def begin(self, device: Key = PHONE, *, active: bool = True) -> Opened:
        """A session of Alice's account on `device`."""
        code = f"code-{len(self.store.sessions):016}"
        self.identities.codes[code] = ALICE
        request = self.new_session(code, device)
        opened = await self.open(request)
        if active:
            self.activate(device)
        return opened

    def activate(self, device: Key = PHONE) -> None:
        uid, modulus, _ = self.store.devices[device.kid]
        self.store.devices[device.kid] = (uid, modulus, "active")
        self.store.heads[uid] = Head(uid=uid, root=HASH, seq=0, hash=HASH)

    def renewal(self, token: str, device: Key = PHONE, **changed: Any) -> Renewal:
        return Renewal(token, self.proof("refresh_session", token, device, **changed))

    async def renew(self, request: Renewal) -> Opened:
        return await self.sessions.renew(request, target("refresh_session"))


def caller_of(opened: Opened) -> Caller:
    return Caller(uid=opened.uid, session=opened.session, device=opened.device)
