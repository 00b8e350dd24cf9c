"""Giving back what a restore has lost of a chain: by anybody who has verified it, since its devices have signed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.clock import Clock
from common.errors import RateLimited
from common.identity import Caller, Head, IndexKey
from common.jose import SIGNING, RsaKey
from common.keys.ending import Ending
from common.keys.model import AddedDevice, Removal, Resubmission, ShutOut, Statement
from common.keys.ports import ResubmissionStore
from common.keys.statements import read_chain_statement
from common.quotas import Quota, Quotas

CALLS_PER_HOUR = 60
_HOUR = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Resubmitting:
    store: ResubmissionStore
    ending: Ending
    quotas: Quotas
    index_key: IndexKey
    clock: Clock

    async def resubmit(self, request: Resubmission, caller: Caller) -> Head:
        """Append the statements that the account's chain lacks. The chain's head, then.

        Whoever has none that a device of the account has signed is not told whether there is such an account.

        Those that stand there are passed over, so that the call may be repeated and may overlap another one's.

        Raises:
            RateLimited: the caller's account has re-submitted enough for now.
            InvalidRequest: see common.keys.statements, or Chain.require_resubmitted.
            Unauthenticated, DeviceNotActive, ChainConflict, Forbidden: see ResubmissionStore.
        """
        now = self.clock()
        await self._require_quota(caller, now)
        statements = _read(request, await self.store.signing_keys(caller, request.uid, now))
        out = ShutOut()
        if any(isinstance(statement, Removal) for statement in statements):
            out = await self.store.ending(caller, statements, now)
            await self.ending.begin(request.uid, out)
        head = await self.store.append(caller, statements, now)
        await self.ending.finish(request.uid, out.sessions)
        return head

    async def _require_quota(self, caller: Caller, now: float) -> None:
        subject = self.index_key.subject("re-submissions", caller.uid, now)
        quota = Quota(subject=subject, seconds=_HOUR, most=CALLS_PER_HOUR)
        if not await self.quotas.admit((quota,), now):
            raise RateLimited("Too many statements were re-submitted.", retry_after=_HOUR)


def _read(request: Resubmission, known: Mapping[str, str]) -> Sequence[Statement]:
    """The statements, verified by the keys of the account's known devices and of those that they add."""
    alg, use = SIGNING
    keys = {device: RsaKey(n=modulus, alg=alg, use=use) for device, modulus in known.items()}
    statements = []
    for compact in request.statements:
        statement = read_chain_statement(compact, request.uid, *keys.values())
        if isinstance(statement, AddedDevice):
            keys[statement.pop.device] = RsaKey(n=statement.pop.modulus, alg=alg, use=use)
        statements.append(statement)
    return statements
