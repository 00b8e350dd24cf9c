"""Whether a call comes from the scheduler: Cloud Scheduler's OIDC token, or on a laptop a token in a 0600 file."""

import asyncio
import hmac

import google.auth.exceptions
import google.auth.transport.requests
from google.oauth2 import id_token

from common.errors import Unavailable
from common.settings import Settings, SettingsError, read_secret


class SchedulerIdentity:
    """Verifies OIDC tokens for `audience` of the service account `account`."""

    def __init__(self, account: str, audience: str) -> None:
        self._account = account
        self._audience = audience

    async def __call__(self, token: str) -> bool:
        return await asyncio.to_thread(self._verify, token)

    def _verify(self, token: str) -> bool:
        try:
            claims = id_token.verify_oauth2_token(
                token, google.auth.transport.requests.Request(), self._audience
            )
        except google.auth.exceptions.TransportError:
            raise Unavailable("Google's signing keys cannot be fetched.") from None
        except (ValueError, google.auth.exceptions.GoogleAuthError):
            return False
        return claims.get("email") == self._account and claims.get("email_verified") is True


class SchedulerToken:
    """Compares with the token that the local scheduler reads from the same file."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def __call__(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token)


def scheduler_of(settings: Settings) -> SchedulerIdentity | SchedulerToken:
    if settings.scheduler_account:
        return SchedulerIdentity(settings.scheduler_account, settings.service_url)
    if settings.scheduler_token_file:
        return SchedulerToken(read_secret(settings.scheduler_token_file))
    raise SettingsError(
        "Set SCHEDULER_ACCOUNT (the scheduler's service account), or SCHEDULER_TOKEN_FILE on a laptop."
    )
