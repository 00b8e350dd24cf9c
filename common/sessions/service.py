import secrets
from dataclasses import dataclass

from common.clock import Clock
from common.errors import RateLimited, Unauthenticated
from common.identity import Address, Caller, IndexKey, new_uid
from common.jose import SIGNING, digest, read_key
from common.quotas import Quota, Quotas
from common.sessions import tokens
from common.sessions.admission import READING, Admission
from common.sessions.model import NewSession, Opened, PendingReset, Renewal, Standing, StoredSession
from common.sessions.ports import Identities, SessionStore, TokenKeys
from common.sessions.proof import Proof, Target, read_proof

IDLE_LIFETIME = 45 * 86_400
"""A session that is not renewed for this long ends, in seconds."""
REPEAT_WINDOW = 30
"""How long the call that rotated a refresh token may be repeated, in seconds."""
_HOUR = 3_600
_NETWORK_PER_HOUR = 60
"""How many codes one network may try in an hour: each costs calls of Firebase Authentication."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    identities: Identities
    store: SessionStore
    admission: Admission
    quotas: Quotas
    keys: TokenKeys
    index_key: IndexKey
    issuer: str
    clock: Clock

    async def begin(self, request: NewSession, target: Target, network: str) -> Opened:
        """Redeem the link's code and open a session for the device that proves itself.

        The code is used up, and with it the proof that is bound to it.

        Raises:
            InvalidRequest: the device's key is not one of the protocol.
            InvalidProof, InvalidCode: see there.
            RateLimited: the network has tried enough codes for now; this one is not used up.
            Forbidden: the device belongs to another account.
        """
        now = self.clock()
        key = read_key(request.device, SIGNING, "The device's key")
        proof = read_proof(request.proof, target, credential=request.code, now=now)
        proof.require_signed_by(key)
        await self._require_quota(network, now)
        await self.identities.redeem(request.address, request.code)
        uid = await self._account_of(request.address, now)
        session_id = secrets.token_urlsafe(16)
        refresh_token = f"{session_id}.{secrets.token_urlsafe(32)}"
        session = StoredSession(
            id=session_id,
            uid=uid,
            device=key.kid,
            refresh_hash=digest(refresh_token),
            expires_at=now + IDLE_LIFETIME,
        )
        await self.store.open(session, modulus=key.n, now=now)
        return self._opened(await self._admitted(_owner(session)), refresh_token, now)

    async def renew(self, request: Renewal, target: Target) -> Opened:
        """Rotate the refresh token (RFC 9700, section 4.14.2).

        The call that rotated it may be repeated for 30 seconds, byte for byte, and gets the same successor: a lost
        answer is no theft. Any other use of a token that was rotated, however long ago, ends the session. Whoever
        has no proof of the session's device changes nothing. The rotation comes last, when nothing else can fail: a
        client that was refused for a fault, however long it lasts, still holds a token that was never used.

        Of a session that was restored from a backup any token counts, once: which one is the newest was lost.

        Raises:
            InvalidProof: see there.
            Unauthenticated: the token is unknown, expired, revoked, or was used before.
        """
        now = self.clock()
        presented = digest(request.refresh_token)
        proof = read_proof(request.proof, target, credential=request.refresh_token, now=now)
        found = await self.store.find(request.session_id, now)
        if found is None:
            raise Unauthenticated("The refresh token is not valid. Sign in again.")
        session, standing = found
        proof.require_signed_by(standing.key)
        admitted = await self._admitted(_owner(session))
        successor = f"{session.id}.{self.index_key.successor(request.refresh_token)}"
        rotated = await self.store.rotate(
            session.id,
            presented=presented,
            successor=digest(successor),
            proof=proof.hash,
            now=now,
            expires_at=now + IDLE_LIFETIME,
        )
        if not rotated:
            await self._require_repeat(session, presented, proof, now)
        if admitted.standing.expires_at < now + READING:
            # Its document was to end with the session, which now goes on.
            await self.admission.admit(admitted.caller)
        return self._opened(admitted, successor, now)

    async def _require_quota(self, network: str, now: float) -> None:
        subject = self.index_key.subject("network of sessions", network, now)
        quota = Quota(subject=subject, seconds=_HOUR, most=_NETWORK_PER_HOUR)
        if not await self.quotas.admit((quota,), now):
            raise RateLimited("Too many sign-ins from this network. Wait, then try again.", retry_after=_HOUR)

    async def _account_of(self, address: Address, now: float) -> str:
        """The account of a proved address; a new one for a new address.

        Firebase proves mailboxes and nothing more: which account an address has is written here once, whatever
        becomes of the Firebase users.
        """
        index = self.index_key.address(address)
        uid = await self.store.account_of(index)
        if uid is None:
            uid = new_uid()
            await self.identities.create_account(uid)
            uid = await self.store.keep_account(index, uid=uid, now=now)
        return uid

    async def _require_repeat(self, session: StoredSession, presented: str, proof: Proof, now: float) -> None:
        found = await self.store.find(session.id, now)
        present = found[0] if found else session
        repeated = (
            present.previous_hash == presented
            and present.rotation_proof == proof.hash
            and present.rotated_at is not None
            and now - present.rotated_at <= REPEAT_WINDOW
        )
        if repeated:
            return
        await self.admission.end_misused(_owner(session))
        raise Unauthenticated("This refresh token was used before, so its session has ended. Sign in again.")

    async def _admitted(self, caller: Caller) -> "_Admitted":
        standing = await self.admission.admit(caller)
        active = standing.state == "active"
        return _Admitted(caller, standing, await self.identities.custom_token(caller) if active else None)

    def _opened(self, admitted: "_Admitted", refresh_token: str, now: float) -> Opened:
        caller, standing = admitted.caller, admitted.standing
        return Opened(
            uid=caller.uid,
            session=caller.session,
            device=caller.device,
            state=standing.state,
            restored=standing.restored,
            head=standing.head,
            access_token=tokens.issue(caller, issuer=self.issuer, keys=self.keys, now=now),
            expires_in=tokens.LIFETIME,
            refresh_token=refresh_token,
            custom_token=admitted.custom_token,
            pending_reset=admitted.pending_reset,
        )


@dataclass(frozen=True, slots=True)
class _Admitted:
    caller: Caller
    standing: Standing
    custom_token: str | None

    @property
    def pending_reset(self) -> PendingReset | None:
        """As far as it concerns the device: a pending one learns of its own wish alone."""
        reset = self.standing.pending_reset
        concerned = self.standing.state == "active" or (
            self.standing.state == "pending" and reset is not None and reset.device == self.caller.device
        )
        return reset if concerned else None


def _owner(session: StoredSession) -> Caller:
    return Caller(uid=session.uid, session=session.id, device=session.device)
