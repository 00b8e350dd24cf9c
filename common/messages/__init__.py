"""Sending: one sealed message, checked without being opened, becomes one document."""

from common.messages.model import NewMessage
from common.messages.service import Messages

__all__ = ["Messages", "NewMessage"]
