import pytest

from common.errors import InvalidRequest
from common.messages import NewMessage
from tests.signing import digest

ID = "0190f7a2-5c3e-7abc-8def-0123456789ab"
CONVERSATION = digest("conversation")

REFUSED = {
    "id in upper case": ("0190F7A2-5C3E-7ABC-8DEF-0123456789AB", CONVERSATION, None, "{}"),
    "id of version 4": ("0190f7a2-5c3e-4abc-8def-0123456789ab", CONVERSATION, None, "{}"),
    "id of another variant": ("0190f7a2-5c3e-7abc-cdef-0123456789ab", CONVERSATION, None, "{}"),
    "id without hyphens": ("0190f7a25c3e7abc8def0123456789ab", CONVERSATION, None, "{}"),
    "id in braces": ("{0190f7a2-5c3e-7abc-8def-0123456789ab}", CONVERSATION, None, "{}"),
    "id with a newline": (f"{ID}\n", CONVERSATION, None, "{}"),
    "id that leaves its collection": (f"{ID}/../x", CONVERSATION, None, "{}"),
    "no id": ("", CONVERSATION, None, "{}"),
    "no conversation": (ID, "", None, "{}"),
    "conversation with a slash": (ID, "a/" * 21 + "A", None, "{}"),
    "conversation with unused bits": (ID, "A" * 42 + "B", None, "{}"),
    "negative expires_at": (ID, CONVERSATION, -1, "{}"),
    "expires_at out of range": (ID, CONVERSATION, 2**53, "{}"),
    "expires_at is true": (ID, CONVERSATION, True, "{}"),
    "envelope that is not ASCII": (ID, CONVERSATION, None, '{"x":"\u00e9"}'),
    "envelope with half a surrogate pair": (ID, CONVERSATION, None, "\ud800"),
    "envelope of 96 KiB": (ID, CONVERSATION, None, "x" * 98_304),
}


@pytest.mark.parametrize("parts", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_message_is_refused(parts: tuple[str, str, int | None, str]) -> None:
    with pytest.raises(InvalidRequest):
        NewMessage(*parts)


def test_an_envelope_may_have_a_byte_less_than_96_kib() -> None:
    assert len(NewMessage(ID, CONVERSATION, 0, "x" * 98_303).envelope) == 98_303
