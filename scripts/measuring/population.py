"""Accounts for a benchmark, put into PostgreSQL by COPY: each with a device, a session, and a conversation with the next one.

Their keys are well-formed and nobody holds them: what is measured with these accounts never opens an envelope.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
import pg8000.native
from jwt.algorithms import ECAlgorithm

from scripts.measuring.load.requests import GAP, Request, render

BODY = 1_200
"""Bytes of ciphertext in an envelope: a message of a page."""
STATEMENT = 1_400
"""Bytes of a signed statement with a key of 3072 bits in it."""

_MODULUS = "A" * 512
_WRAPPED = "A" * 512


def _digest(*words: object) -> str:
    return _base64url(hashlib.sha256(" ".join(map(str, words)).encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Person:
    """The account of a number. All that belongs to it follows from that."""

    number: int

    @property
    def uid(self) -> str:
        return f"bench{self.number:023d}"

    @property
    def session(self) -> str:
        return _digest("session", self.number)

    @property
    def conversation(self) -> str:
        """With the account of the next number."""
        return _digest("conversation", self.number)

    def device(self, which: int = 0) -> str:
        return _digest("device", self.number, which)

    def kid(self, which: int = 0) -> str:
        return _digest("key", self.number, which)


@dataclass(frozen=True)
class Population:
    size: int
    devices: int = 1
    """Of each account."""
    statement_bytes: int = STATEMENT

    def seed(
        self, connection: pg8000.native.Connection, note: Callable[[str], None] = lambda _: None
    ) -> None:
        """Fill the tables of an empty database."""
        connection.run("set session_replication_role = replica")  # the rows fit together: nothing to check
        for table, (columns, rows) in self._tables().items():
            note(f"{self.size} {table}")
            connection.run(f"copy {table} ({columns}) from stdin", stream=_lines(rows))
        connection.run("set session_replication_role = origin")
        connection.run("vacuum analyze")

    def people(self) -> Iterator[Person]:
        return map(Person, range(self.size))

    def other(self, person: Person) -> Person:
        """Who is in the person's conversation with them."""
        return Person((person.number + 1) % self.size)

    def _tables(self) -> dict[str, tuple[str, Iterator[tuple[Any, ...]]]]:
        now = datetime.now(UTC)
        begun, ends = now.isoformat(), (now + timedelta(days=14)).isoformat()
        text = "A" * self.statement_bytes
        devices = range(self.devices)
        index = (r"\\x" + hashlib.sha256(f"address {n}".encode()).hexdigest() for n in range(self.size))
        heads = (_digest("statement", n) for n in range(self.size))
        return {
            "accounts": (
                "uid, address_index, root, head_seq, head_hash, created_at",
                (
                    (one.uid, address, one.device(), 0, head, begun)
                    for one, address, head in zip(self.people(), index, heads, strict=True)
                ),
            ),
            "statements": (
                "uid, seq, hash, statement, stored_at",
                ((one.uid, 0, _digest("statement", one.number), text, begun) for one in self.people()),
            ),
            "devices": (
                "id, uid, modulus, state, created_at, activated_at",
                (
                    (one.device(which), one.uid, _MODULUS, "active", begun, begun)
                    for one in self.people()
                    for which in devices
                ),
            ),
            "encryption_keys": (
                "kid, uid, device, n, issued_at, expires_at, statement, current",
                (
                    (one.kid(which), one.uid, one.device(which), 1, begun, ends, text, "t")
                    for one in self.people()
                    for which in devices
                ),
            ),
            "sessions": (
                "id, uid, device, refresh_hash, created_at, expires_at",
                (
                    (one.session, one.uid, one.device(), _digest("refresh", one.number), begun, ends)
                    for one in self.people()
                ),
            ),
            "conversations": (
                "cid, kind, head_seq, head_hash, created_at",
                ((one.conversation, "direct", 0, one.conversation, begun) for one in self.people()),
            ),
            "members": (
                "cid, uid, role",
                (
                    (one.conversation, member.uid, "member")
                    for one in self.people()
                    for member in (one, self.other(one))
                ),
            ),
        }


@dataclass(frozen=True)
class Senders:
    """Sends of the first so many of a population, each in its own conversation."""

    population: Population
    verification: Path
    signing: Path
    """The service's key files, with which the tokens are made."""
    issuer: str
    count: int = 1_000

    def people(self) -> list[Person]:
        """From all over the population, so that a larger one is not read in one place."""
        step = max(1, self.population.size // self.count)
        return [Person(number) for number in range(0, self.population.size, step)][: self.count]

    def requests(self, path: str) -> list[Request]:
        """The calls as a client makes them, for `path`."""
        return [
            render("POST", path, {"Authorization": f"Bearer {self.token(one)}"}, self.body(one))
            for one in self.people()
        ]

    def calls(self) -> list[str]:
        """The same without HTTP: JSON of the body and the token."""
        return [json.dumps(json.loads(self.body(one)) | {"token": self.token(one)}) for one in self.people()]

    def body(self, one: Person) -> str:
        """The JSON of a send, `GAP` in the place of its id."""
        return json.dumps(
            {
                "message_id": GAP,
                "conversation_id": one.conversation,
                "expires_at": None,
                "envelope": self._envelope(one),
            }
        )

    def token(self, one: Person) -> str:
        """An access token that outlives the run."""
        now, (kid, key) = int(time.time()), self._key
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": one.uid,
            "sid": one.session,
            "cnf": {"jkt": one.device()},
            "iat": now,
            "exp": now + 86_400,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode(claims, key, algorithm="ES256", headers={"typ": "at+jwt", "kid": kid})

    def _envelope(self, one: Person) -> str:
        """As docs/protocol.md describes it: to every device of the recipient and to the sender's other devices."""
        devices = range(self.population.devices)
        kids = [self.population.other(one).kid(which) for which in devices]
        kids += [one.kid(which) for which in devices if which]
        protected = {
            "v": 1,
            "alg": "RSA-OAEP-256",
            "enc": "A256GCM",
            "typ": "sealpost+json",
            "cty": "sealpost-msg+jwt",
            "ctx": _digest("context"),
        }
        envelope = {
            "protected": _base64url(json.dumps(protected, separators=(",", ":")).encode()),
            "recipients": [{"header": {"kid": kid}, "encrypted_key": _WRAPPED} for kid in sorted(kids)],
            "iv": _base64url(secrets.token_bytes(12)),
            "ciphertext": _base64url(secrets.token_bytes(BODY)),
            "tag": _base64url(secrets.token_bytes(16)),
        }
        return json.dumps(envelope, separators=(",", ":"))

    @cached_property
    def _key(self) -> tuple[str, Any]:
        jwk = json.loads(self.signing.read_text(encoding="ascii"))["keys"][0]
        return jwk["kid"], ECAlgorithm.from_jwk(jwk)


def _lines(rows: Iterator[tuple[Any, ...]]) -> Iterator[bytes]:
    """COPY's text format, in pieces of some hundred rows."""
    piece: list[str] = []
    for row in rows:
        piece.append("\t".join(map(str, row)))
        if len(piece) == 500:  # noqa: PLR2004 - about what a packet of 64 KiB and more holds
            yield ("\n".join(piece) + "\n").encode()
            piece.clear()
    if piece:
        yield ("\n".join(piece) + "\n").encode()
