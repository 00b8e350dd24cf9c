"""Two people through the whole client, over a service in memory: sending, receiving, trust."""

from typing import Any

import httpx
import pytest

from sealpost.account import Account
from sealpost.errors import SealpostError, ServiceProblem, ServiceUnavailable, Unsafe, UsageError
from sealpost.protocol import chain, encoding
from sealpost.protocol.jwk import PrivateKey, Use
from sealpost.receiving import Message
from tests.client.fakes import World, claims, problem, replace_keys, texts


def envelope_kids(envelope: str) -> list[str]:
    return [entry["header"]["kid"] for entry in encoding.loads(envelope)["recipients"]]


class TestSignIn:
    def test_the_first_one_publishes_a_chain_and_a_key(self, world: World, ada: Account) -> None:
        (call,) = world.service.called("publish_key")
        statement, key = claims(call["statement"]), claims(call["encryption_key"])
        assert (statement["seq"], statement["act"], statement["iss"]) == (0, "add-device", "uid0")
        assert (key["n"], key["device"]) == (1, statement["device"]["kid"])
        identity = ada.whoami()
        assert identity.device is not None
        assert (identity.uid, identity.device.state, identity.signed_in) == ("uid0", "active", True)

    @pytest.mark.usefixtures("ada")
    def test_the_proof_is_bound_to_the_code(self, world: World) -> None:
        (call,) = world.service.called("create_session")
        assert claims(call["proof"])["ath"] == encoding.digest("code-code-code-code")
        assert call["email"] == "ada@example.org"
        assert "d" not in call["device"]

    def test_a_second_one_keeps_the_device(self, world: World, ada: Account) -> None:
        before = ada.whoami().device

        ada.sign_in("code-code-code-more")

        assert ada.whoami().device == before
        assert len(world.service.called("publish_key")) == 1

    def test_a_publication_that_was_accepted_before_a_crash_is_taken_up(self, world: World) -> None:
        world.service.lose["publish_key"] = 99
        with pytest.raises(ServiceUnavailable):
            world.person("ada")
        world.service.lose.clear()

        with world.reopened("ada") as ada:
            assert ada.inbox() == []
            assert ada.whoami().device is not None

        (account,) = world.service.accounts.values()
        assert account["statements"][0] == world.service.called("publish_key")[0]["statement"]

    def test_the_chain_of_another_device_is_not_ours(self, world: World) -> None:
        other = PrivateKey.generate(Use.SIGNING)
        digest = encoding.digest(chain.first_statement(uid="uid0", key=other, now=int(world.wall.time())))
        world.service.before["publish_key"] = lambda _body: problem(
            409, "chain-conflict", head={"uid": "uid0", "root": digest, "seq": 0, "hash": digest}
        )

        device = world.person("ada").whoami().device

        assert device is not None
        assert device.state == "pending"

    def test_an_address_that_became_another_account_is_refused(self, world: World, ada: Account) -> None:
        world.service.accounts["ada@example.org"]["uid"] = "other"

        with pytest.raises(SealpostError) as changed:
            ada.sign_in("code-code-code-more")

        assert changed.value.code == "key-change"


