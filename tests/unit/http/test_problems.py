from typing import Any

import pytest

from common import errors
from common.errors import SealpostError
from common.http import problems
from tests.unit.conftest import Printed
from tests.unit.http.world import code, raising

HEAD = {"uid": "alice1", "root": "r", "seq": 0, "hash": "h"}
MISMATCH = {"missing": ["a"], "extra": [], "expired": ["b"], "heads": {"bob1": [0, "h"]}}

TABLE: list[tuple[SealpostError, int, str, dict[str, str]]] = [
    (errors.InvalidRequest("Why."), 400, "invalid-request", {}),
    (
        errors.Unauthenticated("Why."),
        401,
        "unauthenticated",
        {"www-authenticate": 'Bearer error="invalid_token"'},
    ),
    (errors.InvalidProof("Why."), 401, "invalid-proof", {"www-authenticate": "Bearer"}),
    (errors.InvalidCode("Why."), 401, "invalid-code", {"www-authenticate": "Bearer"}),
    (errors.Forbidden("Why."), 403, "forbidden", {}),
    (errors.NotAMember("Why."), 403, "not-a-member", {}),
    (errors.DeviceNotActive("Why."), 403, "device-not-active", {}),
    (errors.Blocked("Why."), 403, "blocked", {}),
    (errors.NotFound("Why."), 404, "not-found", {}),
    (problems.MethodNotAllowed("Why.", allow="POST"), 405, "method-not-allowed", {"allow": "POST"}),
    (problems.RequestTimeout("Why."), 408, "request-timeout", {"connection": "close"}),
    (errors.ChainConflict("Why.", head=HEAD), 409, "chain-conflict", {}),
    (errors.KeyConflict("Why.", n=3), 409, "key-conflict", {}),
    (errors.ResetDelayed("Why.", due_at=9), 409, "reset-delayed", {}),
    (errors.LinkPending("Why.", expires_at=9), 409, "link-pending", {}),
    (errors.BackupConflict("Why.", n=3), 409, "backup-conflict", {}),
    (errors.Restored("Why.", uids=["bob1"]), 409, "restored", {}),
    (errors.DeviceMismatch("Why.", **MISMATCH), 409, "device-mismatch", {}),
    (errors.MessageConflict("Why."), 409, "message-conflict", {}),
    (problems.PayloadTooLarge("Why."), 413, "payload-too-large", {"connection": "close"}),
    (errors.RateLimited("Why.", retry_after=7), 429, "rate-limited", {"retry-after": "7"}),
    (problems.HeadersTooLarge("Why."), 431, "header-fields-too-large", {}),
    (errors.Unavailable("Why."), 503, "unavailable", {"retry-after": "1"}),
    (errors.DeadlineExceeded("Why."), 504, "deadline-exceeded", {}),
]
OPTIONAL = {"www-authenticate", "allow", "connection", "retry-after"}


def every(kind: type[SealpostError]) -> set[type[SealpostError]]:
    return {kind}.union(*(every(inner) for inner in kind.__subclasses__()))


def test_every_error_of_the_domain_has_its_row() -> None:
    ours = {kind for kind in every(SealpostError) if kind.__module__.startswith("common.")}
    assert ours - {SealpostError} == {type(error) for error, *_ in TABLE}


@pytest.mark.parametrize(("error", "status", "expected", "headers"), TABLE, ids=[row[2] for row in TABLE])
async def test_an_error_becomes_its_problem(
    error: SealpostError, status: int, expected: str, headers: dict[str, str], printed: Printed
) -> None:
    response = await raising(error).post("/v1/order", json={})
    assert (response.status_code, code(response)) == (status, expected)
    assert {name: response.headers[name] for name in OPTIONAL & response.headers.keys()} == headers
    document = response.json()
    assert document["detail"] == "Why."
    standard = {"type", "title", "status", "detail", "request_id"}
    assert {name: document[name] for name in document.keys() - standard} == dict(error.members)
    assert [line["problem"] for line in printed.lines] == [expected]


def test_codes_are_never_used_twice() -> None:
    codes = [row[2] for row in TABLE]
    assert len(set(codes)) == len(codes)


class Unlisted(SealpostError):
    """An error that somebody forgot to list."""


UNFORESEEN: dict[str, BaseException] = {
    "a fault": ValueError("canary"),
    "an error without a row": Unlisted("canary", canary="canary"),
    "a group": ExceptionGroup("canary", [ValueError("canary")]),
    "an error that cannot be shown": type("Mute", (Exception,), {"__str__": lambda _: 1 / 0})(),
}


@pytest.mark.parametrize("error", UNFORESEEN.values(), ids=UNFORESEEN.keys())
async def test_an_unforeseen_error_tells_nothing(error: BaseException, printed: Printed) -> None:
    response = await raising(error).post("/v1/order?canary", json={}, headers={"x-canary": "canary"})
    assert (response.status_code, code(response)) == (500, "internal")
    document = response.json()
    assert document.pop("request_id") == response.headers["x-request-id"]
    assert document == {
        "type": "urn:sealpost:problem:internal",
        "title": "Something went wrong on our side",
        "status": 500,
    }
    assert "canary" not in "".join(printed.text).replace("test_problems.py", "")


async def test_the_log_says_where_an_unforeseen_error_came_from(printed: Printed) -> None:
    async def fail() -> None:
        try:
            raise KeyError("canary")
        except KeyError as error:
            raise RuntimeError("canary") from error

    try:
        await fail()
    except RuntimeError as error:
        response = await raising(error).post("/v1/order", json={})
    fault, call = printed.lines
    assert fault["exceptions"] == ["RuntimeError", "KeyError"]
    assert any(__file__ in frame for frame in fault["frames"])
    assert (fault["severity"], fault["function"]) == ("ERROR", "order")
    assert (call["status"], call["request_id"]) == (500, response.headers["x-request-id"])
    assert "canary" not in "".join(printed.text)


async def test_each_request_has_its_own_id() -> None:
    api: Any = raising(errors.NotFound("Why."))
    ids = {(await api.post("/v1/order", json={})).json()["request_id"] for _ in range(5)}
    assert len(ids) == 5
