"""Email addresses, as the service takes them."""

import re

from sealpost.errors import UsageError

_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+(?![0-9]){_LABEL}(?<=[^.]{{2}})", re.ASCII
)
"""A dot-atom at a domain name of two labels or more (RFC 5321, section 4.1.2)."""
_LONGEST = 254
_LONGEST_LOCAL = 64


def normal(text: str) -> str:
    """The address in lower case: one mailbox, one account. Raises UsageError."""
    address = text.strip()
    if not is_address(address):
        raise UsageError("That is not an email address.", cure="It looks like this: ada@example.org")
    return address.lower()


def is_address(text: str) -> bool:
    """Whether `text` is an address as the service takes them. Looking up another one would only be refused."""
    found = _ADDRESS.fullmatch(text) if len(text) <= _LONGEST else None
    return found is not None and len(found["local"]) <= _LONGEST_LOCAL
