"""The account's sessions, its audit, and who may find it."""

import json

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import ExitStatus, ServiceUnavailable, UsageError
from tests.client.command import run, signed_in
from tests.client.fakes import Json, World, problem

EMAIL = "ada@example.org"


def listed(session_id: str, **changed: object) -> Json:
    return {
        "session_id": session_id,
        "device": f"device-of-{session_id}",
        "name": None,
        "created_at": 1_800_000_000,
        "seen_at": 1_800_000_100,
        "expires_at": 1_803_888_100,
    } | changed


@pytest.fixture(autouse=True)
def sessions_of_ada(world: World, request: pytest.FixtureRequest) -> None:
    """Three sessions, the second one this device's, and three lines of the audit, in two pages each."""
    if "cli" in request.fixturenames:
        signed_in(world, "ada")
    else:
        request.getfixturevalue("ada")
    world.service.accounts[EMAIL] |= {
        "listed": [listed("aaab"), listed("sid", name="my\x1b[2Jlaptop"), listed("aabc")],
        "audit": [
            {"at": 1_800_000_000_123 + number, "act": act, "device": "d" * 43, "session": None}
            for number, act in enumerate(["session-begun", "key-backup-read", "act-of-tomorrow"])
        ],
    }


class TestLibrary:
    def test_all_pages_newest_first(self, ada: Account) -> None:
        found = list(ada.sessions.list())

        assert [(one.id, one.current) for one in found] == [("aabc", False), ("sid", True), ("aaab", False)]
        assert found[0].seen_at.timestamp() == 1_800_000_100

    def test_a_session_gets_a_name_and_loses_it(self, world: World, ada: Account) -> None:
        ada.sessions.name("aab", "old laptop")
        assert next(ada.sessions.list()).name == "old laptop"
        ada.sessions.name("aabc", None)

        assert [body["name"] for body in world.service.called("name_session")] == ["old laptop", None]

    @pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines", "\x1b[2J", "a\u2028b"])
    def test_a_name_that_cannot_stand_in_a_line_is_refused_here(
        self, world: World, ada: Account, name: str
    ) -> None:
        with pytest.raises(UsageError):
            ada.sessions.name("aabc", name)
        assert world.service.called("name_session") == []

    @pytest.mark.parametrize("beginning", ["aa", "", "x", "AABC"])
    def test_which_session_is_meant_must_be_clear(self, world: World, ada: Account, beginning: str) -> None:
        with pytest.raises(UsageError):
            ada.sessions.revoke(beginning)
        assert world.service.called("revoke_session") == []

    def test_a_whole_id_that_another_begins_with_is_clear(self, world: World, ada: Account) -> None:
        world.service.accounts[EMAIL]["listed"].append(listed("aabcd"))

        assert ada.sessions.revoke("aabc").id == "aabc"

    def test_another_devices_session_ends_and_this_one_goes_on(self, ada: Account) -> None:
        assert ada.sessions.revoke("aaab").device == "device-of-aaab"

        assert [one.id for one in ada.sessions.list()] == ["aabc", "sid"]
        assert ada.whoami().signed_in

    def test_to_end_the_own_session_is_to_sign_out(self, ada: Account) -> None:
        ada.sessions.revoke("sid")

        assert not ada.whoami().signed_in

    @pytest.mark.parametrize("lost", [0, 1])
    def test_all_end_though_the_answer_is_lost(self, world: World, ada: Account, lost: int) -> None:
        world.service.lose["revoke_all_sessions"] = lost
        ada.sessions.revoke_all()

        assert not ada.whoami().signed_in
        proofs = [body["proof"] for body in world.service.called("revoke_all_sessions")]
        assert len(set(proofs)) == len(proofs) > lost

    def test_what_the_service_refuses_ends_nothing_here(self, world: World, ada: Account) -> None:
        world.service.before["revoke_all_sessions"] = lambda _body: problem(503, "unavailable")

        with pytest.raises(ServiceUnavailable):
            ada.sessions.revoke_all()
        assert ada.whoami().signed_in

    def test_the_audit_is_asked_for_as_far_as_it_is_read(self, world: World, ada: Account) -> None:
        first = next(ada.audit())

        assert (first.act, first.at.timestamp()) == ("act-of-tomorrow", 1_800_000_000.125)
        assert len(world.service.called("list_audit")) == 1
        assert len(list(ada.audit())) == 3

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"entries": [1], "cursor": None},
            {"entries": [{"at": True, "act": "reset", "device": None, "session": None}], "cursor": None},
            {"entries": [{"at": 10**20, "act": "reset", "device": None, "session": None}], "cursor": None},
            {"entries": [{"at": 1, "act": "reset", "device": 2, "session": None}], "cursor": None},
            {"entries": [{"at": 1, "act": "reset", "device": None, "session": None}], "cursor": 2},
        ],
    )
    def test_a_list_that_is_none_is_told(self, world: World, ada: Account, answer: Json) -> None:
        world.service.before["list_audit"] = lambda _body: httpx.Response(200, json=answer)

        with pytest.raises(ServiceUnavailable, match="cannot be read"):
            list(ada.audit())

    def test_who_may_find_the_account(self, world: World, ada: Account) -> None:
        ada.set_discovery(is_open=False)
        assert world.service.accounts[EMAIL]["open"] is False


