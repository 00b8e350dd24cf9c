"""The daily backup of a running service, as the scheduler calls it."""

import shutil
from collections.abc import Callable

from scripts.local.people import Person
from scripts.local.stack import Backing, Suite
from scripts.local.web import call


def test_the_scheduler_has_both_databases_backed_up_and_nobody_else_may(
    enter: Callable[[str], Person], backing: Backing, suite: Suite
) -> None:
    backups = backing.data / "backups" / suite.project
    shutil.rmtree(backups, ignore_errors=True)  # another test may have had today's made
    alice, bob = enter("alice"), enter("bob")
    receipt = alice.send(bob.address, "not in any backup")
    url = f"{suite.url}/v1/daily_backup"
    assert call("POST", url, {}, bearer="guess").status == 401
    answer = call("POST", url, {}, bearer=backing.keys.scheduler_token.read_text(), timeout=120)
    assert answer.status == 200, answer.text

    files = [path for path in backups.rglob("*") if path.is_file()]
    contents = {path.name: path.read_bytes() for path in files}
    assert any("manifest" in name for name in contents), sorted(contents)
    assert any(receipt.message_id.encode() in content for content in contents.values()), sorted(contents)
    assert not any(b"not in any backup" in content for content in contents.values())
