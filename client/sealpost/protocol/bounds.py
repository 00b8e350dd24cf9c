"""The numbers of docs/protocol.md, "Bounds" and "Encodings"."""

from typing import Final

VERSION: Final = 1

CLOCK_TOLERANCE: Final = 600
"""Seconds allowed wherever two clocks meet."""

MAX_INTEGER: Final = 2**53 - 1
MAX_NESTING: Final = 16
"""Objects and arrays in one another, the outermost counted."""
MAX_STATEMENT: Final = 8 * 1024
"""Characters of one compact statement."""

MAX_KEY_LIFE: Final = 30 * 24 * 3600
"""Seconds from ``iat`` to ``exp`` of an encryption key."""
KEY_RENEWAL: Final = 7 * 24 * 3600
"""Seconds after which a device publishes its next encryption key."""
KEY_GRACE: Final = 24 * 3600
"""Seconds from the end of a key to the earliest catch-up after which it is destroyed."""

POSSESSION_LIFE: Final = 15 * 60
"""Seconds for which a pop may serve."""
MAX_DEVICES: Final = 10
"""Active devices of an account."""
LINK_LIFE: Final = 10 * 60
"""Seconds for which a request to link stands."""
MAX_LINK_TRIES: Final = 5
"""Wrong secrets that an approving device takes for one request."""

RESUBMITTED: Final = 12
"""Statements in one re-submission."""

MAX_RECIPIENTS: Final = 100
MAX_ENVELOPE: Final = 96 * 1024
"""Bytes of one envelope; it must stay under this."""
MAX_BODY: Final = 32 * 1024
"""UTF-8 bytes of a serialised body."""

MAX_BACKUP: Final = 96 * 1024
"""Characters of a sealed key backup, at most."""
MAX_PINS: Final = 50
"""Accounts in one message of pins."""
MAX_PIN_ADDRESSES: Final = 4
"""Addresses of one account in a pin."""
MAX_ADDRESS: Final = 254
"""Characters of an email address (RFC 5321)."""

CLOCK_NOTICE: Final = 600_000
"""Milliseconds between the signed time and the server's from which both are shown."""
