"""The audit log: what happened to an account, for its person to read. Whatever happens writes its own line."""

from common.audit.model import Reading
from common.audit.service import Audit

__all__ = ["Audit", "Reading"]
