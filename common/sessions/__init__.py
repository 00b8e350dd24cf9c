"""Sessions: a redeemed link and a device's proof become tokens; tokens become callers; a session ends when its person says so."""

from common.sessions.admission import Admission
from common.sessions.gate import Gate
from common.sessions.model import (
    Ending,
    EndingOfAll,
    Naming,
    NewSession,
    Opened,
    Paging,
    Renewal,
    StoredSession,
)
from common.sessions.overview import Overview
from common.sessions.proof import Target
from common.sessions.rotation import KeyRotation
from common.sessions.service import Sessions

__all__ = [
    "Admission",
    "Ending",
    "EndingOfAll",
    "Gate",
    "KeyRotation",
    "Naming",
    "NewSession",
    "Opened",
    "Overview",
    "Paging",
    "Renewal",
    "Sessions",
    "StoredSession",
    "Target",
]
