"""All devices are lost: the recovery code brings people and messages back, and nothing but the right backup does."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sealpost.account import Account
from sealpost.errors import DeviceNotActive, ExitStatus, SealpostError, ServiceProblem, Unsafe, UsageError
from sealpost.items import Message
from sealpost.mailbox import FirestoreDenied
from sealpost.protocol import encoding, key_backup
from tests.client.command import run, signed_in
from tests.client.devices import joined, own_chain
from tests.client.fakes import World, problem, texts
from tests.client.histories import opened, renew, turned_on
from tests.client.stored import stored

EMAIL = "ada@example.org"
BOB = "bob@example.org"


@pytest.fixture
def code(ada: Account, bob: Account) -> str:
    """Ada has a history and has written with Bob, whom she verified; then her device is lost."""
    ada.send(BOB, "before the history")
    ada.safety_number(BOB)
    ada.mark_verified(BOB)
    code = turned_on(ada)
    bob.send(EMAIL, "one")
    bob.send(EMAIL, "two")
    assert texts(ada) == ["one", "two"]
    ada.send(BOB, "three")
    return code


@pytest.fixture
def lost(world: World, code: str, ada: Account) -> None:
    ada.close()
    world.wall.ahead += (
        2  # a reset of the second in which a message was sent makes it one of a removed device
    )


@pytest.fixture
def new(world: World, lost: None) -> Iterator[Account]:
    """Ada's new device, which is pending."""
    with world.person("ada-2") as account:
        yield account


def kept(account: Account) -> list[str]:
    return [item.text for item in account.history() if isinstance(item, Message)]


class TestAllLost:
    def test_messages_and_people_come_back(self, bob: Account, new: Account, code: str) -> None:
        restored = new.recovery.recover(lambda: code, reset=True)

        assert (restored.messages, restored.people) == (3, 1)
        assert kept(new) == ["one", "two", "three"]
        assert [item.outgoing for item in new.history() if isinstance(item, Message)] == [False, False, True]
        assert new.inbox() == []
        found = new._contacts.pinned(bob._uid)
        assert found is not None
        assert found.is_verified()
        assert new.send(BOB, "I am back").verified

    def test_the_reset_is_not_made_unless_it_is_meant(self, world: World, new: Account) -> None:
        def never() -> str:
            raise AssertionError("nobody is asked for a code")

        with pytest.raises(DeviceNotActive) as raised:
            new.recovery.recover(never)
        assert "recover --yes" in raised.value.cure
        assert len(world.service.accounts[EMAIL]["statements"]) == 2

    def test_a_mistyped_code_resets_nothing(self, world: World, new: Account) -> None:
        with pytest.raises(UsageError):
            new.recovery.recover(lambda: "5M3Q-Z8T1", reset=True)
        assert len(world.service.accounts[EMAIL]["statements"]) == 2

    def test_another_code_is_told_after_the_reset_that_it_did_not_stop(self, new: Account, code: str) -> None:
        with pytest.raises(SealpostError) as raised:
            new.recovery.recover(key_backup.new_code, reset=True)

        assert raised.value.code == "backup-unreadable"
        assert raised.value.cure.endswith(
            "The account was reset with this device. Go on with: sealpost recover"
        )
        assert new.recovery.recover(lambda: code).messages == 3

    def test_a_reset_that_has_to_wait_names_the_command_to_run_then(
        self, world: World, new: Account, code: str
    ) -> None:
        world.service.before["publish_key"] = lambda _body: problem(
            409, "reset-delayed", due_at=int(world.wall.time()) + 86400
        )
        with pytest.raises(ServiceProblem) as raised:
            new.recovery.recover(lambda: code, reset=True)
        assert "run again: sealpost recover --yes" in raised.value.cure
        assert kept(new) == []

        del world.service.before["publish_key"]
        assert new.recovery.recover(lambda: code, reset=True).messages == 3

    def test_no_history_key_is_kept(self, world: World, new: Account, code: str) -> None:
        new.recovery.recover(lambda: code, reset=True)

        (key,) = opened(world, new, code).history_keys
        everything = repr(stored(new))
        assert own_chain(new).statements[0] in everything
        assert key.to_json()["d"] not in everything
        assert key.kid not in new._device.receiving_keys()
        assert key_backup.read_code(code) not in everything.replace("-", "")

    def test_again_brings_nothing_twice(self, new: Account, code: str) -> None:
        new.recovery.recover(lambda: code, reset=True)
        before = stored(new)

        assert new.recovery.recover(lambda: code).messages == 0
        assert stored(new) == before

    def test_history_goes_on_with_a_new_key(
        self, world: World, bob: Account, new: Account, code: str
    ) -> None:
        new.recovery.recover(lambda: code, reset=True)
        assert not new.history_key.status().is_on
        bob.send(EMAIL, "between")

        renew(new, code)
        bob.send(EMAIL, "later")

        assert len(opened(world, new, code).history_keys) == 2
        assert texts(new)[-2:] == ["between", "later"]

    def test_a_second_loss(self, world: World, bob: Account, new: Account, code: str) -> None:
        new.recovery.recover(lambda: code, reset=True)
        renew(new, code)
        bob.send(EMAIL, "four")
        new.close()
        world.folder("ada-2").state.path.unlink()
        with world.person("ada-2") as third:
            third.recovery.recover(lambda: code, reset=True)
            assert kept(third) == ["one", "two", "three", "four"]

    def test_a_reset_of_somebody_verified_stops_the_sending(
        self, world: World, bob: Account, new: Account, code: str
    ) -> None:
        """While Ada had no device, Bob began anew. The backup knows whom she had compared."""
        bob.close()
        with world.person("bob-2") as again:
            again.devices.reset()
        new.recovery.recover(lambda: code, reset=True)

        with pytest.raises(Unsafe) as raised:
            new.send(BOB, "is it you?")
        assert raised.value.code == "key-change"


