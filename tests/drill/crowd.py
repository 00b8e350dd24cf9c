"""Many accounts that write to each other, over the wire of the real service, with envelopes that nobody opens."""

import base64
import itertools
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from scripts.local.say import Stop
from sealpost.protocol import conversation, jws
from sealpost.protocol.chain import Head
from sealpost.protocol.encryption_keys import key_statement
from sealpost.protocol.jwk import PrivateKey, PublicKey, Use
from sealpost.protocol.proof import session_proof

Json = dict[str, Any]

_AT_ONCE = 4
"""Calls."""


def _signing_keys() -> Iterator[PrivateKey]:
    """Of primes that have met in no other key: to search for new primes takes a tenth of a second and more."""
    known: list[tuple[int, int]] = []
    while True:
        numbers = rsa.generate_private_key(public_exponent=65537, key_size=3072).private_numbers()
        fresh = (numbers.p, numbers.q)
        for one, other in itertools.product(fresh, itertools.chain(*known)):
            yield _of_primes(one, other)
        known.append(fresh)


@dataclass(slots=True, kw_only=True)
class Person:
    """An account with one device."""

    uid: str
    token: str
    key: PrivateKey
    kid: str
    """Of the encryption key."""
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A message that the service has said it stores."""

    path: str
    envelope: str
    sent_at: str


@dataclass(slots=True)
class Crowd:
    """Safe to use from any thread."""

    url: str
    auth: str
    """The Auth emulator's URL."""
    project: str
    size: int = 1024
    """Bytes of a message's ciphertext."""
    people: list[Person] = field(default_factory=list)
    pairs: list[tuple[Person, Person, str]] = field(default_factory=list)
    """Who writes to whom in which conversation."""
    acknowledged: list[Acknowledged] = field(default_factory=list)
    _keys: Iterator[PrivateKey] = field(default_factory=_signing_keys)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=60))

    def enter(self, number: int, tell: Callable[[int], None]) -> None:
        """Have so many accounts made, each with a device and its keys."""
        self._each(self._enter, [None] * number, tell)

    def converse(self, tell: Callable[[int], None]) -> None:
        """Have each write to the next one."""
        pairs = list(zip(self.people, [*self.people[1:], self.people[0]], strict=True))
        self._each(self.begin, pairs, tell)

    def begin(self, pair: tuple[Person, Person]) -> None:
        """Have one make a conversation with another one."""
        one, other = pair
        statement = conversation.create_direct(
            uid=one.uid, other=other.uid, head=one.head, key=one.key, now=int(time.time())
        )
        made = self._call("create_conversation", {"statement": statement}, one.token)
        self.pairs.append((one, other, made["conversation_id"]))

    def write(self, number: int, tell: Callable[[int], None]) -> None:
        """Have so many messages sent, by all in turn."""
        turns = itertools.islice(itertools.cycle(list(self.pairs)), number)
        self._each(self.send, list(turns), tell)

    def send(self, pair: tuple[Person, Person, str]) -> None:
        one, other, cid = pair
        mid, envelope = _message_id(), _envelope(other.kid, self.size)
        body = {"message_id": mid, "conversation_id": cid, "expires_at": None, "envelope": envelope}
        sent = self._call("send_message", body, one.token)
        self.acknowledged.append(
            Acknowledged(
                path=f"conversations/{cid}/messages/{mid}", envelope=envelope, sent_at=sent["sent_at"]
            )
        )

    def close(self) -> None:
        self._http.close()

    def _each(self, job: Callable[[Any], None], items: Sequence[Any], tell: Callable[[int], None]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for done, _ in enumerate(pool.map(job, items), 1):
                tell(done)

    def _enter(self, _: None) -> None:
        address = f"{uuid.uuid4().hex}@example.com"
        with self._lock:
            key, wrapping = next(self._keys), next(self._keys)
        code = self._code(address)
        opened = self._call(
            "create_session",
            {"email": address, "code": code, "device": key.public.to_json()}
            | self._proof("create_session", code, key),
        )
        uid, token, now = opened["uid"], opened["access_token"], int(time.time())
        encryption = PublicKey(wrapping.public.n, Use.ENCRYPTION)
        published = self._call(
            "publish_key",
            {
                "statement": _first(uid, key, now),
                "encryption_key": key_statement(
                    uid=uid, signing_key=key, encryption_key=encryption, n=1, now=now
                ),
            }
            | self._proof("publish_key", token, key),
            token,
        )
        head = Head.parse(published["head"])
        self.people.append(Person(uid=uid, token=token, key=key, kid=encryption.kid, head=head))

    def _code(self, address: str) -> str:
        """A sign-in code that no mail brought: the emulator's owner may have as many as it likes."""
        url = f"{self.auth}/identitytoolkit.googleapis.com/v1/projects/{self.project}/accounts:sendOobCode"
        body = {
            "requestType": "EMAIL_SIGNIN",
            "email": address,
            "returnOobLink": True,
            "continueUrl": self.url,
        }
        return str(
            self._http.post(url, json=body, headers={"authorization": "Bearer owner"}).json()["oobCode"]
        )

    def _proof(self, function: str, credential: str, key: PrivateKey) -> Json:
        made = session_proof(
            service_url=self.url, function=function, credential=credential, now=int(time.time()), key=key
        )
        return {"proof": made}

    def _call(self, function: str, body: Json, token: str = "") -> Json:
        """Each call comes from another network, through the one proxy that the service trusts: limits are not the question."""
        network = ".".join(str(secrets.randbelow(256)) for _ in range(3))
        headers = {"x-forwarded-for": f"{network}.1"} | (
            {"authorization": f"Bearer {token}"} if token else {}
        )
        answer = self._http.post(f"{self.url}/v1/{function}", json=body, headers=headers)
        if not answer.is_success:
            raise Stop(f"The service answered {answer.status_code} to {function}: {answer.text}")
        found: Json = answer.json()
        return found


def _first(uid: str, key: PrivateKey, now: int) -> str:
    payload = {
        "v": 1,
        "iss": uid,
        "seq": 0,
        "prev": None,
        "iat": now,
        "act": "add-device",
        "device": key.public.to_json(),
        "pop": None,
        "ext": {},
    }
    return jws.sign(jws.Type.KEY, payload, key)


def _of_primes(p: int, q: int) -> PrivateKey:
    d = pow(65537, -1, (p - 1) * (q - 1))
    secret = {"d": d, "p": p, "q": q, "dp": d % (p - 1), "dq": d % (q - 1), "qi": pow(q, -1, p)}
    encoded = {name: _b64(value.to_bytes((value.bit_length() + 7) // 8)) for name, value in secret.items()}
    return PrivateKey(PublicKey(_b64((p * q).to_bytes(384)), Use.SIGNING), encoded)


def _envelope(kid: str, size: int) -> str:
    """What the service takes for a sealed message to one key."""
    protected = {
        "v": 1,
        "alg": "RSA-OAEP-256",
        "enc": "A256GCM",
        "typ": "sealpost+json",
        "cty": "sealpost-msg+jwt",
        "ctx": _b64(secrets.token_bytes(32)),
    }
    sealed = {
        "protected": _b64(json.dumps(protected, separators=(",", ":")).encode()),
        "recipients": [{"header": {"kid": kid}, "encrypted_key": _b64(secrets.token_bytes(384))}],
        "iv": _b64(secrets.token_bytes(12)),
        "ciphertext": _b64(secrets.token_bytes(size)),
        "tag": _b64(secrets.token_bytes(16)),
    }
    return json.dumps(sealed, separators=(",", ":"))


def _message_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7)."""
    value = int(time.time() * 1000) << 80 | secrets.randbits(80)
    return str(uuid.UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")