@pytest.mark.usefixtures("cli")
class TestCommands:
    def test_a_list_for_people_and_one_for_programs(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--profile", "ada", "sessions") == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == ["aabc", "sid", "aaab"]
        assert lines[1].endswith("  my\\u{1b}[2Jlaptop  (this one)")

        for arguments in (
            ["sessions", "--json"],
            ["sessions", "list", "--json"],
            ["sessions", "--json", "list"],
        ):
            assert run("--profile", "ada", *arguments) == 0
            read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
            assert [one["id"] for one in read] == ["aabc", "sid", "aaab"]
            assert read[1]["name"] == "my\x1b[2Jlaptop"

    def test_name_and_revoke(self, cli: World, capsys: pytest.CaptureFixture[str]) -> None:
        cli.service.accounts[EMAIL]["listed"].append(listed("-x7Q"))
        assert run("--profile", "ada", "sessions", "name", "aab", "old laptop") == 0
        assert run("--profile", "ada", "sessions", "revoke", "--", "-x7") == 0
        assert run("--profile", "ada", "sessions") == 0

        out = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in out] == ["aabc", "sid", "aaab"]
        assert out[0].endswith("  old laptop")

    def test_all_end(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--profile", "ada", "sessions", "revoke", "--all") == 0
        assert "sealpost --profile ada sign-up ada@example.org" in capsys.readouterr().err
        assert run("--profile", "ada", "sessions") == ExitStatus.NOT_SIGNED_IN

    @pytest.mark.parametrize(
        "arguments",
        [["revoke"], ["revoke", "aabc", "--all"], ["name"], ["end"], ["revoke", "a", "b"]],
    )
    def test_wrong_use(self, arguments: list[str]) -> None:
        assert run("--profile", "ada", "sessions", *arguments) == ExitStatus.USAGE

    def test_the_audit(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--profile", "ada", "audit") == 0
        lines = capsys.readouterr().out.splitlines()
        assert "  act-of-tomorrow, device dddddddd" in lines[0]
        assert "  a backup of the history key was read, device dddddddd" in lines[1]
        assert run("--profile", "ada", "audit", "--json") == 0
        assert json.loads(capsys.readouterr().out.splitlines()[1])["act"] == "key-backup-read"

    def test_discovery(self, cli: World) -> None:
        assert run("--profile", "ada", "discovery", "closed") == 0
        assert run("--profile", "ada", "discovery", "open") == 0
        assert run("--profile", "ada", "discovery") == ExitStatus.USAGE
        assert [body["open"] for body in cli.service.called("set_discovery")] == [False, True]