class TestActiveDevice:
    def test_what_a_linked_device_could_not_read_becomes_readable(
        self, world: World, ada: Account, bob: Account, code: str
    ) -> None:
        with joined(world, ada) as tablet:
            tablet._state.put("caught-up", {"sent_at": 0})
            world.wall.ahead = 601
            bob.send(EMAIL, "to both")
            world.service.documents[1:3] = [
                replace(one, sent_at=int(world.wall.time() * 1e6) + n)
                for n, one in enumerate(world.service.documents[1:3])
            ]
            assert texts(tablet) == ["to both", "not-for-me", "not-for-me"]

            assert tablet.recovery.recover(lambda: code).messages == 3

            assert sorted(kept(tablet)) == sorted(["three", "to both", "one", "two"])
            assert texts(tablet) == []

    def test_messages_whose_key_is_destroyed_come_back(self, ada: Account, bob: Account, code: str) -> None:
        bob.send(EMAIL, "unread")
        for key in ada._state.all("encryption-key"):
            ada._state.put("encryption-key", key | {"jwk": None}, key["kid"])
        assert texts(ada) == ["key-destroyed"]

        assert ada.recovery.restore(code).messages == 1
        assert kept(ada) == ["before the history", "one", "two", "three", "unread"]

    def test_what_is_known_is_left_alone(self, ada: Account, code: str) -> None:
        ada.history_key.status()
        before = stored(ada)

        assert ada.recovery.restore(code).messages == 0

        after = stored(ada)
        assert after[1] == before[1]
        assert after[0] | {"expected": []} == before[0]

    def test_restored_messages_pass_every_check(
        self, world: World, ada: Account, new: Account, code: str
    ) -> None:
        """One is altered, and one comes under another's name."""
        good = world.service.documents[1:4]
        first = json.loads(good[0].envelope)
        first["tag"] = first["tag"][::-1] if first["tag"][-1] in "AQgw" else "A" * 22
        world.service.documents[1] = replace(good[0], envelope=encoding.compact_json(first))
        world.service.documents[2] = replace(good[1], sender_uid=ada._uid)

        assert new.recovery.recover(lambda: code, reset=True).messages == 1
        assert kept(new) == ["three"]

    def test_a_pending_device_restores_nothing(self, new: Account, code: str) -> None:
        with pytest.raises(DeviceNotActive):
            new.recovery.restore(code)

    def test_without_a_history_there_is_nothing(self, bob: Account) -> None:
        with pytest.raises(SealpostError) as raised:
            bob.recovery.restore("5M3Q-Z8T1-K7WB-C0XN-2RHE-9VJ4")
        assert raised.value.code == "no-history"

    def test_a_refused_token_is_renewed_once(self, world: World, ada: Account, code: str) -> None:
        mailbox = world.mailboxes["ada"]
        ada._session.id_token()
        mailbox.failures.append(FirestoreDenied())
        assert ada.recovery.restore(code).messages == 0
        assert ada._session.tokens().id_until == 0

        mailbox.failures.extend([FirestoreDenied(), FirestoreDenied()])
        with pytest.raises(FirestoreDenied):
            ada.recovery.restore(code)

    def test_more_than_a_page(self, world: World, ada: Account, code: str) -> None:
        last = world.service.documents[-1]
        fillers = [
            replace(
                last, mid=f"f{n:03}", name=f"{last.name}{n:03}", sent_at=last.sent_at - 1 - n, envelope="{}"
            )
            for n in range(250)
        ]
        world.service.documents[0:0] = fillers
        with joined(world, ada) as tablet:
            assert tablet.recovery.restore(code).messages == 3


