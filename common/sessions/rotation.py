"""Rotation of the keys of access tokens, so that no key signs for long and no valid token is ever refused."""

from dataclasses import dataclass

from common.clock import Clock
from common.sessions.ports import TokenKeyRing

REST = 3_600
"""Seconds between two changes of a ring. A key is published for so long before it signs, which is sixty times what a
verifier that meets an unknown kid waits; and it verifies for so long after its last signature, four times what a token
lives. It also makes of the scheduler's doubled call one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation:
    store: TokenKeyRing
    clock: Clock

    async def run(self) -> bool:
        """Turn the ring, unless that was done within the hour. Whether this call did it."""
        now = self.clock()
        ring, version = await self.store.read()
        if now - ring.changed_at < REST:
            return False
        return await self.store.replace(version, ring.turned(now))
