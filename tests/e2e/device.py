"""A device that speaks the HTTP API by hand, so that a test can send what no good client would. Shares no code with one."""

import itertools
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)

from scripts.local.people import mailed_link
from scripts.local.stack import Backing, Suite
from tests.signing import Key, b64, creation, encryption_key, envelope, first_device, key, proof

Json = dict[str, Any]


def new_address(name: str = "person") -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}@example.com"


def new_key() -> Key:
    """A key that no other device of this run has."""
    with _LOCK:
        return next(_KEYS)


def ready_keys(patch: pytest.MonkeyPatch) -> None:
    """Has the real client take such keys too, where a test is not about making them."""
    patch.setattr("sealpost.protocol.jose.rsa.generate_private_key", lambda **_: new_key().private)


def _new_keys() -> Iterator[Key]:
    """Keys of primes that have met in no other key: to search for new primes takes a tenth of a second and more."""
    known: list[tuple[int, int]] = []
    for number in itertools.count():
        made = key(_PUBLISHED[number] if number < len(_PUBLISHED) else f"e2e {number}")
        private = made.private.private_numbers()
        for one, other in itertools.product((private.p, private.q), itertools.chain(*known)):
            yield Key(_of_primes(one, other))
        known.append((private.p, private.q))


def _of_primes(p: int, q: int) -> RSAPrivateKey:
    e = 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = RSAPrivateNumbers(
        p, q, d, rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q), RSAPublicNumbers(e, p * q)
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


_PUBLISHED = ("alice_signing", "alice_encryption", "bob_signing", "bob_encryption", "mallory_signing")
_KEYS = _new_keys()
_LOCK = threading.Lock()


def new_message_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7)."""
    value = int(time.time() * 1000) << 80 | secrets.randbits(80)
    return str(uuid.UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal."""
    return answer.status_code, str(answer.json()["type"]).removeprefix("urn:sealpost:problem:")


def _client() -> httpx.Client:
    return httpx.Client(trust_env=False, timeout=40, limits=httpx.Limits(max_connections=None))


@dataclass(slots=True)
class Service:
    """A service, and what its devices need to know of its surroundings. Safe to use from any thread."""

    url: str
    """Where it is called."""
    project: str
    backing: Backing
    identity: str
    """The URL that its tokens and proofs name: another one where one deployment has several processes."""
    http: httpx.Client = field(default_factory=_client)

    @classmethod
    def of(cls, suite: Suite, backing: Backing, *, identity: str | None = None) -> "Service":
        return cls(suite.url, suite.project, backing, identity or suite.url)

    def hang_up(self) -> None:
        """Close all connections. The next call opens new ones."""
        self.http.close()
        self.http = _client()

    def call(self, function: str, body: Json, *, bearer: str = "", **headers: str) -> httpx.Response:
        """POST a request. `x_forwarded_for="..."` is the header X-Forwarded-For."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            named["authorization"] = f"Bearer {bearer}"
        return self.http.post(f"{self.url}/v1/{function}", json=body, headers=named)

    def public(self, method: str, body: Json) -> httpx.Response:
        """A call of Firebase's public API, which anyone may make."""
        url = f"{self.backing.auth.url}/identitytoolkit.googleapis.com/v1/{method}"
        return self.http.post(url, params={"key": self.project}, json=body)

    def code(self, address: str, *, after: int = 0) -> str:
        """The code of the newest mail to an address."""
        return mailed_link(self.backing.mailbox, address, after=after).partition("#")[2]

    def link_code(self, address: str) -> str:
        """A code that no mail brought: the emulator's owner may have as many as it likes."""
        url = f"{self.backing.auth.url}/identitytoolkit.googleapis.com/v1/projects/{self.project}/accounts:sendOobCode"
        body = {
            "requestType": "EMAIL_SIGNIN",
            "email": address,
            "returnOobLink": True,
            "continueUrl": self.url,
        }
        made = self.http.post(url, json=body, headers={"authorization": "Bearer owner"})
        return str(made.json()["oobCode"])

    def mails(self, address: str) -> list[Json]:
        found: list[Json] = self.http.get(
            f"{self.backing.mailbox}/messages.json", params={"to": address}
        ).json()
        return found

    def proof(self, device: Key, function: str, credential: str, **changed: Any) -> str:
        return proof(
            device,
            url=f"{self.identity}/v1/{function}",
            credential=credential,
            now=time.time(),
            audience=self.identity,
            jti=secrets.token_urlsafe(16),
            **changed,
        )

    def new_session(self, address: str, code: str, device: Key) -> httpx.Response:
        body = {"email": address, "code": code, "device": device.jwk()}
        return self.call("create_session", body | {"proof": self.proof(device, "create_session", code)})

    def read(self, id_token: str, uid: str) -> int:
        """The status of a listener's query, with a Firebase ID token."""
        where = {
            "field": {"fieldPath": "members"},
            "op": "ARRAY_CONTAINS",
            "value": {"stringValue": uid},
        }
        query = {
            "from": [{"collectionId": "messages", "allDescendants": True}],
            "orderBy": [{"field": {"fieldPath": "sent_at"}}],
            "where": {"fieldFilter": where},
            "limit": 10,
        }
        return self.http.post(
            f"{self._documents()}:runQuery",
            json={"structuredQuery": query},
            headers={"authorization": f"Bearer {id_token}"},
        ).status_code

    def messages(self, conversation: str) -> dict[str, tuple[str, str]]:
        """The stored messages by id: each one's sent_at, as send_message tells it, and envelope."""
        found: dict[str, tuple[str, str]] = {}
        page = ""
        while True:
            answer = self.http.get(
                f"{self._documents()}/conversations/{conversation}/messages",
                params={"pageSize": "300", "pageToken": page},
                headers={"authorization": "Bearer owner"},
            ).json()
            for document in answer.get("documents", []):
                fields = document["fields"]
                sent_at = datetime.fromisoformat(fields["sent_at"]["timestampValue"])
                told = sent_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                found[document["name"].rpartition("/")[2]] = (told, fields["envelope"]["stringValue"])
            page = answer.get("nextPageToken", "")
            if not page:
                return found

    def _documents(self) -> str:
        return f"{self.backing.firestore.url}/v1/projects/{self.project}/databases/(default)/documents"


