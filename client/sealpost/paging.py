"""Lists that the service gives in pages, newest first."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sealpost.errors import ServiceUnavailable
from sealpost.records import Json

Call = Callable[[str, Json], Json]


def entries(call: Call, function: str, member: str) -> Iterator[Json]:
    """Every entry of `member` in the answers of `function`; the next page is asked for when it is needed."""
    cursor = None
    while True:
        answer = call(function, {"cursor": cursor})
        page, cursor = answer.get(member), answer.get("cursor")
        if not isinstance(page, list) or not all(isinstance(entry, dict) for entry in page):
            raise bad_answer()
        yield from page
        if cursor is None or not page:
            return
        if not isinstance(cursor, str):
            raise bad_answer()


def text(value: object) -> str:
    if not isinstance(value, str):
        raise bad_answer()
    return value


def optional_text(value: object) -> str | None:
    return None if value is None else text(value)


def time(value: object, *, unit: int = 1) -> datetime:
    """A time that the service states in seconds, or in parts of one: `unit` of them are a second."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_answer()
    try:
        return datetime.fromtimestamp(value / unit, UTC)
    except (OverflowError, ValueError, OSError):
        raise bad_answer() from None


def bad_answer() -> ServiceUnavailable:
    return ServiceUnavailable("The service's list cannot be read.", code="bad-answer")
