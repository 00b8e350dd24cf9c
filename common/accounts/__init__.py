"""Signing up: an address becomes a user once its owner follows the mailed link."""

from common.accounts.erasing import Erasing
from common.accounts.model import SignUp
from common.accounts.page import LINK_PAGE, LINK_PAGE_POLICY
from common.accounts.service import Accounts

__all__ = ["LINK_PAGE", "LINK_PAGE_POLICY", "Accounts", "Erasing", "SignUp"]
