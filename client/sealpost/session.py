"""The session of this device: access token, refresh token, Firebase's tokens; renewed before they end."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from sealpost.errors import SIGN_IN_AGAIN, NotSignedIn, SealpostError, ServiceProblem, ServiceUnavailable
from sealpost.identity import IdToken, sign_in_with_custom_token
from sealpost.protocol import identifiers
from sealpost.protocol.errors import ProtocolError
from sealpost.protocol.jwk import PrivateKey
from sealpost.protocol.proof import session_proof
from sealpost.service import Json, Service, may_be_plain
from sealpost.standing import Standing
from sealpost.state import Kind, State

_ACCESS_MARGIN = 60
ID_MARGIN = 300
"""Seconds before its end from which an ID token is replaced."""
_CUSTOM_TOKEN_LIFE = 3300
"""Firebase's custom tokens last an hour."""
_PROOF_LIFE = 100
"""The service takes a proof for 120 s; a repetition needs some of it."""
_CLOCK_WRONG = 60
_LONGEST_LIFE = 366 * 86400
_DATABASE = re.compile(r"[A-Za-z0-9()_-]{1,63}")
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")

Proving = Callable[[str], Mapping[str, Any]]
"""Makes a body from the access token, with a fresh proof each time."""


@dataclass(frozen=True, slots=True)
class Firebase:
    """Where this session reads messages. The hosts are emulators' host:port, None in the cloud.

    `custom_token` is None as long as the device is pending, which may read nothing.
    """

    custom_token: str | None = field(repr=False)
    project: str
    api_key: str
    auth_host: str | None
    firestore_host: str | None
    database: str = "(default)"
    """Firestore's, which has another name once it was restored. Profiles of before have no word on it."""

    @classmethod
    def read(cls, answer: Mapping[str, Any], *, service_url: str) -> Self:
        custom_token = answer["custom_token"]
        return cls(
            custom_token=None if custom_token is None else _text(custom_token),
            project=_text(answer["project"]),
            api_key=_text(answer["api_key"]),
            auth_host=_emulator(answer["auth_host"], service_url),
            firestore_host=_emulator(answer["firestore_host"], service_url),
            database=_text(answer["database"], _DATABASE),
        )


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is stored. Times are Unix seconds by our clock. `proof` is of a refresh whose answer has not come yet."""

    session_id: str
    access_token: str = field(repr=False)
    access_until: float
    refresh_token: str = field(repr=False)
    firebase: Firebase
    issued: float
    proof: str | None = field(default=None, repr=False)
    proof_made: float = 0.0
    id_token: str | None = field(default=None, repr=False)
    id_until: float = 0.0

    @classmethod
    def read(cls, answer: Json, *, session_id: object, service_url: str, now: float) -> Self:
        """From create_session's or refresh_session's answer."""
        try:
            return cls(
                session_id=_text(session_id, _SESSION_ID),
                access_token=_text(answer["access_token"]),
                access_until=now + _seconds(answer["expires_in"]),
                refresh_token=_text(answer["refresh_token"]),
                firebase=Firebase.read(answer["firebase"], service_url=service_url),
                issued=now,
            )
        except (KeyError, TypeError, ValueError):
            raise ServiceUnavailable("The service's answer lacks a token.", code="bad-answer") from None


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just begun."""

    uid: str
    tokens: Tokens
    standing: Standing


def open_session(*, service: Service, email: str, code: str, key: PrivateKey) -> Opened:
    """Redeems the mailed code for the device whose signing key is `key`."""
    function = "create_session"
    answer = service.call(
        function,
        lambda: {
            "email": email,
            "code": code,
            "device": key.public.to_json(),
            "proof": _proof(service, function, code, key),
        },
    )
    try:
        uid = identifiers.uid(answer.get("uid"))
    except ProtocolError:
        raise ServiceUnavailable("The service's answer names no account.", code="bad-answer") from None
    tokens = Tokens.read(
        answer, session_id=answer.get("session_id"), service_url=service.url, now=service.wall.time()
    )
    return Opened(uid, tokens, Standing.read(answer))


