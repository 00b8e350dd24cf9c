"""Publishing keys: the chain that says who an account's devices are, how devices join it, and their short-lived keys."""

from common.keys.ending import Ending
from common.keys.linking import Linking
from common.keys.model import LinkGrant, LinkRequest, Nothing, Publication, Resubmission, Veto
from common.keys.resubmitting import Resubmitting
from common.keys.service import Publishing, Vetoing

__all__ = [
    "Ending",
    "LinkGrant",
    "LinkRequest",
    "Linking",
    "Nothing",
    "Publication",
    "Publishing",
    "Resubmission",
    "Resubmitting",
    "Veto",
    "Vetoing",
]
