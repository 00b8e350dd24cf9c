"""Firebase Authentication, where addresses are proved.

By the Admin SDK; and by Identity Toolkit's REST API for what a client would do, redeeming a link's code, which is done
on the server: a Firebase ID token does not tell a followed link from a password.
"""

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import firebase_admin
import firebase_admin.auth
import firebase_admin.exceptions
import google.auth.exceptions
import httpx

from common.accounts.model import User
from common.clock import remaining
from common.errors import DeadlineExceeded, InvalidCode, SealpostError, Unavailable
from common.identity import Address, Caller, new_uid

T = TypeVar("T")

_THREADS = 4
_HTTP_SECONDS = 10
_MAILBOX = "mailbox"
_CODE_REFUSED = frozenset(
    {
        "INVALID_OOB_CODE",
        "EXPIRED_OOB_CODE",
        "MISSING_OOB_CODE",
        "INVALID_EMAIL",
        "EMAIL_NOT_FOUND",
        "USER_DISABLED",
    }
)
_BUSY = (
    firebase_admin.exceptions.UnavailableError,
    firebase_admin.exceptions.ResourceExhaustedError,
    google.auth.exceptions.TransportError,
    google.auth.exceptions.RefreshError,
    firebase_admin.auth.TokenSignError,  # IAM, which signs in the cloud, cannot be reached
)
_EXPECTED = (
    firebase_admin.auth.UserNotFoundError,
    firebase_admin.auth.EmailAlreadyExistsError,
    firebase_admin.auth.UidAlreadyExistsError,
)


class IdentityFailed(Exception):
    """Firebase Authentication refused a call for a reason that no caller expects. Only its code is kept."""