def is_signed_in(state: State) -> bool:
    """Whether there is a session, as far as this device knows."""
    return state.get(Kind.SESSION) is not None


class Session:
    """Calls the service as this device.

    `on_standing` gets how this device stands, as the service says with each refresh.
    """

    def __init__(
        self,
        *,
        state: State,
        service: Service,
        key: PrivateKey,
        on_standing: Callable[[Standing], None],
        identity: httpx.BaseTransport | None = None,
    ) -> None:
        self._state = state
        self._on_standing = on_standing
        self._service = service
        self._key = key
        self._identity = identity

    def begin(self, tokens: Tokens) -> None:
        """Takes over what create_session answered."""
        self._state.put(Kind.SESSION, asdict(tokens))

    def call(self, function: str, body: Mapping[str, Any] | Proving) -> Json:
        """A call with the access token; a body that needs a proof is made from that token.

        An access token that is refused before its time is replaced once. Raises NotSignedIn when the session has ended,
        which the refresh alone can say.
        """
        token = self._access_token()
        try:
            return self._call(function, body, token)
        except ServiceProblem as problem:
            if problem.code != "unauthenticated":
                raise
        self._refresh(stale=token)
        return self._call(function, body, self.tokens().access_token)

    def proof(self, function: str, credential: str) -> str:
        return _proof(self._service, function, credential, self._key)

    def id_token(self) -> IdToken:
        """An ID token for Firestore, good for at least ID_MARGIN seconds. Raises NotSignedIn when the session has ended.

        A session that began with a pending device has no custom token: the first refresh after its publication brings one.
        """
        tokens, now = self.tokens(), self._service.wall.time()
        if tokens.id_token is not None and tokens.id_until - now > ID_MARGIN:
            return IdToken(tokens.id_token, tokens.id_until)
        spent = tokens.id_token is not None or now - tokens.issued > _CUSTOM_TOKEN_LIFE
        if spent or tokens.firebase.custom_token is None:
            self._refresh(stale=tokens.access_token)
            tokens = self.tokens()
        return self._exchange(tokens)

    def renew(self) -> None:
        """Refreshes now: what the service says of this device is the newest then."""
        self._refresh(stale=self.tokens().access_token)

    def proved(self, function: str, **body: object) -> Json:
        """A call with the access token and a proof."""
        return self.call(function, lambda token: {**body, "proof": self.proof(function, token)})

    def forget_id_token(self) -> None:
        """After a refusal: the next ID token comes from a refreshed session."""
        with self._state.transaction():
            self._state.put(Kind.SESSION, asdict(replace(self.tokens(), id_until=0.0)))

    def forget(self) -> None:
        """The session has ended at the service."""
        self._state.delete(Kind.SESSION)

    def end(self) -> None:
        """Revokes the session at the service and forgets it.

        One that has ended is no failure: a first call whose answer was lost may have ended it.
        """
        tokens = self.tokens()
        with suppress(NotSignedIn):
            self.proved("revoke_session", session_id=tokens.session_id)
        self.forget()

    def tokens(self) -> Tokens:
        stored = self._state.get(Kind.SESSION)
        if stored is None:
            raise NotSignedIn("This profile is not signed in.", cure=SIGN_IN_AGAIN)
        return Tokens(**stored | {"firebase": Firebase(**stored["firebase"])})

    def _call(self, function: str, body: Mapping[str, Any] | Proving, token: str) -> Json:
        if callable(body):
            make = body
            return self._service.call(function, lambda: make(token), bearer=token)
        return self._service.call(function, body, bearer=token)

    def _access_token(self) -> str:
        tokens = self.tokens()
        if tokens.access_until - self._service.wall.time() < _ACCESS_MARGIN:
            self._refresh(stale=tokens.access_token)
            tokens = self.tokens()
        return tokens.access_token

    def _exchange(self, tokens: Tokens) -> IdToken:
        if tokens.firebase.custom_token is None:
            raise SealpostError(
                "The service lets this device read nothing: its keys are not published yet.",
                code="device-not-active",
                cure="Try again; if that fails, sign in again.",
            )
        made = sign_in_with_custom_token(
            tokens.firebase.custom_token,
            api_key=tokens.firebase.api_key,
            emulator=tokens.firebase.auth_host,
            transport=self._identity,
            wall=self._service.wall,
        )
        with self._state.transaction():
            self._state.put(
                Kind.SESSION, asdict(replace(self.tokens(), id_token=made.value, id_until=made.expires))
            )
        return made

    def _refresh(self, *, stale: str) -> None:
        """Rotates the refresh token, unless another process of this profile has done so meanwhile.

        The proof is stored before it is used: after a lost answer or a crash the same call is repeated byte for byte,
        and so gets the same successor instead of ending the session.
        """
        with self._state.alone():
            if self.tokens().access_token != stale:
                return
            answer = self._refreshed()
        self._on_standing(Standing.read(answer))

    def _refreshed(self) -> Json:
        """The answer, stored. A proof that our clock spoilt is made again once."""
        offset = self._service.offset
        tokens = self._with_proof(self.tokens())
        try:
            answer = self._call_refresh(tokens)
        except ServiceProblem as problem:
            if problem.code != "invalid-proof":
                raise
            if abs(self._service.offset - offset) <= _CLOCK_WRONG:
                raise
            tokens = self._with_proof(self.tokens())
            answer = self._call_refresh(tokens)
        fresh = Tokens.read(
            answer,
            session_id=tokens.session_id,
            service_url=self._service.url,
            now=self._service.wall.time(),
        )
        self._state.put(Kind.SESSION, asdict(fresh))
        return answer

    def _call_refresh(self, tokens: Tokens) -> Json:
        body = {"refresh_token": tokens.refresh_token, "proof": tokens.proof}
        try:
            return self._service.call("refresh_session", body)
        except ServiceProblem as problem:
            if problem.code == "unauthenticated":
                raise self._ended() from None
            if problem.code == "invalid-proof":
                self._state.put(Kind.SESSION, asdict(replace(tokens, proof=None)))
            raise

    def _with_proof(self, tokens: Tokens) -> Tokens:
        now = self._service.wall.time()
        if tokens.proof is None or not 0 <= now - tokens.proof_made < _PROOF_LIFE:
            proof = self.proof("refresh_session", tokens.refresh_token)
            tokens = replace(tokens, proof=proof, proof_made=now)
            self._state.put(Kind.SESSION, asdict(tokens))
        return tokens

    def _ended(self) -> NotSignedIn:
        self._state.delete(Kind.SESSION)
        return NotSignedIn(
            "The session has ended (signed out, not used for long, or this device was removed).",
            code="unauthenticated",
            cure=SIGN_IN_AGAIN,
        )


def _proof(service: Service, function: str, credential: str, key: PrivateKey) -> str:
    return session_proof(
        service_url=service.url,
        function=function,
        credential=credential,
        now=int(service.now()),
        key=key,
    )


def _text(value: object, pattern: re.Pattern[str] = re.compile(r"[ -~]+")) -> str:
    """What may stand in a header or a URL. Raises ValueError."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not 0 < value <= _LONGEST_LIFE:
        raise ValueError
    return float(value)


def _emulator(host: object, service_url: str) -> str | None:
    """An emulator's host:port. It is spoken to without TLS, so only where the service is too."""
    if host is None:
        return None
    host = _text(host)
    if urlsplit(service_url).scheme != "http" or not may_be_plain(urlsplit(f"//{host}").hostname or ""):
        raise ServiceUnavailable(
            f"The service names an emulator, which a service on the net has no use for ({host}).",
            code="bad-answer",
            cure="Check the service's URL. A test network of plain HTTP needs SEALPOST_ALLOW_HTTP=1.",
        )
    return host
