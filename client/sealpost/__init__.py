"""Client of Sealpost, the end-to-end encrypted messenger in which your email address is your identity.

    from sealpost import Account, ProfileFolder

    with Account.open(ProfileFolder.of("ada"), passphrase=lambda: "...") as account:
        account.send("bob@example.org", "Hello")
        for item in account.listen(timeout=60):
            print(item)

`sealpost.protocol` holds the formats as pure functions. Everything raised is a SealpostError.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Account",
    "AuditEntry",
    "Change",
    "Device",
    "HistoryStatus",
    "Hooks",
    "Identity",
    "Message",
    "ProfileFolder",
    "Receipt",
    "Refused",
    "Restored",
    "SafetyNumber",
    "SealpostError",
    "SessionInfo",
    "Surroundings",
    "__version__",
]

if TYPE_CHECKING:
    from sealpost.account import Account
    from sealpost.audit import AuditEntry
    from sealpost.changes import Change
    from sealpost.delivery import Hooks
    from sealpost.device import Device
    from sealpost.errors import SealpostError
    from sealpost.folders import ProfileFolder
    from sealpost.history import HistoryStatus
    from sealpost.items import Message, Refused
    from sealpost.people import Identity, SafetyNumber
    from sealpost.recovery import Restored
    from sealpost.sending import Receipt
    from sealpost.sessions import SessionInfo
    from sealpost.surroundings import Surroundings

_HOMES = {
    "Account": "account",
    "AuditEntry": "audit",
    "Change": "changes",
    "Device": "device",
    "HistoryStatus": "history",
    "Hooks": "delivery",
    "Identity": "people",
    "Message": "items",
    "ProfileFolder": "folders",
    "Receipt": "sending",
    "Refused": "items",
    "Restored": "recovery",
    "SafetyNumber": "people",
    "SealpostError": "errors",
    "SessionInfo": "sessions",
    "Surroundings": "surroundings",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when first used: `sealpost --version` needs none of them."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'sealpost' has no attribute {name!r}")
    return getattr(import_module(f"sealpost.{_HOMES[name]}"), name)
