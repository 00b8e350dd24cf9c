"""What is running where, and what to type next."""

import shlex
from pathlib import Path

from scripts.local.stack import Backing, Suite


def of(backing: Backing, suite: Suite, data: Path) -> str:
    """The table of a run's addresses, for a person."""
    rows = {
        "service": suite.url,
        "mailbox": f"{backing.mailbox}/",
        "Firestore emulator": f"{backing.firestore.url}/",
        "  which rules ran": backing.firestore.rules_coverage(suite.project),
        "Auth emulator": f"{backing.auth.url}/",
        "PostgreSQL": backing.postgres.dsn(suite.database),
        "logs, mails, data": str(data),
        "  profiles": str(data / "profiles"),
    }
    width = max(map(len, rows))
    lines = [f"  {name:<{width}}  {value}" for name, value in rows.items()]
    command = (
        shlex.quote(str(data.parent / "bin" / "sealpost")) if " " in str(data) else ".local/bin/sealpost"
    )
    return "\n".join(
        [
            "",
            *lines,
            "",
            "Next, in another terminal (the link is in the mailbox):",
            f"  {command} --profile alice sign-up alice@example.com --service {suite.url}",
            "",
            "Ctrl-C stops everything and keeps the data and the profiles;",
            "scripts/run --fresh begins without them.",
        ]
    )
