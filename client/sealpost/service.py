"""Calls of the service's functions over HTTP: retries, problem documents, clock offset. What they mean is elsewhere."""

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from os import environ
from typing import Any
from urllib.parse import urlsplit

import httpx

from sealpost import __version__
from sealpost.errors import SIGN_IN_AGAIN, SealpostError, ServiceProblem, ServiceUnavailable, UsageError

Json = dict[str, Any]
Body = Mapping[str, Any] | Callable[[], Mapping[str, Any]]

PROBLEM_TYPE = "urn:sealpost:problem:"
ATTEMPTS = 4
LONGEST_PAUSE = 30.0
OFFSET_WARNING = 120.0
_FIRST_PAUSE = 0.5
_COMMON_MEMBERS = frozenset({"type", "title", "status", "detail", "instance", "request_id"})
_PROOF_RETRY_OFFSET = 60.0
_DATE_AGE = 2
"""A Date is in whole seconds, and a server may write one that was made up to a second ago."""
_LARGEST_ANSWER = 32 * 1024 * 1024
_TIMEOUT = httpx.Timeout(30, connect=10)
_TIMEOUTS = {"refresh_session": httpx.Timeout(8, connect=5)}
"""A lost answer of refresh_session must be asked for again, twice or more, within the 30 s in which it can be."""
_URL = re.compile(r"[!-~]+")
_RETRIED = frozenset({503, 504})
_TOO_MANY = 429
"""Repeated too, but only when the service says how long to wait."""
_REPEATABLE = frozenset(
    {
        "refresh_session",
        "revoke_session",
        "revoke_all_sessions",
        "list_sessions",
        "name_session",
        "publish_key",
        "resubmit_statements",
        "save_key_backup",
        "get_key_backup",
        "list_audit",
        "set_discovery",
        "find_keys",
        "request_link",
        "get_link_request",
        "grant_link",
        "get_link_grant",
        "veto_reset",
        "create_conversation",
        "send_message",
    }
)
"""Functions that answer a repeated call as the first: safe after a lost answer. sign_up would mail twice, and
create_session's code is spent."""

_CURES = {
    "unauthenticated": f"The session has ended. {SIGN_IN_AGAIN}",
    "invalid-code": "Ask for a new one: sealpost sign-up EMAIL",
    "invalid-proof": "Check this computer's clock, then try again.",
    "device-not-active": "Ask the service how it stands: sealpost devices",
    "blocked": "The recipient does not take messages from you.",
    "not-a-member": "You are not in that conversation.",
    "payload-too-large": "Send a shorter text.",
    "restored": "Nothing is lost. Try again later.",
    "rate-limited": "Wait a little, then try again.",
}

_CAUSES = {
    "invalid-request": "The service does not take this request as this version of sealpost makes it.",
    "invalid-code": "The code is wrong, used, expired, or of another address.",
    "device-not-active": "This device is not linked to the account, or was removed from it.",
    "restored": "The service was restored from a backup, and the other side's device was not here since: no key of it is known.",
}
"""In place of the service's own detail, which is for a client's author."""
_ANOTHER_SERVICE = (
    "Check its URL. A profile that never signed in takes another: sealpost sign-up EMAIL --service URL"
)


