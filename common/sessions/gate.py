"""The gate before a function: from a token, and where it is asked for a proof, to a caller."""

from collections.abc import Callable
from dataclasses import dataclass

from common.clock import Clock
from common.errors import DeviceNotActive, InvalidProof, Unauthenticated
from common.identity import Caller
from common.jose import RsaKey
from common.sessions.model import Standing
from common.sessions.ports import SessionStore
from common.sessions.proof import WINDOW, Target, read_proof
from common.sessions.tokens import VerifiedTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    tokens: VerifiedTokens
    store: Callable[[], SessionStore]
    """Asked for when a call needs it: what goes by its token alone loads no driver for it."""
    clock: Clock

    def caller(self, token: str) -> Caller:
        """Whom the token speaks for; touches no database.

        Raises:
            Unauthenticated: the token is not valid now.
        """
        return self.tokens.caller(token, self.clock())

    async def require_active(self, caller: Caller) -> RsaKey:
        """The signing key of the caller's device, if it is active. One statement.

        Raises:
            Unauthenticated: the session has ended.
            DeviceNotActive: the device is pending or revoked.
        """
        standing = await self._standing(caller)
        _require_active(standing)
        return standing.key

    async def require_proof(
        self, caller: Caller, compact: str, target: Target, *, token: str, active: bool = False
    ) -> RsaKey:
        """The signing key of the caller's device, which proves this call by it, and is active if it has to be.

        Two statements.

        Raises:
            Unauthenticated: the session has ended.
            InvalidProof: it is not this device's proof for this call and token, or it was used before.
            DeviceNotActive: the device has to be active and is not. The proof is not used up.
        """
        now = self.clock()
        proof = read_proof(compact, target, credential=token, now=now)
        standing = await self._standing(caller)
        key = standing.key
        proof.require_signed_by(key)
        if active:
            _require_active(standing)
        if not await self.store().use_proof(caller.device, proof.jti, expires_at=now + 2 * WINDOW):
            raise InvalidProof("The proof was used before. Make a new one for each call.")
        return key

    async def _standing(self, caller: Caller) -> Standing:
        standing = await self.store().standing(caller, self.clock())
        if standing is None:
            raise Unauthenticated
        return standing


def _require_active(standing: Standing) -> None:
    if standing.state != "active":
        raise DeviceNotActive
