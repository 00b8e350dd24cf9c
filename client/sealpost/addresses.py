"""Email addresses, as the service takes them."""

import re

from sealpost.errors import UsageError

_ADDRESS = re.compile(r"[!-?A-~]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]*", re.ASCII)
_LONGEST = 254


def normal(text: str) -> str:
    """The address in lower case: one mailbox, one account. Raises UsageError."""
    address = text.strip()
    if not is_address(address):
        raise UsageError(
            "That is not an email address.", cure="For example: sealpost send ada@example.org Hello"
        )
    return address.lower()


def is_address(text: str) -> bool:
    """Whether `text` looks like an address in ASCII; the service decides."""
    return len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None
