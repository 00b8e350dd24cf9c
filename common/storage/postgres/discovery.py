"""Who may find whom, as SQL that looking up and beginning a conversation share."""

FAMILIAR = """(account.uid = :caller or exists (
    select from members mine join members theirs on theirs.cid = mine.cid
    where mine.uid = :caller and theirs.uid = account.uid))"""
"""Holds for a row `account` that is the caller's own or shares a conversation with them."""
OPEN = f"(account.discoverable or {FAMILIAR})"
"""Holds for a row `account` that the caller may find."""
