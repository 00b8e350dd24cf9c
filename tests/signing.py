"""Devices for tests: PS256 over whatever a test wants signed, right or wrong. Shares no code with the client."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from common.jose import RsaKey

_PUBLISHED = Path(__file__).parent / "vectors" / "keys.json"


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(text: str) -> str:
    return b64(sha256(text.encode()).digest())


def compact_json(value: Any) -> bytes:
    """`value` as JSON; bytes stand as they are, for what no JSON writer would write."""
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Key:
    """An RSA key as a device holds it, for signing or for wrapping."""

    private: RSAPrivateKey

    @property
    def n(self) -> str:
        n = self.private.public_key().public_numbers().n
        return b64(n.to_bytes((n.bit_length() + 7) // 8))

    @property
    def kid(self) -> str:
        return digest(f'{{"e":"AQAB","kty":"RSA","n":"{self.n}"}}')

    def jwk(self, alg: str = "PS256", use: str = "sig") -> dict[str, Any]:
        return {"kty": "RSA", "n": self.n, "e": "AQAB", "alg": alg, "use": use, "kid": self.kid}

    @property
    def known(self) -> RsaKey:
        """The signing key as the server knows it."""
        return RsaKey(n=self.n, alg="PS256", use="sig")

    def wrapping_jwk(self) -> dict[str, Any]:
        return self.jwk("RSA-OAEP-256", "enc")

    def sign(self, typ: str, payload: Any, *, header: Any = None, salt: int = 32) -> str:
        head = header or {"alg": "PS256", "typ": typ, "kid": self.kid}
        signed = f"{b64(compact_json(head))}.{b64(compact_json(payload))}"
        return self._signed(signed, salt)

    def forge(self, compact: str) -> str:
        """What another key signed, header and all, under a signature of this one."""
        return self._signed(compact.rpartition(".")[0], 32)

    def _signed(self, text: str, salt: int) -> str:
        signature = self.private.sign(text.encode(), PSS(MGF1(SHA256()), salt_length=salt), SHA256())
        return f"{text}.{b64(signature)}"


@cache
def key(name: str) -> Key:
    """The key of this name: one that is published with the vectors (`alice_signing` ...), or else a new one.

    Making one takes a tenth of a second and more.
    """
    published = _published().get(name)
    return Key(_private(published["private"]) if published else generate_private_key(65537, 3072))


@cache
def _published() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_PUBLISHED.read_text(encoding="utf-8"))["keys"]
    return content


def _private(jwk: dict[str, str]) -> RSAPrivateKey:
    n, e, d, p, q, dp, dq, qi = (
        int.from_bytes(urlsafe_b64decode(jwk[name] + "=="))
        for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi")
    )
    numbers = RSAPrivateNumbers(p, q, d, dp, dq, qi, RSAPublicNumbers(e, n))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def access_token(key: EllipticCurvePrivateKey, header: dict[str, Any], claims: Any) -> str:
    """An ES256 token (RFC 7518, section 3.4) with whatever header and claims a test wants."""
    signed = f"{b64(compact_json(header))}.{b64(compact_json(claims))}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ECDSA(SHA256())))
    return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


def proof(
    device: Key, *, url: str, credential: str, now: float, audience: str, jti: str = "", **changed: Any
) -> str:
    payload = {
        "aud": audience,
        "htm": "POST",
        "htu": url,
        "iat": int(now),
        "jti": jti or digest(f"{url}{now}{credential}"),
        "ath": digest(credential),
    }
    return device.sign("sealpost-session+jwt", payload | changed)


def first_device(device: Key, uid: str, now: float, /, **changed: Any) -> str:
    payload = {
        "v": 1,
        "iss": uid,
        "seq": 0,
        "prev": None,
        "iat": int(now),
        "act": "add-device",
        "device": device.jwk(),
        "pop": None,
        "ext": {},
    }
    return device.sign("sealpost-key+jwt", payload | changed)


def next_statement(
    device: Key, uid: str, head: tuple[int, str], act: str, now: float, /, **carried: Any
) -> str:
    """A statement after the head (seq, hash) that does `act`; `carried` is what the act carries, or what is changed."""
    seq, prev = head
    payload = {"v": 1, "iss": uid, "seq": seq + 1, "prev": prev, "iat": int(now), "act": act, "ext": {}}
    return device.sign("sealpost-key+jwt", payload | carried)


def possession(
    device: Key, uid: str, root: str, enc: str, now: float, /, *, audience: str, **changed: Any
) -> str:
    """What a new device signs in its request to be linked; `enc` is its encryption key statement."""
    payload = {
        "iss": uid,
        "aud": audience,
        "root": root,
        "device": device.jwk(),
        "enc": digest(enc),
        "iat": int(now),
        "jti": digest(f"{uid}{now}")[:22],
    }
    return device.sign("sealpost-pop+jwt", payload | changed)


def encryption_key(device: Key, wrapping: Key, uid: str, now: float, /, *, n: int = 1, **changed: Any) -> str:
    payload = {
        "v": 1,
        "iss": uid,
        "device": device.kid,
        "n": n,
        "iat": int(now),
        "exp": int(now) + 14 * 86_400,
        "keys": [wrapping.wrapping_jwk()],
        "env": [1],
        "ext": {},
    }
    return device.sign("sealpost-enc+jwt", payload | changed)


def creation(device: Key, uid: str, other: str, head: tuple[int, str], now: float, /, **changed: Any) -> str:
    """Of a conversation of two, or with oneself where `other` is that."""
    kind, members = ("self", [uid]) if uid == other else ("direct", sorted((uid, other)))
    named = "\0".join([f"sealpost {kind} 1", *members])
    payload = {
        "v": 1,
        "cid": b64(sha256(named.encode()).digest()),
        "seq": 0,
        "prev": None,
        "iat": int(now),
        "iss": uid,
        "dev": device.kid,
        "head": list(head),
        "act": "create",
        "kind": kind,
        "members": [[member, "member"] for member in members],
        "ext": {},
    }
    return device.sign("sealpost-conv+jwt", payload | changed)


def recipient(kid: str) -> dict[str, Any]:
    return {"header": {"kid": kid}, "encrypted_key": b64(bytes(384))}


def envelope(*kids: str, header: Any = None, **changed: Any) -> str:
    """The shape of an envelope; nothing in it can be opened. `header` changes the protected one."""
    protected: Any = {
        "v": 1,
        "alg": "RSA-OAEP-256",
        "enc": "A256GCM",
        "typ": "sealpost+json",
        "cty": "sealpost-msg+jwt",
        "ctx": digest("context"),
    }
    outer = {
        "protected": b64(compact_json(header if isinstance(header, bytes) else protected | (header or {}))),
        "recipients": [recipient(kid) for kid in sorted(kids)],
        "iv": b64(bytes(12)),
        "ciphertext": b64(b"ciphertext"),
        "tag": b64(bytes(16)),
    }
    return compact_json(outer | changed).decode()


def backup(uid: str, n: int, *, header: Any = None, **changed: Any) -> str:
    """The shape of a sealed backup; nothing in it can be opened. `header` changes the protected one."""
    protected: Any = {
        "alg": "dir",
        "enc": "A256GCM",
        "typ": "sealpost-backup+json",
        "iss": uid,
        "n": n,
        "kdf": "argon2id",
        "m": 65_536,
        "t": 3,
        "p": 1,
        "salt": b64(bytes(16)),
    }
    outer = {
        "protected": b64(compact_json(header if isinstance(header, bytes) else protected | (header or {}))),
        "iv": b64(bytes(12)),
        "ciphertext": b64(b"ciphertext"),
        "tag": b64(bytes(16)),
    }
    return compact_json(outer | changed).decode()
