"""Handing a sealed message to the service, and once more when it has lost something that this device can give back."""

from dataclasses import dataclass

from sealpost.contacts import Contacts
from sealpost.device import OwnDevice
from sealpost.errors import ServiceProblem
from sealpost.service import Json
from sealpost.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """`own` is one's own uid."""

    session: Session
    contacts: Contacts
    device: OwnDevice
    own: str

    def post(self, *, cid: str, mid: str, envelope: str) -> Json:
        """The service's answer to `send_message`. The same bytes may be posted again at any time."""
        body = {"message_id": mid, "conversation_id": cid, "expires_at": None, "envelope": envelope}
        mended: set[str] = set()
        while True:
            try:
                return self.session.call("send_message", body)
            except ServiceProblem as problem:
                if problem.code in mended or not self._mend(problem, cid):
                    raise
                mended.add(problem.code)

    def _mend(self, problem: ServiceProblem, cid: str) -> bool:
        if problem.code == "restored" and problem.members.get("uids") == [self.own]:
            self.contacts.find(uids=[self.own])
            self.device.publish_again()
            return True
        return problem.code == "not-a-member" and self.contacts.give_conversation_back(cid)
