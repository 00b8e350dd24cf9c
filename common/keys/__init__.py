"""Publishing keys: the chain that says who an account's devices are, and their short-lived encryption keys."""

from common.keys.model import Publication
from common.keys.service import Publishing

__all__ = ["Publication", "Publishing"]
