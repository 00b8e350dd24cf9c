"""An active device takes a new one into the account: by the secret that the new one shows."""

from dataclasses import dataclass

from sealpost import refusals
from sealpost.contacts import Contacts
from sealpost.device import OwnDevice
from sealpost.errors import SealpostError, ServiceProblem, Unsafe, UsageError
from sealpost.own_chain import OwnChain
from sealpost.protocol import acts, bounds, encoding, linking
from sealpost.protocol import chain as chains
from sealpost.protocol.chain import Chain
from sealpost.protocol.errors import Code, ProtocolError
from sealpost.protocol.linking import Newcomer
from sealpost.service import Service
from sealpost.session import Session
from sealpost.state import Json, Kind, State
from sealpost.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    state: State
    session: Session
    service: Service
    contacts: Contacts
    device: OwnDevice
    chain: OwnChain
    sync: Sync

    def approve(self, text: str) -> str:
        """Adds the device that shows this secret. Its id."""
        try:
            secret = linking.read_secret(text)
        except ProtocolError as error:
            raise UsageError(
                error.sentence, code=error.code.value, cure="It has 16 letters and digits, in four groups."
            ) from None
        with self.state.alone():
            chain = self.chain.newest()
            request = self.session.call("get_link_request", {}).get("request")
            if request is None:
                self.sync.tell_all()  # where an earlier approval took effect, and its answer was lost
                raise _nobody_asks()
            newcomer = self._verified(request, secret, chain)
            self._grant(newcomer, secret)
        self.sync.tell_all()
        return newcomer.device.kid

    def _verified(self, request: object, secret: str, chain: Chain) -> Newcomer:
        """The device that asks; a wrong secret is counted, and the fifth one ends the request on this device."""
        pop, enc, mac = _read(request)
        identity = encoding.digest(f"{pop}.{enc}.{mac}")
        wrong = (self.state.get(Kind.LINK_TRIES, identity) or {"wrong": 0})["wrong"]
        if wrong >= bounds.MAX_LINK_TRIES:
            raise _too_many()
        try:
            return linking.verify_request(
                secret=secret,
                pop=pop,
                enc=enc,
                mac=mac,
                chain=chain,
                service_url=self.service.url,
                now=int(self.service.now()),
            )
        except ProtocolError as error:
            if error.code is not Code.WRONG_SECRET:
                raise _refused(error) from None
            self.state.put(Kind.LINK_TRIES, {"wrong": wrong + 1}, identity)
            left = bounds.MAX_LINK_TRIES - wrong - 1
            if left == 0:
                raise _too_many() from None
            raise UsageError(
                error.sentence,
                code=error.code.value,
                cure=f"{left} more {'tries' if left > 1 else 'try'} for this device; then it has to ask anew.",
            ) from None

    def _grant(self, newcomer: Newcomer, secret: str) -> None:
        mac = ""

        def addition(chain: Chain) -> str:
            nonlocal mac
            if newcomer.device.kid in chain.devices:
                raise UsageError(
                    "Another device of yours has approved this device already.",
                    cure="See them all: sealpost devices",
                )
            if len(chain.active_devices) >= bounds.MAX_DEVICES:
                raise UsageError(
                    f"The account has {bounds.MAX_DEVICES} devices already.",
                    cure="Remove one: sealpost devices, then sealpost revoke DEVICE",
                )
            now = int(self.service.now())
            statement = acts.add_device(chain, newcomer.device, newcomer.pop, self.device.key, now)
            mac = linking.grant_mac(secret, chains.extend(chain, [statement]).head)
            return statement

        def post(statement: str) -> Json:
            return self.session.proved("grant_link", statement=statement, mac=mac)

        try:
            self.chain.append(addition, post)
        except ServiceProblem as problem:
            if problem.code == "not-found":
                raise _nobody_asks() from None
            raise
        except ProtocolError as error:
            raise _refused(error) from None


def _read(request: object) -> tuple[str, str, str]:
    match request:
        case {"pop": str(pop), "encryption_key": str(enc), "mac": str(mac)} if f"{pop}{enc}{mac}".isascii():
            return pop, enc, mac
    raise refusals.bad_link_answer()


def _nobody_asks() -> SealpostError:
    return UsageError(
        "No device of this account asks to be linked.",
        code="not-found",
        cure="Run `link` on the new device. If this was tried before, see `sealpost devices`.",
    )


def _too_many() -> SealpostError:
    return UsageError(
        f"{bounds.MAX_LINK_TRIES} wrong secrets were given for this request: it is refused for good.",
        code=Code.WRONG_SECRET.value,
        cure="Begin again on the new device: link --new",
    )


def _refused(error: ProtocolError) -> SealpostError:
    if error.code is Code.LINK_EXPIRED:
        return UsageError(error.sentence, code=error.code.value, cure="On the new device: link --new")
    return Unsafe(
        f"The device that asks was not added. {error.sentence}",
        code=error.code.value,
        cure="Begin again on the new device: link --new. If it goes on, tell the service's operator.",
    )
