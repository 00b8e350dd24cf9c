"""The daily backup of a running service, as the scheduler calls it, and as several do at once."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common.backups import Manifest
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
    token = backing.keys.scheduler_token.read_text()

    def state(name: str) -> str:
        answer = call("POST", f"{suite.url}/v1/{name}", {}, bearer=token, timeout=120)
        assert answer.status == 200, answer.text
        return str(answer.json["state"])

    for name in ("daily_backup", "check_backup"):
        assert call("POST", f"{suite.url}/v1/{name}", {}, bearer="guess").status == 401
    with ThreadPoolExecutor(4) as schedulers:
        begun = sorted(schedulers.map(state, ["daily_backup"] * 4))
        assert begun == ["running"] * 3 + ["started"]
        assert set(schedulers.map(state, ["check_backup"] * 4)) == {"complete"}
    assert state("daily_backup") == "too early"

    (backup,) = backups.iterdir()
    manifest = Manifest.read((backup / "manifest.json").read_bytes(), project=suite.project, name=backup.name)
    assert (manifest.documents >= 2, manifest.rows["accounts"] >= 2) == (True, True)
    contents = [(backup / part.name).read_bytes() for part in manifest.objects]
    assert any(receipt.message_id.encode() in content for content in contents)
    assert not any(b"not in any backup" in content for content in contents)
