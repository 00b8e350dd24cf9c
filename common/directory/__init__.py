"""Looking up: what accounts and conversations have published, for who may find them."""

from common.directory.model import AccountQuery, ConversationQuery, Found, LookUp, Visibility
from common.directory.service import Directory, Disclosure

__all__ = ["AccountQuery", "ConversationQuery", "Directory", "Disclosure", "Found", "LookUp", "Visibility"]
