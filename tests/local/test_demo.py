import pytest

from scripts.local.demo import MESSAGE, refusal
from sealpost.protocol import bounds

FRAME = len('{"type":"text","text":"","from":"alice@example.com"}')
MOST = bounds.MAX_BODY - FRAME


@pytest.mark.parametrize("message", [MESSAGE, " ", "x" * MOST, "ü" * (MOST // 2)])
def test_what_fits_is_sent(message: str) -> None:
    assert refusal(message) is None


@pytest.mark.parametrize(
    ("message", "size", "body"),
    [
        ("x" * (MOST + 1), f"{MOST + 1:,}", "32,769"),
        ("ü" * 20_000, "40,000", f"{40_000 + FRAME:,}"),
        ("\n" * 20_000, "20,000", f"{40_000 + FRAME:,}"),
    ],
)
def test_what_is_too_long_is_refused_with_its_size_and_the_limit(message: str, size: str, body: str) -> None:
    said = refusal(message) or ""
    assert f"its {size} bytes make a body of {body}, and the protocol takes 32,768 at most" in said


def test_nothing_and_half_a_character_are_refused() -> None:
    assert "empty" in (refusal("") or "")
    assert "not UTF-8" in (refusal("\udcff") or "")