class TestSending:
    @pytest.mark.usefixtures("world")
    def test_a_message_arrives(self, ada: Account, bob: Account) -> None:
        receipt = ada.send("Bob@Example.org", "Hello \u202e Bob\n")

        (item,) = bob.inbox()
        assert isinstance(item, Message)
        assert (item.text, item.address, item.peer) == ("Hello \u202e Bob\n", "ada@example.org", "uid0")
        assert (item.id, item.sent_at, item.notices) == (receipt.message_id, receipt.sent_at, ())
        assert (receipt.first, receipt.verified, item.verified) == (True, False, False)
        assert bob.inbox() == []

    def test_both_keep_their_side(self, ada: Account, bob: Account) -> None:
        ada.send("bob@example.org", "one")
        bob.inbox()
        bob.send("ada@example.org", "two")
        ada.inbox()

        shown = [
            [(item.text, item.outgoing) for item in account.history() if isinstance(item, Message)]
            for account in (ada, bob)
        ]

        assert shown == [[("one", True), ("two", False)], [("one", False), ("two", True)]]

    def test_after_a_lost_answer_the_same_bytes_are_sent(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        world.service.lose["send_message"] = 2

        ada.send("bob@example.org", "once")

        first, second, third = world.service.called("send_message")
        assert first == second == third
        assert texts(bob) == ["once"]

    def test_what_stays_unanswered_is_resumed_byte_for_byte(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        world.service.lose["send_message"] = 99
        with pytest.raises(ServiceUnavailable, match="cannot be reached") as kept:
            ada.send("bob@example.org", "once")
        assert "--resume" in kept.value.cure
        world.service.lose.clear()

        with world.reopened("ada") as again:
            assert again.waiting() == 1
            (receipt,) = again.resume()
            assert again.waiting() == 0

        sent = world.service.called("send_message")
        assert all(one == sent[0] for one in sent)
        assert receipt.message_id == sent[0]["message_id"]
        assert texts(bob) == ["once"]

    def test_a_mismatch_is_sealed_again_once_under_the_same_id(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        mismatches = [problem(409, "device-mismatch", missing=[], extra=[], expired=[], heads={})]

        def refuse(_body: dict[str, Any]) -> Any:
            if not mismatches:
                return None
            world.wall.ahead = 8 * 86400
            bob._device.publish()
            return mismatches.pop()

        world.service.before["send_message"] = refuse

        ada.send("bob@example.org", "again")

        first, second = world.service.called("send_message")
        assert first["message_id"] == second["message_id"]
        assert envelope_kids(first["envelope"]) != envelope_kids(second["envelope"])
        assert texts(bob) == ["again"]

    @pytest.mark.parametrize("sent_at", [None, 5, "soon", "0001-01-01T00:00:00+23:59"])
    @pytest.mark.usefixtures("bob")
    def test_an_answer_without_a_time_is_no_answer(self, world: World, ada: Account, sent_at: object) -> None:
        world.service.before["send_message"] = lambda _body: httpx.Response(200, json={"sent_at": sent_at})

        with pytest.raises(ServiceUnavailable) as odd:
            ada.send("bob@example.org", "hello")

        assert (odd.value.code, ada.waiting()) == ("bad-answer", 1)

    @pytest.mark.usefixtures("bob")
    def test_a_second_mismatch_stops(self, world: World, ada: Account) -> None:
        world.service.before["send_message"] = lambda _body: problem(409, "device-mismatch")

        with pytest.raises(ServiceProblem):
            ada.send("bob@example.org", "never")

        assert len(world.service.called("send_message")) == 2
        assert ada.waiting() == 0

    @pytest.mark.usefixtures("bob")
    def test_it_is_never_sealed_again_across_a_reset(self, world: World, ada: Account) -> None:
        def refuse(_body: dict[str, Any]) -> Any:
            replace_keys(world, "bob")
            return problem(409, "device-mismatch")

        world.service.before["send_message"] = refuse

        with pytest.raises(Unsafe) as stopped:
            ada.send("bob@example.org", "secret")

        assert stopped.value.code == "key-change"
        assert len(world.service.called("send_message")) == 1
        assert ada.waiting() == 0

    def test_a_refused_message_leaves_no_gap(self, world: World, ada: Account, bob: Account) -> None:
        world.service.before["send_message"] = lambda _body: problem(403, "blocked")
        with pytest.raises(ServiceProblem):
            ada.send("bob@example.org", "refused")
        world.service.before.clear()

        ada.send("bob@example.org", "accepted")

        (item,) = bob.inbox()
        assert isinstance(item, Message)
        assert item.notices == ()

    @pytest.mark.parametrize(
        ("attempt", "code"),
        [
            (("nobody@example.org", "hi"), "not-found"),
            (("ada@example.org", "hi"), "usage"),
            (("bob@example.org", ""), "usage"),
            (("not an address", "hi"), "usage"),
            (("bob@example.org", "x" * 40000), "payload-too-large"),
            (("bob@example.org", "\ud800"), "usage"),
            (("alias@example.org", "hi"), "usage"),
        ],
    )
    @pytest.mark.usefixtures("bob")
    def test_what_cannot_be_sent(
        self, world: World, ada: Account, attempt: tuple[str, str], code: str
    ) -> None:
        world.service.accounts["alias@example.org"] = world.service.accounts["ada@example.org"]

        with pytest.raises(SealpostError) as refused:
            ada.send(*attempt)

        assert refused.value.code == code
        assert world.service.called("send_message") == []

    def test_the_first_message_to_a_person_or_an_address_is_marked(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        assert bob.send("ada@example.org", "hello").first
        assert texts(ada) == ["hello"]

        assert ada.send("bob@example.org", "seen through a message, never sent to").first
        assert not ada.send("bob@example.org", "again").first
        world.service.accounts["alias@example.org"] = world.service.accounts["bob@example.org"]
        assert ada.send("alias@example.org", "hi").first

    @pytest.mark.usefixtures("bob")
    def test_nobody_without_a_key_is_written_to(self, world: World, ada: Account) -> None:
        world.wall.ahead = 31 * 86400

        with pytest.raises(Unsafe) as refused:
            ada.send("bob@example.org", "hi")

        assert refused.value.code == "no-active-device"


class TestTrust:
    """Pins: what was seen once may not be contradicted."""

    @pytest.mark.usefixtures("bob")
    def test_a_changed_root_stops_a_send_and_stays_frozen(self, world: World, ada: Account) -> None:
        ada.send("bob@example.org", "before")
        real = dict(world.service.accounts["bob@example.org"])
        replace_keys(world, "bob")

        for restored in (False, True):
            if restored:
                world.service.accounts["bob@example.org"].update(real)
            with pytest.raises(Unsafe) as stopped:
                ada.send("bob@example.org", "after")
            assert stopped.value.code == "key-change"

        assert len(world.service.called("send_message")) == 1

    @pytest.mark.usefixtures("bob")
    def test_an_address_that_leads_elsewhere_stops_a_send(self, world: World, ada: Account) -> None:
        ada.send("bob@example.org", "before")
        with world.person("eve"):
            world.service.accounts["bob@example.org"] = world.service.accounts["eve@example.org"]

            with pytest.raises(Unsafe) as stopped:
                ada.send("bob@example.org", "after")

        assert stopped.value.code == "key-change"

    def test_an_older_key_stops_a_send(self, world: World, ada: Account, bob: Account) -> None:
        old = world.service.accounts["bob@example.org"]["key"]
        world.wall.ahead = 8 * 86400
        bob._device.publish()
        ada.send("bob@example.org", "before")
        world.service.accounts["bob@example.org"]["key"] = old

        with pytest.raises(Unsafe) as stopped:
            ada.send("bob@example.org", "after")

        assert stopped.value.code == "chain-rollback"

    @pytest.mark.usefixtures("bob")
    def test_a_forged_statement_is_refused_at_first_sight(self, world: World, ada: Account) -> None:
        account = world.service.accounts["bob@example.org"]
        header, payload, signature = account["statements"][0].split(".")
        flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
        account["statements"] = [f"{header}.{payload}.{flipped}"]

        with pytest.raises(Unsafe) as refused:
            ada.send("bob@example.org", "hi")

        assert refused.value.code == "bad-signature"

    def test_both_see_one_safety_number_and_marking_is_kept(
        self, world: World, ada: Account, bob: Account
    ) -> None:
        assert ada.safety_number("bob@example.org").digits == bob.safety_number("ada@example.org").digits
        assert len(str(ada.safety_number("bob@example.org")).split()) == 12

        assert ada.mark_verified("bob@example.org").verified

        assert ada.send("bob@example.org", "hi").verified
        with world.reopened("ada") as again:
            assert again.safety_number("bob@example.org").verified

    @pytest.mark.usefixtures("ada")
    def test_a_claimed_address_of_somebody_else_is_not_confirmed(self, world: World, bob: Account) -> None:
        with world.person("eve") as eve:
            eve._profile["email"] = "ada@example.org"
            eve.send("bob@example.org", "I am Ada")

        (item,) = bob.inbox()

        assert isinstance(item, Message)
        assert (item.address, item.text) == (None, "I am Ada")


def test_a_usage_error_is_a_usage_error(world: World, ada: Account) -> None:
    with pytest.raises(UsageError):
        Account.sign_up(
            "other@example.org",
            service=None,
            folder=world.folder("ada"),
            new_passphrase=lambda: "",
            passphrase=lambda: "correct horse battery",
            surroundings=world.around("ada"),
        )
