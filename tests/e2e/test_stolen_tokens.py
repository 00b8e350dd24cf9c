"""A refresh token without its device's key: whoever has it renews nothing, and ends nothing but where it was spent."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from scripts.local.stack import Backing, Suite
from tests.e2e.device import Device, Json, Service, new_key, problem

OK, DENIED = 200, 403
INVALID_PROOF, INVALID_REQUEST = (401, "invalid-proof"), (400, "invalid-request")
ENDED = (401, "unauthenticated")


@pytest.fixture
def service(suite: Suite, backing: Backing) -> Service:
    connection = backing.postgres.connect(suite.database)
    connection.run("delete from rate_limits")
    connection.close()
    return Service.of(suite, backing)


@pytest.fixture
def owner(service: Service) -> Device:
    return Device(service).enter()


def _of_another_device(owner: Device) -> str:
    """A second one of the same account, with a session of its own."""
    other = replace(owner, key=new_key(), session={})
    other.sign_in(owner.service.link_code(owner.address))
    return str(replace(other, session=owner.session).renewal()["proof"])


def _used_before(owner: Device) -> str:
    body = owner.renewal()
    owner.keep(owner.refresh(body))
    return str(body["proof"])


def _of(function: str) -> Callable[[Device], str]:
    return lambda owner: owner.service.proof(owner.key, function, owner.session["refresh_token"])


PROOFS: dict[str, Callable[[Device], str]] = {
    "by another key": lambda owner: str(replace(owner, key=new_key()).renewal()["proof"]),
    "by another device of the account": _of_another_device,
    "of the refresh before": _used_before,
    "for revoke_session": _of("revoke_session"),
    "for publish_key": _of("publish_key"),
    "over the access token": lambda owner: owner.service.proof(owner.key, "refresh_session", owner.token),
    "of another service": lambda owner: replace(
        owner, service=replace(owner.service, identity="https://other.example")
    ).renewal()["proof"],
    "of an hour ago": lambda owner: owner.service.proof(
        owner.key, "refresh_session", owner.session["refresh_token"], iat=1
    ),
}


@pytest.mark.parametrize("proof", PROOFS)
def test_a_proof_that_is_not_the_devices_for_this_call_is_none(owner: Device, proof: str) -> None:
    made = PROOFS[proof](owner)

    stolen = owner.refresh({"refresh_token": owner.session["refresh_token"], "proof": made})

    assert problem(stolen) == INVALID_PROOF
    goes_on(owner)


@pytest.mark.parametrize("changed", [{}, {"proof": None}, {"proof": ""}, {"proof": "a.b.c"}])
def test_without_a_proof_there_is_nothing(owner: Device, changed: Json) -> None:
    stolen = owner.refresh({"refresh_token": owner.session["refresh_token"]} | changed)

    assert problem(stolen) in {INVALID_REQUEST, INVALID_PROOF}
    goes_on(owner)


def test_it_opens_nothing_else(owner: Device) -> None:
    token = str(owner.session["refresh_token"])
    asked: Json = {"accounts": [], "conversations": []}

    assert problem(owner.service.call("find_keys", asked, bearer=token)) == ENDED
    firebase = owner.service.public(
        "accounts:signInWithCustomToken", {"token": token, "returnSecureToken": True}
    )
    assert firebase.status_code == httpx.codes.BAD_REQUEST
    goes_on(owner)


def test_a_spent_one_without_the_key_ends_nothing(owner: Device) -> None:
    """Were the session to end, whoever reads an old token could throw a person out."""
    spent = str(owner.session["refresh_token"])
    owner.keep(owner.refresh())
    owner.keep(owner.refresh())

    stolen = replace(owner, key=new_key()).renewal(spent)

    assert problem(owner.refresh(stolen)) in {INVALID_PROOF, ENDED}
    goes_on(owner)


def goes_on(owner: Device) -> None:
    owner.keep(owner.refresh())
    assert owner.reads(owner.id_token()) == OK
