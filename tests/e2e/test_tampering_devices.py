"""A service that lies about a person's devices, resets and backups: each lie has its name."""

import re
from collections.abc import Iterator

import pytest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from scripts.local.stack import Backing
from sealpost.protocol.errors import Code
from sealpost.state import Json, Kind
from tests.client.stored import stored
from tests.e2e.device import ready_keys
from tests.e2e.device_cases import DEVICE_CASES, After
from tests.e2e.household import House, furnished, read
from tests.e2e.tampering import lying_suite
from tests.e2e.tampering_cases import CASES
from tests.e2e.victims import HONEST, Client

pytestmark = pytest.mark.early

OF_THE_ATTEMPT = {Kind.STANDING, Kind.LINK}
"""What a device notes of what it asked for, and of what the service says of it."""


@pytest.fixture(scope="module")
def house(
    layout: Layout, processes: Processes, backing: Backing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with (
        lying_suite(layout, processes, backing, "house") as (proxy, owner),
        pytest.MonkeyPatch.context() as patch,
    ):
        ready_keys(patch)
        yield furnished(proxy, owner, tmp_path_factory.mktemp("profiles"))


@pytest.mark.parametrize("name", DEVICE_CASES)
def test_a_lie_is_named(house: House, name: str) -> None:
    case = DEVICE_CASES[name]
    with house.delivering(), house.client(case.device, knowing=case.knowing) as client:
        before = kept(client)
        assert case.meets(house, client) == [case.code]
        match case.after:
            case After.AS_BEFORE:
                assert kept(client) == before
            case After.STOPPED:
                assert house.written_to(client) == [case.code]
            case After.GOES_ON:
                assert house.written_to(client) == []
                if case.device != "laptop":
                    house.owner.store(house.honest)
                    assert read(client) == [HONEST]


def kept(client: Client) -> tuple[dict[str, list[Json]], int]:
    documents, messages = stored(client.account)
    return {kind: documents[kind] for kind in documents if kind not in OF_THE_ATTEMPT}, len(messages)


def test_every_code_is_met(layout: Layout) -> None:
    protocol = (layout.root / "docs" / "protocol.md").read_text(encoding="utf-8")
    table = protocol.partition("\n## Reason codes\n")[2].partition("\n## ")[0]
    codes = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)

    met = {case.code for case in CASES.values()} | {case.code for case in DEVICE_CASES.values()}
    assert met == set(codes) == set(Code)
