"""Conversations: who is in them, by signed statement, and when something was last said."""

from common.conversations.model import NewConversation, Started
from common.conversations.service import Conversations

__all__ = ["Conversations", "NewConversation", "Started"]
