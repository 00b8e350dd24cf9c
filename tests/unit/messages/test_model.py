import pytest

from common.errors import InvalidRequest
from common.messages import NewMessage
from tests.refusals import cases
from tests.signing import digest

ID = "0190f7a2-5c3e-7abc-8def-0123456789ab"
CONVERSATION = digest("conversation")

REFUSED: dict[str, dict[str, tuple[str, str, int | None, str]]] = {
    "message_id must match [0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}.": {
        "id in upper case": ("0190F7A2-5C3E-7ABC-8DEF-0123456789AB", CONVERSATION, None, "{}"),
        "id of version 4": ("0190f7a2-5c3e-4abc-8def-0123456789ab", CONVERSATION, None, "{}"),
        "id of another variant": ("0190f7a2-5c3e-7abc-cdef-0123456789ab", CONVERSATION, None, "{}"),
        "id without hyphens": ("0190f7a25c3e7abc8def0123456789ab", CONVERSATION, None, "{}"),
        "id in braces": ("{0190f7a2-5c3e-7abc-8def-0123456789ab}", CONVERSATION, None, "{}"),
        "id with a newline": (f"{ID}\n", CONVERSATION, None, "{}"),
        "id that leaves its collection": (f"{ID}/../x", CONVERSATION, None, "{}"),
        "no id": ("", CONVERSATION, None, "{}"),
    },
    "conversation_id must match [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048].": {
        "no conversation": (ID, "", None, "{}"),
        "conversation with a slash": (ID, "a/" * 21 + "A", None, "{}"),
        "conversation with unused bits": (ID, "A" * 42 + "B", None, "{}"),
    },
    "expires_at must be a whole number from 0 to 2^53-1.": {
        "negative expires_at": (ID, CONVERSATION, -1, "{}"),
        "expires_at out of range": (ID, CONVERSATION, 2**53, "{}"),
        "expires_at is true": (ID, CONVERSATION, True, "{}"),
    },
    "The envelope must be ASCII and shorter than 98304 bytes.": {
        "envelope that is not ASCII": (ID, CONVERSATION, None, '{"x":"\u00e9"}'),
        "envelope with half a surrogate pair": (ID, CONVERSATION, None, "\ud800"),
        "envelope of 96 KiB": (ID, CONVERSATION, None, "x" * 98_304),
    },
}


@pytest.mark.parametrize(("parts", "sentence"), cases(REFUSED))
def test_what_is_no_message_is_refused(parts: tuple[str, str, int | None, str], sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        NewMessage(*parts)
    assert refused.value.detail == sentence


def test_an_envelope_may_have_a_byte_less_than_96_kib() -> None:
    assert len(NewMessage(ID, CONVERSATION, 0, "x" * 98_303).envelope) == 98_303
