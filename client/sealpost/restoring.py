"""After a restore of the service: a device gives back what the service has lost, and comes back where it was lost itself.

Nothing here believes that there was a restore. What is given back are statements that were verified before; what the
service does not take back, it is known to have lost.
"""

from dataclasses import dataclass

from sealpost import refusals
from sealpost.contact import Contact
from sealpost.contacts import Contacts
from sealpost.device import OwnDevice
from sealpost.errors import ServiceProblem
from sealpost.giving_back import give_back
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.errors import Code, ProtocolError
from sealpost.session import Session
from sealpost.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """`own` is one's own uid."""

    session: Session
    contacts: Contacts
    device: OwnDevice
    own: str

    def rejoin(self, standing: Standing) -> bool:
        """Brings this device back into its chain where the service has lost how it joined; whether it had to.

        Raises Unsafe where the service does not take back what it has shown before, and ServiceProblem where a reset
        has to wait.
        """
        own = self.contacts.own()
        if own is None or own.frozen is not None or standing.device != "pending":
            return False
        if self.device.state() != "active" or not self._can_give_back(own.chain, standing.head):
            return False
        try:
            self._give_back(own, -1 if standing.head is None else standing.head.seq)
        except ServiceProblem as problem:
            if problem.code not in {"invalid-request", "chain-conflict"}:
                raise
            error = ProtocolError(Code.CHAIN_ROLLBACK, "the service does not take the end of the chain back")
            raise refusals.unsafe(error, refusals.OWN) from None
        self.contacts.find(uids=[self.own])
        return True

    def _can_give_back(self, chain: Chain, stated: Head | None) -> bool:
        """Whether the service states an earlier head of this chain; or none, and this device has begun it."""
        if stated is None:
            return chain.log[0].signer == self.device.key.kid
        return stated.seq < chain.head.seq and stated == chain.head_at(stated.seq)

    def _give_back(self, own: Contact, after: int) -> None:
        """What stands after that seq: this device's own beginning by `publish_key`, all else as anybody may."""
        begun = [change.seq for change in own.chain.changes(after) if change.signer == change.device]
        if begun and own.chain.log[begun[-1]].signer == self.device.key.kid:
            give_back(self.session.call, self.own, own.statements[after + 1 : begun[-1]])
            self.device.publish_again(own.statements[begun[-1]])
            give_back(self.session.call, self.own, own.statements[begun[-1] + 1 :])
        else:
            give_back(self.session.call, self.own, own.statements[after + 1 :])
            self.device.publish_again()
