"""Whether a call comes from who may make it: by Google's identity token, or on a laptop by a token in a 0600 file."""

import asyncio
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import google.auth.exceptions
import google.auth.transport.requests
from google.oauth2 import id_token

from common.errors import SealpostError, Unavailable
from common.jose import decode_base64url
from common.settings import Settings, SettingsError, read_secret

_SECONDS = 10
_KEPT_SECONDS = 600
"""Far less than Google publishes a key before it signs by it."""


@dataclass(slots=True)
class Certificates:
    """Google's signing keys, as its library asks for them, but kept: else each token that anyone sends would fetch them."""

    fetch: Callable[..., Any] = field(default_factory=google.auth.transport.requests.Request)
    _kept: Any = None
    _until: float = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, url: str, method: str = "GET", **_: object) -> Any:
        with self._lock:
            if self._kept is None or time.monotonic() >= self._until:
                answer = self.fetch(url, method=method, timeout=_SECONDS)
                if answer.status != HTTPStatus.OK:
                    return answer
                self._kept, self._until = answer, time.monotonic() + _KEPT_SECONDS
            return self._kept


class AccountIdentity:
    """Verifies identity tokens of the service account `account`, made for `audience` if one is given."""

    def __init__(self, account: str, audience: str | None) -> None:
        self._account = account
        self._audience = audience
        self._certificates = Certificates()

    async def __call__(self, token: str) -> bool:
        return await asyncio.to_thread(self._verify, token)

    def _verify(self, token: str) -> bool:
        try:
            claims = id_token.verify_oauth2_token(token, self._certificates, self._audience)
        except google.auth.exceptions.TransportError:
            raise Unavailable("Google's signing keys cannot be fetched.") from None
        except (ValueError, google.auth.exceptions.GoogleAuthError):
            return False
        return _is_of(claims, self._account)


class PlatformIdentity:
    """Reads identity tokens that Cloud Run has verified, and whose signature it has then taken off.

    For a service that lets in `account` alone: elsewhere anyone could write such a token.
    """

    def __init__(self, account: str) -> None:
        self._account = account

    async def __call__(self, token: str) -> bool:
        try:
            claims = json.loads(decode_base64url(token.split(".")[1], "token"))
        except (IndexError, ValueError, SealpostError):
            return False
        return isinstance(claims, dict) and _is_of(claims, self._account)


class SchedulerToken:
    """Compares with the token that the local scheduler reads from the same file."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def __call__(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token)


def scheduler_of(settings: Settings) -> AccountIdentity | PlatformIdentity | SchedulerToken:
    if settings.scheduler_check == "platform" and settings.events_account:
        raise SettingsError(
            "SCHEDULER_CHECK=platform is for a service that lets in the scheduler alone. "
            "One with EVENTS_ACCOUNT lets in everybody: take the setting away."
        )
    if settings.scheduler_account and settings.scheduler_check == "platform":
        return PlatformIdentity(settings.scheduler_account)
    if settings.scheduler_account:
        return AccountIdentity(settings.scheduler_account, settings.service_url)
    if settings.scheduler_token_file:
        return SchedulerToken(read_secret(settings.scheduler_token_file))
    raise SettingsError(
        "Set SCHEDULER_ACCOUNT (the scheduler's service account), or SCHEDULER_TOKEN_FILE on a laptop."
    )


def event_caller_of(settings: Settings) -> AccountIdentity | None:
    """Who may bring Firestore's events; None where they come by other ways.

    Eventarc chooses the audience, and does not say which. The account brings events to this service and to no other, so a
    token of it can have been made for nobody else.
    """
    return AccountIdentity(settings.events_account, None) if settings.events_account else None


def _is_of(claims: Mapping[str, Any], account: str) -> bool:
    return claims.get("email") == account and claims.get("email_verified") is True
