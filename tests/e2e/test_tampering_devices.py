"""A service that lies about a person's devices, resets and backups: each lie has its name."""

import re
from collections.abc import Iterator

import pytest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from scripts.local.stack import Backing
from scripts.local.testbed import start_test_suite
from sealpost.protocol.errors import Code
from sealpost.state import Json, Kind
from tests.client.stored import stored
from tests.e2e.device import new_key
from tests.e2e.device_cases import DEVICE_CASES, After
from tests.e2e.household import House, furnished, read
from tests.e2e.tampering import Owner, tampering_proxy
from tests.e2e.tampering_cases import CASES
from tests.e2e.victims import HONEST, Client

pytestmark = pytest.mark.early

MAKES_KEYS = "sealpost.protocol.jose.rsa.generate_private_key"
OF_THE_ATTEMPT = {Kind.STANDING, Kind.LINK}
"""What a device notes of what it asked for, and of what the service says of it."""


@pytest.fixture(scope="module")
def house(
    layout: Layout, processes: Processes, backing: Backing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with tampering_proxy() as proxy:
        settings = {"SEALPOST_URL": proxy.url}
        suite = start_test_suite(processes, layout, backing, "house", triggers=False, settings=settings)
        proxy.target = suite.url
        with pytest.MonkeyPatch.context() as patch:  # no test here is about making keys
            patch.setattr(MAKES_KEYS, lambda **_: new_key().private)
            made = furnished(proxy, Owner(suite, backing), tmp_path_factory.mktemp("profiles"))
            yield made
        processes.stop(suite.child)


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
