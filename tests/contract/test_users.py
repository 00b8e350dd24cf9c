"""Firebase Authentication, as signing up and beginning a session need it."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import firebase_admin.auth
import httpx
import jwt
import pytest

from common.accounts.ports import Users
from common.errors import DeadlineExceeded, InvalidCode, Unavailable
from common.identity import UID, Address
from common.storage import auth
from common.storage.auth import FirebaseUsers, IdentityFailed
from common.storage.mail import IdentityToolkitMailer
from scripts.local.stack import Backing
from scripts.local.wire import proxied
from tests.contract.world import caller_of, new_session
from tests.fakes.accounts import FakeUsers
from tests.fakes.sessions import FakeIdentities


@dataclass(frozen=True, slots=True)
class Public:
    """What anyone may call, with the project's public key."""

    http: httpx.AsyncClient
    api: str
    key: str

    async def __call__(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.http.post(f"{self.api}/{method}", params={"key": self.key}, json=body)
        answer.raise_for_status()
        return dict(answer.json())


def new_address() -> Address:
    return Address(f"{secrets.token_hex(8)}@example.org")


@pytest.fixture
def auth_host(backing: Backing) -> str:
    return f"127.0.0.1:{backing.ports.auth}"


@pytest.fixture
async def firebase(
    project: str, auth_host: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FirebaseUsers]:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", auth_host)
    users = FirebaseUsers(project, "", auth_host)
    yield users
    await users.close()


@pytest.fixture(params=["fake", "real"])
def users(request: pytest.FixtureRequest) -> Users:
    return FakeUsers() if request.param == "fake" else request.getfixturevalue("firebase")


@pytest.fixture
async def public(auth_host: str, project: str) -> AsyncIterator[Public]:
    async with httpx.AsyncClient(timeout=30) as client:
        yield Public(client, f"http://{auth_host}/identitytoolkit.googleapis.com/v1", project)


async def test_an_address_gets_a_user_without_a_password(users: Users) -> None:
    address = new_address()
    assert await users.find(address) is None
    await users.create(address)
    user = await users.find(address)
    assert user is not None
    assert UID.fullmatch(user.uid)
    assert (user.verified, user.has_password, user.squatting) == (False, False, False)


async def test_creating_leaves_the_user_that_stands_there(users: Users) -> None:
    address = new_address()
    await users.create(address)
    before = await users.find(address)
    await users.create(address)
    assert await users.find(address) == before


async def test_a_deleted_user_is_gone(users: Users) -> None:
    address = new_address()
    await users.create(address)
    user = await users.find(address)
    assert user is not None
    await users.delete(user.uid)
    await users.delete(user.uid)
    assert await users.find(address) is None


async def test_a_link_has_a_code(users: Users) -> None:
    address = new_address()
    await users.create(address)
    assert len(await users.link_code(address)) >= 16


async def test_a_code_is_redeemed_once_and_proves_its_address(firebase: FirebaseUsers) -> None:
    address = new_address()
    await firebase.create(address)
    code = await firebase.link_code(address)
    await firebase.redeem(address, code)
    user = await firebase.find(address)
    assert user is not None
    assert user.verified
    assert not user.squatting
    with pytest.raises(InvalidCode):
        await firebase.redeem(address, code)


async def test_the_fake_redeems_once_too() -> None:
    address = new_address()
    identities = FakeIdentities(codes={"code": address.text})
    with pytest.raises(InvalidCode):
        await identities.redeem(new_address(), "code")
    await identities.redeem(address, "code")
    with pytest.raises(InvalidCode):
        await identities.redeem(address, "code")


async def test_a_code_of_another_address_or_of_nobody_is_refused(firebase: FirebaseUsers) -> None:
    address, other = new_address(), new_address()
    await firebase.create(address)
    await firebase.create(other)
    code = await firebase.link_code(other)
    for wrong in (code, "x" * 64):
        with pytest.raises(InvalidCode) as refused:
            await firebase.redeem(address, wrong)
        assert wrong not in str(refused.value)


async def test_who_took_an_address_with_a_password_is_squatting(
    firebase: FirebaseUsers, public: Public
) -> None:
    address = new_address()
    password = {"email": address.text, "password": "not the owner"}
    await public("accounts:signUp", password)
    user = await firebase.find(address)
    assert user is not None
    assert user.squatting
    await firebase.delete(user.uid)
    await firebase.create(address)
    await firebase.redeem(address, await firebase.link_code(address))
    with pytest.raises(httpx.HTTPStatusError):
        await public("accounts:signInWithPassword", password)


async def test_who_took_it_as_an_anonymous_user_is_squatting_too(
    firebase: FirebaseUsers, public: Public
) -> None:
    """No password is set, but that person holds a refresh token of the account for ever."""
    address = new_address()
    anonymous = await public("accounts:signUp", {"returnSecureToken": True})
    await public("accounts:update", {"idToken": anonymous["idToken"], "email": address.text})
    user = await firebase.find(address)
    assert user is not None
    assert user.squatting


async def test_an_accounts_user_that_takes_an_address_is_squatting(
    firebase: FirebaseUsers, public: Public
) -> None:
    """Whoever has a session may change the Firebase user that it signs in as: add an address, shed a password."""
    address, caller = new_address(), caller_of(new_session())
    await firebase.create_account(caller.uid)
    await firebase.create_account(caller.uid)
    token = await firebase.custom_token(caller)
    signed_in = await public("accounts:signInWithCustomToken", {"token": token, "returnSecureToken": True})
    shed = {"idToken": signed_in["idToken"], "deleteProvider": ["password"], "returnSecureToken": True}
    changed = await public("accounts:update", shed)
    await public(
        "accounts:update", {"idToken": changed.get("idToken", shed["idToken"]), "email": address.text}
    )
    user = await firebase.find(address)
    assert user is not None
    assert user.squatting
    await firebase.delete(user.uid)
    await firebase.create(address)
    await firebase.redeem(address, await firebase.link_code(address))


async def test_a_custom_token_carries_session_and_device(firebase: FirebaseUsers, public: Public) -> None:
    caller = caller_of(new_session())
    token = await firebase.custom_token(caller)
    signed_in = await public("accounts:signInWithCustomToken", {"token": token, "returnSecureToken": True})
    claims = jwt.decode(signed_in["idToken"], options={"verify_signature": False})
    assert (claims["sub"], claims["sid"], claims["device"]) == (caller.uid, caller.session, caller.device)


async def test_identity_toolkit_mails_a_link_to_our_page(
    firebase: FirebaseUsers, public: Public, project: str, auth_host: str
) -> None:
    address = new_address()
    await firebase.create(address)
    mailer = IdentityToolkitMailer(users=firebase)
    await mailer.send_link(address, "http://127.0.0.1/v1/open_link#canary")
    answer = await public.http.get(f"http://{auth_host}/emulator/v1/projects/{project}/oobCodes")
    mailed = [code for code in answer.json()["oobCodes"] if code["email"] == address.text]
    assert [code["requestType"] for code in mailed] == ["EMAIL_SIGNIN"]
    assert "open_link" in mailed[0]["oobLink"]
    assert "canary" not in mailed[0]["oobLink"]
    await firebase.redeem(address, mailed[0]["oobCode"])


async def test_a_server_that_is_not_there_is_unavailable(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")
    users, address = FirebaseUsers(project, "", "127.0.0.1:1"), new_address()
    with pytest.raises(Unavailable) as unavailable:
        await users.redeem(address, "x" * 20)
    assert unavailable.value.__suppress_context__
    with pytest.raises(Unavailable):
        await users.find(address)
    await users.close()


async def test_a_frozen_server_costs_its_time_and_no_more(
    project: str, auth_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_HTTP_SECONDS", 0.3)
    async with proxied(int(auth_host.rpartition(":")[2]), lambda _: None) as proxy:
        monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", f"127.0.0.1:{proxy.port}")
        users, address = FirebaseUsers(project, "", f"127.0.0.1:{proxy.port}"), new_address()
        proxy.freeze()
        with pytest.raises(DeadlineExceeded):
            await users.find(address)
        with pytest.raises(DeadlineExceeded):
            await users.redeem(address, "x" * 20)
        await users.close()


async def test_a_token_that_cannot_be_signed_for_the_moment_is_unavailable(
    firebase: FirebaseUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the cloud IAM signs, over the network."""

    def fail(*_: object, **__: object) -> bytes:
        raise firebase_admin.auth.TokenSignError("canary", None)

    monkeypatch.setattr(firebase_admin.auth, "create_custom_token", fail)
    with pytest.raises(Unavailable) as unavailable:
        await firebase.custom_token(caller_of(new_session()))
    assert "canary" not in str(unavailable.value)


async def test_a_refusal_that_nobody_expects_tells_no_address(
    firebase: FirebaseUsers, public: Public
) -> None:
    address = Address("someone@example.org")
    with pytest.raises(IdentityFailed) as failed:
        await firebase._rest("accounts:noSuchMethod", {"email": address.text})
    assert "someone" not in str(failed.value)


async def test_an_expired_code_is_refused_like_a_wrong_one(firebase: FirebaseUsers) -> None:
    """As Identity Toolkit answers; the emulator's codes never expire."""
    refusal = httpx.Response(400, json={"error": {"code": 400, "message": "EXPIRED_OOB_CODE"}})
    firebase._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: refusal))
    with pytest.raises(InvalidCode):
        await firebase.redeem(Address("someone@example.org"), "a" * 40)


async def test_a_code_proves_no_other_address_than_its_own(firebase: FirebaseUsers) -> None:
    """Whatever the server says of it; the emulator refuses such a code itself."""
    answer = httpx.Response(200, json={"email": "someone.else@example.org", "idToken": "x"})
    firebase._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(InvalidCode):
        await firebase.redeem(Address("someone@example.org"), "a" * 40)
