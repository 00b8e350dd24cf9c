"""Backups as this client makes them, and that it computes nothing for absurd ones."""

import json
from dataclasses import replace

import pytest

from sealpost.protocol import encoding, key_backup
from sealpost.protocol.body import Pin
from sealpost.protocol.errors import BackupTooLargeError, Code, ProtocolError
from sealpost.protocol.key_backup import Content, Cost
from sealpost.protocol.statements import Backup
from tests.vectors.people import person, private_key, read

ALICE = person("alice")
CONTENT = Content(
    ALICE.chain.head,
    (private_key("alice_history"),),
    (
        Pin(
            person("bob").uid,
            (0, person("bob").chain.head.hash),
            None,
            ("bob@example.org", "bób@example.org"),
        ),
    ),
)
CODE = "5M3QZ8T1K7WBC0XN2RHE9VJ4"
CHEAP = Cost(8, 1, 1)


def opened(text: str, *, code: str = CODE, n: int = 3) -> Content:
    announced = Backup(n, key_backup.digest(text))
    return key_backup.open_backup(text, code=code, uid=ALICE.uid, announced=announced)


def test_what_was_sealed_opens() -> None:
    text = key_backup.seal(CONTENT, code=CODE, n=3)
    assert opened(text) == CONTENT
    assert (
        json.loads(encoding.b64decode(json.loads(text)["protected"])).items()
        >= {
            "m": 65536,
            "t": 3,
            "p": 1,
            "n": 3,
            "iss": ALICE.uid,
        }.items()
    )


def test_every_sealing_is_another() -> None:
    one, two = (json.loads(key_backup.seal(CONTENT, code=CODE, n=3, cost=CHEAP)) for _ in range(2))
    assert not {one[name] for name in one} & {two[name] for name in two}


def test_the_size_tells_little() -> None:
    sizes = {
        len(key_backup.seal(replace(CONTENT, pins=pins), code=CODE, n=3, cost=CHEAP))
        for pins in ((), CONTENT.pins)
    }
    assert len(sizes) == 1


def test_the_head_inside_has_the_root_of_its_time() -> None:
    CONTENT.check_chain(ALICE.chain)
    other = replace(CONTENT.head, root=person("bob").chain.head.root)
    with pytest.raises(ProtocolError, match="chain-fork"):
        replace(CONTENT, head=other).check_chain(ALICE.chain)


def test_a_code_shows_and_reads_back() -> None:
    code = key_backup.new_code()
    assert len(key_backup.grouped(code).split("-")) == 6
    assert key_backup.read_code(key_backup.grouped(code)) == code


def test_what_holds_secrets_prints_none() -> None:
    assert private_key("alice_history").to_json()["d"] not in repr(CONTENT)


def test_nothing_is_computed_for_a_backup_that_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    def derive(*_: object) -> bytes:
        raise AssertionError("a key was derived")

    monkeypatch.setattr(key_backup, "_derive", derive)
    cases = [
        case for case in read("backups.json")["refused"] if case["code"] == "malformed" and case["server"]
    ]
    assert len(cases) > 30
    for case in cases:
        with pytest.raises(ProtocolError) as raised:
            opened(case["backup"], n=2)
        assert raised.value.code is Code.MALFORMED


@pytest.mark.parametrize("cost", [(8, 1, 1), (262144, 10, 4), (32, 1, 4)])
def test_costs_that_are_computed(cost: tuple[int, int, int]) -> None:
    assert Cost(*cost).memory == cost[0]


@pytest.mark.parametrize(
    "cost", [(7, 1, 1), (262145, 1, 1), (8, 0, 1), (8, 11, 1), (64, 1, 5), (31, 1, 4), (8, 1, 0)]
)
def test_costs_that_are_not(cost: tuple[int, int, int]) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        Cost(*cost)


def test_too_many_pins_do_not_fit() -> None:
    pin = CONTENT.pins[0]
    many = tuple(replace(pin, uid=f"u{number}") for number in range(1000))
    with pytest.raises(BackupTooLargeError) as raised:
        key_backup.seal(replace(CONTENT, pins=many), code=CODE, n=3, cost=CHEAP)
    assert raised.value.size > raised.value.limit
    key_backup.seal(replace(CONTENT, pins=many[:250]), code=CODE, n=3, cost=CHEAP)
