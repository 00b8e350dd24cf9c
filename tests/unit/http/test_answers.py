from common.http import empty, json, page


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
