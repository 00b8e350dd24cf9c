"""Looking up what accounts and conversations have published."""

from common.directory.model import AccountQuery, ConversationQuery, Found, LookUp
from common.directory.service import Directory

__all__ = ["AccountQuery", "ConversationQuery", "Directory", "Found", "LookUp"]
