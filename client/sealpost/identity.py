"""From the service's custom token to an ID token that Firestore takes: Identity Toolkit over REST."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from sealpost.errors import NotSignedIn, ServiceUnavailable
from sealpost.service import Wall

_CLOUD = "https://identitytoolkit.googleapis.com"
_PATH = "/v1/accounts:signInWithCustomToken"
_ATTEMPTS = 3
_TOKEN = re.compile(r"[ -~]+")
_LONGEST_LIFE = 86400


@dataclass(frozen=True, slots=True)
class IdToken:
    """`expires` in Unix seconds by our clock."""

    value: str = field(repr=False)
    expires: float


def sign_in_with_custom_token(
    token: str,
    *,
    api_key: str,
    emulator: str | None,
    transport: httpx.BaseTransport | None = None,
    wall: Wall | None = None,
) -> IdToken:
    """`emulator` is its host:port, or None for the cloud.

    Raises NotSignedIn when the token is refused (too old, of a session that ended), ServiceUnavailable otherwise.
    Source: https://cloud.google.com/identity-platform/docs/use-rest-api
    """
    wall = wall or Wall()
    base = f"http://{emulator}/identitytoolkit.googleapis.com" if emulator else _CLOUD
    with httpx.Client(transport=transport, timeout=httpx.Timeout(20, connect=10)) as client:
        for attempt in range(_ATTEMPTS):
            started = wall.time()
            try:
                answer = client.post(
                    base + _PATH, params={"key": api_key}, json={"token": token, "returnSecureToken": True}
                )
            except httpx.TransportError:
                answer = None
            except httpx.DecodingError:
                raise _unreadable() from None
            if answer is not None and answer.is_success:
                return _id_token(answer, started)
            if (
                answer is not None
                and answer.is_client_error
                and answer.status_code != httpx.codes.TOO_MANY_REQUESTS
            ):
                raise NotSignedIn(
                    "Identity Toolkit refused the session's token.",
                    code="custom-token-refused",
                    cure="Try again; if that fails, sign in again.",
                )
            if attempt < _ATTEMPTS - 1:
                wall.sleep(0.5 * 2**attempt)
    host = emulator or urlsplit(_CLOUD).hostname
    raise ServiceUnavailable(
        f"{host} cannot be reached; it lets this device read its messages.",
        code="unreachable",
        cure="Check the network, then try again.",
    )


def _id_token(answer: httpx.Response, started: float) -> IdToken:
    try:
        body = answer.json()
        token, life = body["idToken"], int(body["expiresIn"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unreadable() from None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token) or not 0 < life <= _LONGEST_LIFE:
        raise _unreadable()
    return IdToken(value=token, expires=started + life)


def _unreadable() -> ServiceUnavailable:
    return ServiceUnavailable("Identity Toolkit's answer cannot be read.", code="bad-answer")
