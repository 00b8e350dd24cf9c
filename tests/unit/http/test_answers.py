import pytest

from common.http import empty, json, page
from tests.unit.http.world import taking


def test_an_answer_is_cached_by_nobody() -> None:
    response = json({"a": "\u00e9"}, 202)
    assert (response.status_code, response.body) == (202, '{"a":"\u00e9"}'.encode())
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"


def test_a_public_answer_may_be_cached() -> None:
    assert json({}, public_for=300).headers["cache-control"] == "public, max-age=300"


def test_an_empty_answer_is_empty() -> None:
    response = empty()
    assert (response.status_code, response.body) == (204, b"")
    assert response.headers["cache-control"] == "no-store"


def test_a_page_is_kept_in_its_place() -> None:
    headers = page("<p>", policy="default-src 'none'").headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"] == "default-src 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_function_by_itself_says_that_it_lives(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    response = await taking().request(method, "/health")
    assert (response.status_code, response.headers["content-length"]) == (200, "3")
    assert capsys.readouterr() == ("", "")


async def test_it_lives_for_who_asks_and_not_for_who_posts() -> None:
    assert (await taking().post("/health", json={})).status_code == 404
