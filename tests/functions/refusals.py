"""What a refusal looks like, and ways to spoil what was signed."""

import hmac
import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.functions.arena import Arena, Member
from tests.functions.exchange import Answer, Ask
from tests.signing import Key, access_token, b64, compact_json, digest, key

TYPES = ("sealpost-session+jwt", "sealpost-key+jwt", "sealpost-enc+jwt", "sealpost-conv+jwt")

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def refused(arena: Arena, ask: Ask | bytes, status: int, code: str, why: object = "") -> Answer:
    """Ask, and be refused with this problem, in the form of RFC 9457 and with one line in the log."""
    answer = arena.ask(ask)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), (
        why,
        answer,
    )
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json
    assert (document["type"], document["status"]) == (f"urn:sealpost:problem:{code}", status), (why, document)
    assert document["title"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return answer


def spoiled_jws(device: Key, typ: str, payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Ways in which a compact JWS that `device` should have signed can be wrong, each under its name."""
    good = {"alg": "PS256", "typ": typ, "kid": device.kid}
    other = key("mallory_signing")
    compact = device.sign(typ, payload)
    head, body, signature = compact.split(".")
    yield "alg none", f"{_parts(good | {'alg': 'none'}, payload)}."
    for name in ("none", "NONE", "ps256", "PS384", "ES256", "", None):
        yield f"alg {name} over a good signature", device.sign(typ, payload, header=good | {"alg": name})
    yield "HS256 with the public key", _hmac(good | {"alg": "HS256"}, payload, _public(device))
    yield "RS256", _pkcs1(good | {"alg": "RS256"}, payload, device)
    yield "RS256 under the name PS256", _pkcs1(good, payload, device)
    yield "another length of salt", device.sign(typ, payload, salt=20)
    for name in (*TYPES, "JWT", "at+jwt", typ.upper(), f"application/{typ}", None):
        if name != typ:
            yield f"typ {name}", device.sign(typ, payload, header=good | {"typ": name})
    yield "without typ", device.sign(typ, payload, header={"alg": "PS256", "kid": device.kid})
    yield "without kid", device.sign(typ, payload, header={"alg": "PS256", "typ": typ})
    extras: dict[str, Any] = {
        "crit": ["exp"],
        "jwk": other.jwk(),
        "jku": "https://evil.example",
        "b64": False,
        "zip": "DEF",
    }
    for name, value in extras.items():
        yield f"a header with {name}", device.sign(typ, payload, header=good | {name: value})
    twice = compact_json(good)[:-1] + b',"alg":"PS256"}'
    yield "a header that names its alg twice", device.sign(typ, payload, header=twice)
    yield "forged by another under this kid", other.forge(compact)
    yield "signed by another under their kid", other.sign(typ, payload)
    yield "padded", f"{head}.{body}.{signature}=="
    yield "a header padded", f"{head}=.{body}.{signature}"
    yield "the other alphabet", f"{head}.{body}.+{signature[1:]}"
    if len(body) % 4:
        yield "stray bits in the payload", device.forge(f"{head}.{stray(body)}.{signature}")
    yield "a signature cut short", compact[:-4]
    yield "two parts", f"{head}.{body}"
    yield "four parts", f"{compact}.{signature}"
    yield "a line break", f"{compact}\n"
    yield "JSON serialisation", json.dumps({"protected": head, "payload": body, "signature": signature})
    yield "a payload that names a member twice", device.sign(typ, compact_json(payload)[:-1] + b',"iat":1}')
    yield "an unknown payload member", device.sign(typ, payload | {"extra": 1})
    for name in payload:
        rest = {other: value for other, value in payload.items() if other != name}
        yield f"without {name}", device.sign(typ, rest)
    yield "a payload that is a list", device.sign(typ, [payload])


def spoiled_keys(role: str, use: str) -> Iterator[tuple[str, Key, dict[str, Any]]]:
    """Ways in which a public JWK can be none of the protocol's, each with the key that it is of."""
    good = key("alice_signing" if use == "sig" else "alice_encryption")
    jwk = good.jwk(role, use)
    numbers = good.private.private_numbers()
    yield (
        "a private key",
        good,
        jwk | {"d": _number(numbers.d), "p": _number(numbers.p), "q": _number(numbers.q)},
    )
    yield "a private key in part", good, jwk | {"d": _number(numbers.d)}
    for size, exponent in ((2048, 65537), (3072, 3)):
        weak, e = odd_key(size, exponent), _number(exponent)
        changed = {"e": e, "kid": _thumbprint(weak.n, e)}
        yield f"RSA-{size} with e {exponent}", weak, weak.jwk(role, use) | changed
    moduli = {
        "a zero before n": b64(b"\0" + numbers.public_numbers.n.to_bytes(384)),
        "n padded": f"{good.n}==",
        "n of the other alphabet": f"+{good.n[1:]}",
        "n even": f"{good.n[:-1]}A",
        "n empty": "",
    }
    for name, n in moduli.items():
        yield name, good, jwk | {"n": n, "kid": _thumbprint(n, "AQAB")}
    values: tuple[tuple[str, Any], ...] = (
        *(("e", "AQABAA"), ("e", 65537), ("kty", "EC"), ("kty", "oct"), ("n", None)),
        *(("kid", key("mallory_signing").kid), ("kid", ""), ("alg", "RS256")),
        *(("use", "enc" if use == "sig" else "sig"), ("x5c", ["AAAA"]), ("key_ops", ["sign"])),
    )
    for name, value in values:
        yield f"{name} {value}", good, jwk | {name: value}
    for name in jwk:
        yield f"without {name}", good, {other: value for other, value in jwk.items() if other != name}


def spoiled_tokens(arena: Arena, member: Member) -> Iterator[tuple[str, str]]:
    """Access tokens that are none, each under its name."""
    kid, signing = arena.token_key
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    claims = token_claims(arena, member)
    now = claims["iat"]
    head, body, signature = member.access_token.split(".")
    yield "alg none", f"{_parts(header | {'alg': 'none'}, claims)}."
    public = signing.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "HS256 with the public key", _hmac(header | {"alg": "HS256"}, claims, public)
    yield "RS256 by a device", _pkcs1(header | {"alg": "RS256"}, claims, member.signing)
    stranger = ec.generate_private_key(ec.SECP256R1())
    yield "forged by another key", access_token(stranger, header, claims)
    yield "with a key of its own", access_token(stranger, header | {"jwk": {"kty": "EC"}}, claims)
    yield "a kid that is unknown", access_token(signing, header | {"kid": "unknown"}, claims)
    for typ in ("JWT", "sealpost-session+jwt", None):
        yield f"typ {typ}", access_token(signing, header | {"typ": typ}, claims)
    yield "without typ", access_token(signing, {"alg": "ES256", "kid": kid}, claims)
    other = next(one for one in arena.members.values() if one.uid != member.uid)
    changes: dict[str, dict[str, Any]] = {
        "expired": {"iat": now - 1000, "exp": now - 60},
        "not yet valid": {"iat": now + 600, "exp": now + 1500},
        "for another audience": {"aud": "https://other.example"},
        "for another audience too": {"aud": [arena.url, "https://other.example"]},
        "of another issuer": {"iss": "https://other.example"},
        "of a session that there is not": {"sid": "A" * 22},
        "of another's session": {"sid": other.session},
        "of another's account": {"sub": other.uid},
        "of another's device": {"cnf": {"jkt": other.signing.kid}},
        "of no device": {"cnf": {}},
        "with text for a time": {"exp": "never"},
    }
    for name, change in changes.items():
        yield name, access_token(signing, header, claims | change)
    for name in claims:
        rest = {one: value for one, value in claims.items() if one != name}
        yield f"without {name}", access_token(signing, header, rest)
    yield "without its signature", f"{head}.{body}."
    yield "with another signature", f"{head}.{body}.{signature[:-8]}AAAAAAAA"
    yield "with another body", f"{head}.{b64(compact_json(claims))}.{signature}"
    yield "a refresh token", member.refresh_token
    yield "not ASCII", "\u00fc" * 20
    yield "empty parts", ".."


def token_claims(arena: Arena, member: Member) -> dict[str, Any]:
    """Those of an access token that the service would issue now."""
    now = int(time.time())
    return {
        "iss": arena.url,
        "aud": arena.url,
        "sub": member.uid,
        "sid": member.session,
        "cnf": {"jkt": member.signing.kid},
        "iat": now,
        "exp": now + 900,
        "jti": "x" * 22,
    }


@cache
def odd_key(size: int, exponent: int) -> Key:
    """An RSA key that the protocol does not take."""
    return Key(rsa.generate_private_key(exponent, size))


def stray(text: str) -> str:
    """base64url that decodes to the same bytes for a lenient decoder: an unused bit is set."""
    return text[:-1] + _ALPHABET[_ALPHABET.index(text[-1]) ^ 1]


def _parts(header: dict[str, Any], payload: Any) -> str:
    return f"{b64(compact_json(header))}.{b64(compact_json(payload))}"


def _public(device: Key) -> bytes:
    return device.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _hmac(header: dict[str, Any], payload: Any, secret: bytes) -> str:
    signed = _parts(header, payload)
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _pkcs1(header: dict[str, Any], payload: Any, device: Key) -> str:
    signed = _parts(header, payload)
    return f"{signed}.{b64(device.private.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def _number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


def _thumbprint(n: str, e: str) -> str:
    """RFC 7638."""
    return digest(f'{{"e":"{e}","kty":"RSA","n":"{n}"}}')