class FirebaseUsers:
    """The ports Users and Identities. The SDK's app, its threads and the HTTP client are made in the first call.

    The emulator of FIREBASE_AUTH_EMULATOR_HOST is the SDK's own switch; `emulator` is the same host, for REST.
    """

    def __init__(self, project: str, api_key: str, emulator: str | None) -> None:
        self._project = project
        self._api_key = api_key or project  # the emulator asks for one, and takes any
        self._api = (f"http://{emulator}/" if emulator else "https://") + "identitytoolkit.googleapis.com/v1"
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._app: firebase_admin.App | None = None
        self._http: httpx.AsyncClient | None = None

    async def find(self, address: Address) -> User | None:
        try:
            record = await self._admin(firebase_admin.auth.get_user_by_email, address.text)
        except firebase_admin.auth.UserNotFoundError:
            return None
        providers = {provider.provider_id for provider in record.provider_data}
        return User(
            uid=record.uid,
            verified=bool(record.email_verified),
            # A user that signing up did not make has come by the public API: with a password, or as an anonymous user
            # or an account's user that took the address. Either way somebody else holds a credential of it.
            has_password="password" in providers or not _is_ours(record.uid),
        )

    async def create(self, address: Address) -> None:
        uid = _mailbox_uid()
        try:
            await self._admin(firebase_admin.auth.create_user, uid=uid, email=address.text)
        except firebase_admin.auth.EmailAlreadyExistsError:
            # The SDK looks up whom it has just made. A known address must not be the quicker one for want of that call.
            with contextlib.suppress(firebase_admin.auth.UserNotFoundError):
                await self._admin(firebase_admin.auth.get_user, uid)

    async def delete(self, uid: str) -> None:
        try:
            await self._admin(firebase_admin.auth.delete_user, uid)
        except firebase_admin.auth.UserNotFoundError:
            return

    async def link_code(self, address: Address) -> str:
        # The page that the SDK's link leads to is of no account: the code is taken out and put into our own link.
        settings = firebase_admin.auth.ActionCodeSettings(
            url=f"https://{self._project}.firebaseapp.com/", handle_code_in_app=True
        )
        link: str = await self._admin(
            firebase_admin.auth.generate_sign_in_with_email_link, address.text, settings
        )
        return parse_qs(urlsplit(link).query)["oobCode"][0]

    async def redeem(self, address: Address, code: str) -> None:
        answer = await self._rest("accounts:signInWithEmailLink", {"email": address.text, "oobCode": code})
        if answer.get("email", "").lower() != address.text:
            raise InvalidCode("The code is not valid for this address. Ask for a new link.")
        # The answer's user and tokens stop here: which account an address has is PostgreSQL's to say.

    async def create_account(self, uid: str) -> None:
        try:
            await self._admin(firebase_admin.auth.create_user, uid=uid)
        except firebase_admin.auth.UidAlreadyExistsError:
            return

    async def custom_token(self, caller: Caller) -> str:
        claims = {"sid": caller.session, "device": caller.device}
        token: bytes = await self._admin(firebase_admin.auth.create_custom_token, caller.uid, claims)
        return token.decode("ascii")

    async def mail_link(self, address: Address, page: str) -> None:
        """Let Identity Toolkit mail a link of its own, by its template, that ends at `page` with ?oobCode=...

        Raises:
            Unavailable, DeadlineExceeded.
        """
        body = {
            "requestType": "EMAIL_SIGNIN",
            "email": address.text,
            "continueUrl": page,
            "canHandleCodeInApp": True,
        }
        await self._rest("accounts:sendOobCode", body)

    async def close(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()
        with self._lock:
            executor, self._executor = self._executor, None
            app, self._app = self._app, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
        if app is not None:
            firebase_admin.delete_app(app)

    async def _admin(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run a call of the Admin SDK, which blocks, in a thread of its own."""
        executor, app = self._ready()
        try:
            async with asyncio.timeout(remaining(_HTTP_SECONDS)):
                return await asyncio.get_running_loop().run_in_executor(
                    executor, lambda: call(*arguments, **named, app=app)
                )
        except (TimeoutError, firebase_admin.exceptions.DeadlineExceededError):
            raise DeadlineExceeded("Firebase Authentication took too long.") from None
        except _EXPECTED:
            raise
        except _BUSY:
            raise Unavailable("Firebase Authentication cannot be reached.") from None
        except firebase_admin.exceptions.FirebaseError as error:
            raise IdentityFailed(error.code) from None

    def _ready(self) -> tuple[ThreadPoolExecutor, firebase_admin.App]:
        with self._lock:
            if self._executor is None or self._app is None:
                self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="identity")
                self._app = firebase_admin.initialize_app(
                    options={"projectId": self._project, "httpTimeout": _HTTP_SECONDS},
                    name=secrets.token_hex(8),
                )
            return self._executor, self._app

    async def _rest(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._http is None:
            self._http = httpx.AsyncClient()
        url, key = f"{self._api}/{method}", {"key": self._api_key}
        try:
            answer = await self._http.post(url, params=key, json=body, timeout=remaining(_HTTP_SECONDS))
        except httpx.TimeoutException:
            raise DeadlineExceeded("Firebase Authentication took too long.") from None
        except httpx.HTTPError:
            raise Unavailable("Firebase Authentication cannot be reached.") from None
        if answer.is_success:
            return dict(answer.json())
        raise _refusal(answer) from None


def _refusal(answer: httpx.Response) -> SealpostError | IdentityFailed:
    try:
        # "INVALID_OOB_CODE", or "TOO_MANY_ATTEMPTS_TRY_LATER : some text"
        code = str(answer.json()["error"]["message"]).split(" ", 1)[0]
    except (ValueError, KeyError, TypeError):
        code = ""
    if code in _CODE_REFUSED:
        return InvalidCode("The code is wrong, used or expired. Ask for a new link.")
    if (
        answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        or answer.is_server_error
        or code.startswith("TOO_MANY")
    ):
        return Unavailable("Firebase Authentication refuses more calls for the moment.")
    return IdentityFailed(f"HTTP {answer.status_code}")


def _mailbox_uid() -> str:
    """A shape that neither Firebase's own ids nor accounts have: only signing up makes such users."""
    return _MAILBOX + new_uid()


def _is_ours(uid: str) -> bool:
    return uid.startswith(_MAILBOX) and len(uid) == len(_mailbox_uid())
