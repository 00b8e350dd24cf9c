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
    "Change",
    "Device",
    "Hooks",
    "Identity",
    "Message",
    "ProfileFolder",
    "Receipt",
    "Refused",
    "SafetyNumber",
    "SealpostError",
    "Surroundings",
    "__version__",
]

if TYPE_CHECKING:
    from sealpost.account import Account
    from sealpost.changes import Change
    from sealpost.delivery import Hooks
    from sealpost.device import Device
    from sealpost.errors import SealpostError
    from sealpost.folders import ProfileFolder
    from sealpost.items import Message, Refused
    from sealpost.people import Identity, SafetyNumber
    from sealpost.sending import Receipt
    from sealpost.surroundings import Surroundings

_HOMES = {
    "Account": "account",
    "Change": "changes",
    "Device": "device",
    "Hooks": "delivery",
    "Identity": "people",
    "Message": "items",
    "ProfileFolder": "folders",
    "Receipt": "sending",
    "Refused": "items",
    "SafetyNumber": "people",
    "SealpostError": "errors",
    "Surroundings": "surroundings",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when first used: `sealpost --version` needs none of them."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'sealpost' has no attribute {name!r}")
    return getattr(import_module(f"sealpost.{_HOMES[name]}"), name)
