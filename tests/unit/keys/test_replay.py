"""The service against chains.json, acts.json and links.json: it takes what must be taken and refuses the rest."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest

from common.errors import SealpostError
from common.identity import Caller
from common.keys import Ending, LinkGrant, Linking, LinkRequest, Publication, Publishing
from common.keys.model import Backup, Link
from tests.fakes.clock import FakeClock
from tests.fakes.keys import FakeChainStore, FakeLinkStore, FakeReaders
from tests.fakes.revocations import FakeRevoked
from tests.fakes.sessions import FakeLiveSessions
from tests.signing import Key, digest, encryption_key, key
from tests.unit.keys.world import wrapping_jwk

FOLDER = Path(__file__).parents[2] / "vectors"
FILES: dict[str, Any] = {
    name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("keys", "chains", "acts", "links")
}
SIGNING = {key(name).kid: key(name) for name in FILES["keys"]["keys"]}
"""All published keys: a device may come with what was another kind of key."""
ALICE: str = FILES["acts"]["uid"]
MAC = digest("mac")


def part(compact: str, place: int) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(urlsafe_b64decode(compact.split(".")[place] + "=="))
    return members


class Service:
    """Every statement is published by the device that signed it, when it was issued."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.clock = FakeClock(FILES["acts"]["now"])
        self.store = FakeChainStore()
        self.links = FakeLinkStore(self.store)
        self.publishing = Publishing(
            store=self.store,
            readers=FakeReaders(),
            ending=Ending(documents=FakeLiveSessions(), revoked=FakeRevoked()),
            clock=self.clock,
        )
        self.linking = Linking(store=self.links, audience=FILES["acts"]["service_url"], clock=self.clock)

    def caller(self, device: str) -> Caller:
        return Caller(uid=self.uid, session=device[:22], device=device)

    def first_key(self, device: Key) -> str:
        return encryption_key(device, device, self.uid, self.clock.now, keys=[wrapping_jwk(device, 1)])

    async def replay(self, statement: str) -> None:
        payload, device = part(statement, 1), SIGNING[part(statement, 0)["kid"]]
        if type(payload["iat"]) is int and payload["iat"] >= self.clock.now - 600:
            self.clock.now = payload["iat"]
        if payload["act"] == "add-device" and payload["seq"] != 0:
            await self._grant(statement, payload, device)
            return
        if payload["act"] == "set-history-key" and isinstance(payload["backup"], dict):
            n, backup = payload["backup"].get("n", 0), payload["backup"].get("hash", "")
            self.store.backups.add((self.uid, Backup(n, backup)))
        begins = payload["act"] in ("add-device", "reset")
        publication = Publication(statement, self.first_key(device) if begins else None, "")
        await self.publishing.publish(publication, self.caller(device.kid), device.known)

    async def _grant(self, statement: str, payload: dict[str, Any], device: Key) -> None:
        """The request stands, whatever its pop is worth."""
        newcomer = SIGNING.get(payload["device"]["kid"], device)
        self.store.lock(self.caller(newcomer.kid))
        self.store.links[self.uid] = Link(
            device=newcomer.kid,
            pop=payload["pop"],
            encryption_key=self.first_key(newcomer),
            mac=MAC,
            expires_at=int(self.clock.now) + 600,
        )
        await self.linking.grant(LinkGrant(statement, MAC, ""), self.caller(device.kid), device.known)


def named(cases: list[dict[str, Any]]) -> list[Any]:
    return [
        pytest.param(case, id=case.get("name", str(place)))
        for place, case in enumerate(cases)
        if case.get("server", True) and case["statements"]
    ]


@pytest.mark.parametrize("case", named(FILES["chains"]["accepted"] + FILES["acts"]["accepted"]))
async def test_a_chain_is_taken(case: dict[str, Any]) -> None:
    service = Service(case["uid"])
    for statement in case["statements"]:
        await service.replay(statement)
    assert service.store.sessions.heads[service.uid].json() == case["head"]
    if "devices" in case:
        active = {device["id"] for device in case["devices"] if device["removed"] is None}
        states = service.store.sessions.devices.items()
        assert {device for device, (_, _, state) in states if state == "active"} == active
        history = service.store.history.get(service.uid)
        assert (history and history.kid) == (case["history"] and case["history"]["kid"])


@pytest.mark.parametrize("case", named(FILES["chains"]["refused"] + FILES["acts"]["refused"]))
async def test_a_chain_is_refused_at_its_last_statement(case: dict[str, Any]) -> None:
    service = Service(ALICE)
    *before, last = case["statements"]
    for statement in before:
        await service.replay(statement)
    heads = dict(service.store.sessions.heads)
    with pytest.raises(SealpostError):
        await service.replay(last)
    assert service.store.sessions.heads == heads


async def request(case: dict[str, Any]) -> int:
    """A device asks as links.json says, when the chain there stands."""
    service = Service(ALICE)
    for statement in FILES["links"]["chain"]:
        await service.replay(statement)
    service.clock.now = FILES["links"]["now"]
    device = SIGNING[part(case["pop"], 1)["device"]["kid"]]
    asked = LinkRequest(case["pop"], case["encryption_key"], case["mac"], "")
    return await service.linking.request(asked, service.caller(device.kid), device.known)


@pytest.mark.parametrize("case", FILES["links"]["requests"]["accepted"], ids=lambda case: case["name"])
async def test_a_request_to_be_linked_is_taken(case: dict[str, Any]) -> None:
    assert await request(case) == FILES["links"]["now"] + 600


REFUSED = [case for case in FILES["links"]["requests"]["refused"] if case["server"]]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
async def test_a_request_to_be_linked_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(SealpostError):
        await request(case)