class Wall:
    """Time as the system tells it. Tests give another."""

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(slots=True)
class Service:
    """One service, by its URL without a trailing slash.

    `offset` is the server's clock minus ours in seconds, to about one. It changes when an answer's Date shows it to be
    impossible, so that a clock that agrees is left alone.
    `bearer` of a call is the access token. Answers are JSON objects, {} for an empty one.
    """

    url: str
    transport: httpx.BaseTransport | None = None
    wall: Wall = field(default_factory=Wall)
    on_warning: Callable[[str], None] = lambda _text: None
    offset: float = 0.0
    _client: httpx.Client | None = None
    _warned: bool = False

    def __post_init__(self) -> None:
        self.url = checked_url(self.url)

    def now(self) -> float:
        """The server's time, as far as we know it."""
        return self.wall.time() + self.offset

    def call(self, function: str, body: Body, *, bearer: str = "") -> Json:
        """POST /v1/{function}. `body` is a function where a repetition needs a fresh proof.

        Raises ServiceProblem with the problem's code, or ServiceUnavailable.
        """
        attempts = ATTEMPTS if function in _REPEATABLE else 1
        done, clock_mended = 0, False
        while True:
            offset_before = self.offset
            try:
                answer = self._post(function, body, bearer=bearer)
            except httpx.TransportError as error:
                failure: SealpostError = self._unreachable(error)
                hint = 0.0
            except httpx.DecodingError:
                raise _unreadable() from None
            else:
                if _code(answer) == "invalid-proof" and callable(body) and not clock_mended:
                    clock_mended = True
                    if abs(self.offset - offset_before) > _PROOF_RETRY_OFFSET:
                        continue
                hint = _retry_after(answer)
                if answer.status_code not in _RETRIED and not (answer.status_code == _TOO_MANY and hint):
                    return _result(answer)
                failure = _busy(answer)
            done += 1
            pause = max(hint, _FIRST_PAUSE * 2 ** (done - 1) * random.uniform(0.8, 1.2))  # noqa: S311 - jitter is no secret
            if done >= attempts or pause > LONGEST_PAUSE:
                raise failure
            self.wall.sleep(pause)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _post(self, function: str, body: Body, *, bearer: str) -> httpx.Response:
        content = json.dumps(body() if callable(body) else body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        started = self.wall.time()
        with self._http().stream(
            "POST",
            f"{self.url}/v1/{function}",
            content=content,
            headers=headers,
            timeout=_TIMEOUTS.get(function, _TIMEOUT),
        ) as answer:
            self._measure_offset(answer, started, self.wall.time())
            read = bytearray()
            for chunk in answer.iter_bytes():
                read += chunk
                if len(read) > _LARGEST_ANSWER:
                    raise ServiceUnavailable("The service's answer is far too long.", code="bad-answer")
        return httpx.Response(answer.status_code, headers=_plain_headers(answer), content=bytes(read))

    def _http(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(
                transport=self.transport,
                headers={"User-Agent": f"sealpost/{__version__}", "Accept": "application/json"},
                follow_redirects=False,
            )
        return self._client

    def _measure_offset(self, answer: httpx.Response, started: float, ended: float) -> None:
        try:
            theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (KeyError, ValueError, TypeError, OverflowError):
            return
        least, most = theirs - ended, theirs + _DATE_AGE - started
        if least <= self.offset <= most or least > most:  # or our clock was set meanwhile
            return
        self.offset = (least + most) / 2
        if abs(self.offset) > OFFSET_WARNING and not self._warned:
            self._warned = True
            direction = "behind" if self.offset > 0 else "ahead of"
            self.on_warning(
                f"this computer's clock is {abs(self.offset):.0f} s {direction} the service's: set it."
            )

    def _unreachable(self, error: httpx.TransportError) -> ServiceUnavailable:
        if isinstance(error, httpx.TimeoutException):
            cause = f"{self.url} did not answer in time."
        else:
            cause = f"{self.url} cannot be reached ({_reason(error)})."
        return ServiceUnavailable(
            cause, code="unreachable", cure="Check the network and the URL, then try again."
        )


def checked_url(url: str) -> str:
    """The service's URL in the one form that proofs and tokens name it. Only this computer is spoken to without TLS."""
    url = url.strip().rstrip("/")
    cure = "For example: --service https://sealpost.example.org"
    try:
        httpx.URL(url)
        parts = urlsplit(url)
        port = parts.port
    except (ValueError, httpx.InvalidURL):
        raise UsageError(f"This is not the URL of a service: {url}", cure=cure) from None
    if (
        not _URL.fullmatch(url)
        or parts.scheme not in {"https", "http"}
        or not parts.hostname
        or port == 0
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise UsageError(f"This is not the URL of a service: {url}", cure=cure)
    if parts.scheme == "http" and not may_be_plain(parts.hostname):
        raise UsageError(
            f"{url} is not encrypted, and not on this computer.",
            cure="Use https://, or set SEALPOST_ALLOW_HTTP=1 for a test network.",
        )
    return url


def may_be_plain(host: str) -> bool:
    """Whether a host may be spoken to without TLS: this computer, or any in a test network that says so."""
    if host == "localhost" or host.endswith(".localhost") or environ.get("SEALPOST_ALLOW_HTTP") == "1":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(error: httpx.TransportError) -> str:
    """The system's words without its number: `[Errno 111] Connection refused` says no more to a person."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)).lower() or type(error).__name__


def _plain_headers(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in ("Content-Type", "Retry-After") if name in answer.headers}


def _document(answer: httpx.Response) -> Json:
    try:
        document = json.loads(answer.content or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _code(answer: httpx.Response) -> str:
    """The code of a problem document, "" for any other answer."""
    if answer.status_code < httpx.codes.BAD_REQUEST:
        return ""
    kind = _document(answer).get("type")
    return kind.removeprefix(PROBLEM_TYPE) if isinstance(kind, str) and kind.startswith(PROBLEM_TYPE) else ""


def _retry_after(answer: httpx.Response) -> float:
    """Seconds; a date or nonsense counts as none (our service sends seconds)."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


def _busy(answer: httpx.Response) -> SealpostError:
    if answer.status_code == _TOO_MANY:
        return _problem(answer)
    wait = _retry_after(answer)
    return ServiceUnavailable(
        "The service cannot answer now.",
        code=_code(answer) or "unavailable",
        cure=f"Try again in {wait:.0f} s." if wait else "Try again later.",
    )


def _result(answer: httpx.Response) -> Json:
    if answer.status_code < httpx.codes.MULTIPLE_CHOICES:
        try:
            value = json.loads(answer.content or b"{}")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise _unreadable()
        return value
    raise _problem(answer)


def _unreadable() -> ServiceUnavailable:
    return ServiceUnavailable(
        "The service's answer cannot be read: this may be no Sealpost.",
        code="bad-answer",
        cure=_ANOTHER_SERVICE,
    )


def _problem(answer: httpx.Response) -> SealpostError:
    code = _code(answer)
    if not code:
        return ServiceProblem(
            f"The service answered {answer.status_code} without saying why: this may be no Sealpost.",
            code="bad-answer",
            status=answer.status_code,
            cure=_ANOTHER_SERVICE,
        )
    document = _document(answer)
    report = f"If it goes on, give its operator the request's id: {document.get('request_id') or 'none'}"
    if answer.is_server_error:
        return ServiceUnavailable("The service failed.", code=code, cure=f"Try again. {report}")
    wait = _retry_after(answer)
    detail = document.get("detail") or document.get("title") or code
    return ServiceProblem(
        _CAUSES.get(code, f"the service says: {detail}"),
        code=code,
        status=answer.status_code,
        members={k: v for k, v in document.items() if k not in _COMMON_MEMBERS},
        cure=f"Try again in {wait:.0f} s." if wait else _CURES.get(code, report),
    )