@dataclass(slots=True)
class Device:
    """One device of one address, and what the service told it last."""

    service: Service
    address: str = field(default_factory=new_address)
    key: Key = field(default_factory=new_key)
    wrapping: Key = field(default_factory=new_key)
    session: Json = field(default_factory=dict)
    head: Json = field(default_factory=dict)
    published: int = 0

    @property
    def uid(self) -> str:
        return str(self.session["uid"])

    @property
    def token(self) -> str:
        return str(self.session["access_token"])

    def enter(self) -> "Device":
        """Sign up and in, publish, and refresh, as a first device does before it reads."""
        assert self.service.call("sign_up", {"email": self.address}).status_code == httpx.codes.ACCEPTED
        self.sign_in(self.service.code(self.address))
        self.publish()
        self.keep(self.refresh())
        return self

    def sign_in(self, code: str) -> None:
        self.keep(self.service.new_session(self.address, code, self.key))

    def keep(self, answer: httpx.Response) -> None:
        """Go on with what a new or renewed session was answered with."""
        assert answer.status_code == httpx.codes.OK, answer.text
        self.session |= answer.json()

    def publish(self) -> None:
        """The chain's first statement if there is none, and the next encryption key."""
        now = time.time()
        if self.published:
            self.wrapping = new_key()
        self.published += 1
        made = encryption_key(self.key, self.wrapping, self.uid, now, n=self.published)
        statement = None if self.head else first_device(self.key, self.uid, now)
        answer = self.prove("publish_key", {"statement": statement, "encryption_key": made})
        assert answer.status_code == httpx.codes.OK, answer.text
        self.head = answer.json()["head"]

    def prove(self, function: str, body: Json) -> httpx.Response:
        """A call with a proof over the access token."""
        signed = self.service.proof(self.key, function, self.token)
        return self.service.call(function, body | {"proof": signed}, bearer=self.token)

    def renewal(self, token: str | None = None) -> Json:
        """The body of a refresh_session: made once, it can be repeated byte for byte."""
        token = token or str(self.session["refresh_token"])
        return {
            "refresh_token": token,
            "proof": self.service.proof(self.key, "refresh_session", token),
        }

    def refresh(self, body: Json | None = None) -> httpx.Response:
        return self.service.call("refresh_session", body or self.renewal())

    def id_token(self) -> str:
        """A Firebase ID token of the session."""
        custom = {"token": self.session["firebase"]["custom_token"], "returnSecureToken": True}
        return str(self.service.public("accounts:signInWithCustomToken", custom).json()["idToken"])

    def reads(self, id_token: str) -> int:
        return self.service.read(id_token, self.uid)

    def converse(self, other: "Device") -> str:
        head = (self.head["seq"], self.head["hash"])
        statement = creation(self.key, self.uid, other.uid, head, time.time())
        answer = self.service.call("create_conversation", {"statement": statement}, bearer=self.token)
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["conversation_id"])

    def message(self, conversation: str, *others: "Device") -> Json:
        """The body of a send_message; nobody can open it."""
        sealed = envelope(*(other.wrapping.kid for other in others), ciphertext=b64(secrets.token_bytes(64)))
        return {
            "message_id": new_message_id(),
            "conversation_id": conversation,
            "expires_at": None,
            "envelope": sealed,
        }

    def send(self, body: Json) -> httpx.Response:
        return self.service.call("send_message", body, bearer=self.token)