class TestCommands:
    @pytest.fixture
    def shown(self, cli: World, capsys: pytest.CaptureFixture[str]) -> str:
        """The code that `history on` prints; Bob has written after that."""
        signed_in(cli, "ada", "bob")
        capsys.readouterr()
        assert run("--profile", "ada", "history", "on") == 0
        out = capsys.readouterr().out
        assert [len(group) for group in out.strip().split("-")] == [4] * 6
        assert run("--profile", "bob", "send", EMAIL, "hello") == 0
        capsys.readouterr()
        return out

    def typed(self, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode())))

    def test_from_on_to_recovery(
        self, cli: World, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cli.person("ada-2").close()
        monkeypatch.setattr("sealpost.commands._AROUND", cli.around("ada-2"))
        self.typed(monkeypatch, shown)
        assert run("--profile", "ada-2", "recover", "-") == ExitStatus.REFUSED
        assert "sealpost --profile ada-2 recover --yes" in capsys.readouterr().err

        self.typed(monkeypatch, shown)
        assert run("--profile", "ada-2", "recover", "--yes", "-") == 0
        said = capsys.readouterr()
        assert "1 message(s) came back" in said.err
        assert shown.strip() not in said.err + said.out

        assert run("--profile", "ada-2", "inbox", "--all") == 0
        assert "hello" in capsys.readouterr().out
        assert run("--profile", "ada-2", "history", "status") == 0
        assert capsys.readouterr().out.startswith("off; backup number 1")
        self.typed(monkeypatch, shown)
        assert run("--profile", "ada-2", "history", "on", "-") == 0
        assert capsys.readouterr().out == ""

    @pytest.mark.usefixtures("shown")
    def test_status_and_off(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--profile", "ada", "history", "status", "--json") == 0
        status = json.loads(capsys.readouterr().out)
        assert (status["on"], status["backup"]) == (True, 1)
        assert run("--profile", "ada", "history", "off") == 0
        assert run("--profile", "ada", "history", "off") == 0
        assert "off already" in capsys.readouterr().err
        assert run("--profile", "bob", "history", "status") == 0
        assert capsys.readouterr().out == "off. To turn it on: sealpost --profile bob history on\n"

    def test_a_terminal_is_asked(
        self, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cli: World
    ) -> None:
        assert run("--profile", "ada", "recover") == ExitStatus.LOCKED
        said = capsys.readouterr().err
        assert "There is no terminal to ask for the recovery code." in said
        assert "sealpost --profile ada recover - < code.txt" in said

        (cli.home / "terminal").touch()
        monkeypatch.setattr("sealpost.passphrase._TERMINAL", str(cli.home / "terminal"))
        monkeypatch.setattr("getpass.getpass", lambda _prompt, **_: shown)
        assert run("--profile", "ada", "recover") == 0

    @pytest.mark.usefixtures("shown")
    def test_a_wrong_code_is_4(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.typed(monkeypatch, "0000-0000-0000-0000-0000-0000\n")
        assert run("--profile", "ada", "recover", "-") == ExitStatus.LOCKED
        assert capsys.readouterr().err == (
            "sealpost: The backup does not open: the recovery code is another one.\n"
            "  Look at what you wrote down, and type it again.\n"
        )
        self.typed(monkeypatch, "0000\n")
        assert run("--profile", "ada", "history", "on", "-") == ExitStatus.USAGE

    @pytest.mark.parametrize(
        "arguments",
        [["history"], ["history", "on", "CODE"], ["recover", "CODE"], ["history", "on", "--new-code", "-"]],
    )
    @pytest.mark.usefixtures("shown")
    def test_wrong_use(self, arguments: list[str]) -> None:
        assert run("--profile", "ada", *arguments) == ExitStatus.USAGE
