"""Publishing keys: the chain that says who an account's devices are, how devices join it, and their short-lived keys."""

from common.keys.linking import Linking
from common.keys.model import LinkGrant, LinkRequest, Nothing, Publication, Veto
from common.keys.service import Publishing, Vetoing

__all__ = ["LinkGrant", "LinkRequest", "Linking", "Nothing", "Publication", "Publishing", "Veto", "Vetoing"]
