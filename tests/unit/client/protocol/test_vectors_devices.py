"""The client meets the vectors of accounts with several devices: acts, linking, oneself, recipients, backups."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from jwcrypto import jwe, jwk

from sealpost.protocol import (
    chain,
    conversation,
    encoding,
    encryption_keys,
    identifiers,
    jws,
    key_backup,
    linking,
    recipients,
)
from sealpost.protocol.errors import Code, ProtocolError
from sealpost.protocol.statements import Backup
from tests.vectors.people import read

ACTS = read("acts.json")
LINKS = read("links.json")
SELF_CONVERSATIONS = read("self_conversations.json")
RECIPIENTS = read("recipients.json")
BACKUPS = read("backups.json")

PINNED = {
    item["uid"]: chain.verify(item["uid"], item["statements"]) for item in read("chains.json")["accepted"]
}


def each(cases: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.get("name"))


def refuses(call: Callable[[], object], code: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        call()
    assert raised.value.code == Code(code), raised.value.detail


# acts.json


@each(ACTS["accepted"])
def test_act(case: dict[str, Any]) -> None:
    grown = chain.verify(case["uid"], case["statements"])
    assert list(grown.hashes) == case["hashes"]
    assert grown.head == chain.Head.parse(case["head"])
    assert [
        {"id": device.id, "added": device.added, "removed": device.removed, "removed_at": device.removed_at}
        for device in grown.devices.values()
    ] == case["devices"]
    history, backup = grown.history, grown.backup
    assert (
        history and {"kid": history.key.kid, "seq": history.seq, "backup": history.backup._asdict()}
    ) == case["history"]
    assert (backup and backup._asdict()) == case["backup"]
    assert list(grown.resets) == case["resets"]
    assert [asdict(change) for change in grown.changes(-1)] == case["changes"]


@each(ACTS["accepted"])
def test_a_chain_is_the_same_whichever_way_it_was_read(case: dict[str, Any]) -> None:
    grown = chain.verify(case["uid"], case["statements"][:1])
    for statement in case["statements"][1:]:
        grown = chain.extend(grown, [statement])
    assert grown == chain.verify(case["uid"], case["statements"])


@each(ACTS["refused"])
def test_act_refused(case: dict[str, Any]) -> None:
    *before, last = case["statements"]
    good = chain.verify(ACTS["uid"], before)
    refuses(lambda: chain.extend(good, [last]), case["code"])


# links.json


@each(LINKS["typed"])
def test_typed_secret(case: dict[str, str]) -> None:
    assert linking.read_secret(case["text"]) == LINKS["secret"]


@each(LINKS["mistyped"])
def test_mistyped_secret(case: dict[str, str]) -> None:
    refuses(lambda: linking.read_secret(case["text"]), "mistyped")


def verify_request(case: dict[str, Any]) -> linking.Newcomer:
    return linking.verify_request(
        secret=LINKS["secret"],
        pop=case["pop"],
        enc=case["encryption_key"],
        mac=case["mac"],
        chain=chain.verify(LINKS["uid"], LINKS["chain"]),
        service_url=LINKS["service_url"],
        now=LINKS["now"],
    )


@each(LINKS["requests"]["accepted"])
def test_link_request(case: dict[str, Any]) -> None:
    assert linking.request_mac(LINKS["secret"], case["pop"], case["encryption_key"]) == case["mac"]
    newcomer = verify_request(case)
    assert (newcomer.device.kid, newcomer.pop) == (case["device"], case["pop"])
    assert newcomer.encryption.statement == case["encryption_key"]


@each(LINKS["requests"]["refused"])
def test_link_request_refused(case: dict[str, Any]) -> None:
    refuses(lambda: verify_request(case), case["code"])


def verify_grant(case: dict[str, Any]) -> None:
    grown = chain.verify(LINKS["uid"], case["statements"])
    linking.verify_grant(secret=LINKS["secret"], mac=case["mac"], chain=grown, device=case["device"])


def test_grant_mac() -> None:
    head = chain.Head.parse(json.loads(LINKS["grant"]["head"]))
    assert encoding.canonical(head.to_json()) == LINKS["grant"]["head"]
    assert linking.grant_mac(LINKS["secret"], head) == LINKS["grant"]["mac"]


@each(LINKS["grants"]["accepted"])
def test_link_grant(case: dict[str, Any]) -> None:
    verify_grant(case)


@each(LINKS["grants"]["refused"])
def test_link_grant_refused(case: dict[str, Any]) -> None:
    refuses(lambda: verify_grant(case), case["code"])


# self_conversations.json


def read_conversation(case: dict[str, Any]) -> conversation.Conversation:
    pinned = tuple(case["pinned"]) if "pinned" in case else None
    return conversation.verify(SELF_CONVERSATIONS["cid"], case["statements"], chains=PINNED, pinned=pinned)


@each(SELF_CONVERSATIONS["accepted"])
def test_self_conversation(case: dict[str, Any]) -> None:
    verified = read_conversation(case)
    assert list(verified.members) == case["members"] == [SELF_CONVERSATIONS["uid"]]
    assert list(verified.head) == case["head"]
    assert identifiers.self_conversation(SELF_CONVERSATIONS["uid"]) == SELF_CONVERSATIONS["cid"]


@each(SELF_CONVERSATIONS["refused"])
def test_self_conversation_refused(case: dict[str, Any]) -> None:
    refuses(lambda: read_conversation(case), case["code"])


# recipients.json


def choose(case: dict[str, Any]) -> recipients.Recipients:
    now, members = RECIPIENTS["now"], {}
    for member in case["members"]:
        own = chain.verify(member["uid"], member["statements"])
        kept = [
            statement
            for statement in member["encryption_keys"]
            if own.devices[jws.parse(jws.Type.ENCRYPTION_KEY, statement).kid].removed is None
        ]
        keys = [encryption_keys.verify(statement, chain=own, now=now) for statement in kept]
        members[own.uid] = recipients.Member(own, {key.device: key for key in keys})
    return recipients.choose(
        members,
        sender=RECIPIENTS["sender"],
        sending_device=RECIPIENTS["sending_device"],
        now=now,
        expires=case["expires"],
    )


@each(RECIPIENTS["accepted"])
def test_recipients(case: dict[str, Any]) -> None:
    chosen = choose(case)
    assert [key.kid for key in chosen.keys] == case["kids"]
    assert list(chosen.left_out) == case["left_out"]


@each(RECIPIENTS["refused"])
def test_recipients_refused(case: dict[str, Any]) -> None:
    refuses(lambda: choose(case), case["code"])


# backups.json


def open_case(case: dict[str, Any]) -> key_backup.Content:
    return key_backup.open_backup(
        case["backup"],
        code=case.get("recovery_code", BACKUPS["recovery_code"]),
        uid=BACKUPS["uid"],
        announced=Backup(**case["announced"]),
    )


@each(BACKUPS["typed"])
def test_typed_code(case: dict[str, str]) -> None:
    assert key_backup.read_code(case["text"]) == BACKUPS["recovery_code"]


@each(BACKUPS["mistyped"])
def test_mistyped_code(case: dict[str, str]) -> None:
    refuses(lambda: key_backup.read_code(case["text"]), "mistyped")


@each(BACKUPS["accepted"])
def test_backup(case: dict[str, Any]) -> None:
    assert open_case(case).to_json() == case["content"]
    assert key_backup.digest(case["backup"]) == case["announced"]["hash"]


@each(BACKUPS["accepted"])
def test_backup_opens_with_a_jose_library(case: dict[str, Any]) -> None:
    token = jwe.JWE(algs=["dir", "A256GCM"])
    token.deserialize(case["backup"])
    token.decrypt(jwk.JWK(kty="oct", k=encoding.b64encode(bytes.fromhex(case["key"]))))
    assert len(token.payload) % 4096 == 0
    assert json.loads(token.payload) == case["content"]


@each(BACKUPS["refused"])
def test_backup_refused(case: dict[str, Any]) -> None:
    refuses(lambda: open_case(case), case["code"])


@each(BACKUPS["chains"])
def test_a_chain_goes_on_from_the_head_in_the_backup(case: dict[str, Any]) -> None:
    content = open_case(BACKUPS["accepted"][0])
    grown = chain.verify(BACKUPS["uid"], case["statements"])
    if case["code"] is None:
        content.check_chain(grown)
    else:
        refuses(lambda: content.check_chain(grown), case["code"])


def test_every_code_of_several_devices_has_a_case() -> None:
    files = (
        LINKS["requests"]["refused"],
        LINKS["grants"]["refused"],
        RECIPIENTS["refused"],
        BACKUPS["refused"],
    )
    codes = {case["code"] for cases in files for case in cases}
    assert codes >= {
        *(Code.WRONG_SECRET, Code.LINK_EXPIRED, Code.LINK_FORGED, Code.NO_ACTIVE_DEVICE),
        *(Code.BACKUP_STALE, Code.BACKUP_UNREADABLE),
    }
