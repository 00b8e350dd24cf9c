import pytest

from common.audit import Audit, Reading
from common.errors import InvalidRequest
from common.identity import Caller
from tests.fakes.audit import FakeAuditLog

ALICE = Caller(uid="alice1", session="s" * 22, device="d")


@pytest.fixture
def log() -> FakeAuditLog:
    return FakeAuditLog()


async def test_lines_come_newest_first_with_their_ids(log: FakeAuditLog) -> None:
    log.write("alice1", "session-begun", 1_800_000_000.1234, device="d", session="s")
    log.write("bob1", "reset", 1_800_000_001, device="b", session=None)
    log.write("alice1", "history-key-set", 1_800_000_002, device=None, session=None)
    page = await Audit(log=log).page(Reading(None), ALICE)
    assert page.json() == {
        "entries": [
            {"at": 1_800_000_002_000, "act": "history-key-set", "device": None, "session": None},
            {"at": 1_800_000_000_123, "act": "session-begun", "device": "d", "session": "s"},
        ],
        "cursor": None,
    }


@pytest.mark.parametrize(("lines", "sizes"), [(0, [0]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
async def test_a_hundred_come_at_a_time(log: FakeAuditLog, lines: int, sizes: list[int]) -> None:
    for number in range(lines):
        log.write("alice1", str(number), 1_800_000_000, device=None, session=None)
        log.write("bob1", "other", 1_800_000_000, device=None, session=None)
    audit, acts, seen, cursor = Audit(log=log), [], [], None
    while True:
        page = await audit.page(Reading(cursor), ALICE)
        seen.append(len(page.entries))
        acts += [entry.act for entry in page.entries]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == sizes
    assert acts == [str(number) for number in reversed(range(lines))]


@pytest.mark.parametrize("cursor", ["", "0", "01", "-1", "1.0", " 1", "1\n", "x", "9" * 19, "\u0661"])
def test_a_cursor_has_its_form(cursor: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^The cursor must match"):
        Reading(cursor)
