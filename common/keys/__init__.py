"""Publishing and finding keys: the chain that says who an account's devices are, and their short-lived encryption keys."""

from common.keys.model import AccountQuery, ConversationQuery, Found, LookUp, Publication
from common.keys.service import Directory, Publishing

__all__ = ["AccountQuery", "ConversationQuery", "Directory", "Found", "LookUp", "Publication", "Publishing"]
