"""Cases of public keys and of compact JWS: right ones, and wrong ones with the code that refuses them."""

from typing import Any

from sealpost.protocol import encoding
from sealpost.protocol.encoding import b64encode
from sealpost.protocol.jws import Type
from tests.vectors import forge
from tests.vectors.people import private_key

SERVER = "`server` says whether a server that keeps no pins refuses the case too."


def case(name: str, code: str, *, server: bool = True, **content: object) -> dict[str, Any]:
    return {"name": name, "code": code, "server": server, **content}


def jwks() -> dict[str, Any]:
    good = private_key("alice_encryption").public.to_json()
    n = good["n"]

    def modulus(changed: str) -> dict[str, str]:
        return good | {
            "n": changed,
            "kid": encoding.sha256(f'{{"e":"AQAB","kty":"RSA","n":"{changed}"}}'.encode()),
        }

    def without(name: str) -> dict[str, str]:
        return {member: value for member, value in good.items() if member != name}

    refused = {
        "private member": good | {"d": "AQAB"},
        "key_ops": good | {"key_ops": ["encrypt"]},
        "another exponent": good | {"e": "Aw"},
        "another type": good | {"kty": "EC"},
        "the other use": good | {"use": "sig"},
        "the other algorithm": good | {"alg": "PS256"},
        "RSA-OAEP with SHA-1": good | {"alg": "RSA-OAEP"},
        "no use": without("use"),
        "no kid": without("kid"),
        "kid of another key": good | {"kid": private_key("alice_signing").kid},
        "highest bit not set": modulus("A" + n[1:]),
        "2048 bits": modulus(n[:341] + "w"),
        "padded modulus": modulus(n + "="),
        "modulus with a newline": modulus(n[:-1] + "\n"),
        "even modulus": modulus(n[:-1] + "A"),
        "modulus is a number": good | {"n": 3},
        "not an object": [good],
    }
    return {
        "about": "Public JWKs. The accepted ones name their use; the refused ones are read as an encryption key.",
        "accepted": [
            {"use": private_key(name).public.use, "jwk": private_key(name).public.to_json()}
            for name in ("alice_signing", "alice_encryption")
        ],
        "refused": [case(name, "malformed", jwk=jwk) for name, jwk in refused.items()],
    }


def signatures() -> dict[str, Any]:
    key, stranger = private_key("alice_signing"), private_key("mallory_signing")
    payload = {"v": 1, "note": "any payload"}
    head = forge.header(Type.KEY, key)
    good = forge.jws(head, payload, key)
    first, second, third = good.split(".")
    compressible = forge.jws(head, {"v": 1, "note": "seven"}, key).split(".")[1]
    assert len(compressible) % 4, "unused bits are wanted"
    refused = {
        "another typ": forge.jws(head | {"typ": Type.ENCRYPTION_KEY}, payload, key),
        "typ in another case": forge.jws(head | {"typ": "Sealpost-Key+jwt"}, payload, key),
        "alg none": forge.jws(head | {"alg": "none"}, payload, key),
        "alg PS384": forge.jws(head | {"alg": "PS384"}, payload, key),
        "alg HS256": forge.jws(head | {"alg": "HS256"}, payload, key),
        "a jwk in the header": forge.jws(head | {"jwk": key.public.to_json()}, payload, key),
        "crit in the header": forge.jws(head | {"crit": ["b64"], "b64": False}, payload, key),
        "no kid": forge.jws({"alg": "PS256", "typ": Type.KEY}, payload, key),
        "duplicate member in the header": forge.jws(
            f'{{"alg":"PS256","alg":"PS256","typ":"{Type.KEY}","kid":"{key.kid}"}}', payload, key
        ),
        "duplicate member in the payload": forge.jws(head, '{"v":1,"v":1}', key),
        "payload is not an object": forge.jws(head, "[1]", key),
        "payload is not JSON": forge.jws(head, "hello", key),
        "padding": good + "=",
        "trailing newline": good + "\n",
        "a space inside": f"{first}.{second[:8]} {second[8:]}.{third}",
        "standard base64 alphabet": f"{first}.{second}.+{third[1:]}",
        "unused bits set": f"{first}.{_unused_bits(compressible)}.{third}",
        "empty payload": f"{first}..{third}",
        "four parts": f"{good}.{third}",
        "signature of another length": good[:-4],
        "non-ASCII letter": f"{first}.{second}.é{third[1:]}",
        "longer than 8 KiB": forge.jws(head, {"v": 1, "note": "x" * 8192}, key),
    }
    forged = {
        "by another key under this kid": forge.jws(head, payload, stranger),
        "by another key under its own kid": forge.jws(forge.header(Type.KEY, stranger), payload, stranger),
        "under another key's kid": forge.jws(head | {"kid": stranger.kid}, payload, key),
        "salt of 20 bytes": forge.jws(head, payload, key, salt=20),
        "salt of 222 bytes": forge.jws(head, payload, key, salt=222),
        "payload of another signature": f"{first}.{b64encode(b'{}')}.{third}",
    }
    return {
        "about": f"Compact JWS read as {Type.KEY} of Alice's signing key. {SERVER}",
        "typ": Type.KEY,
        "key": key.public.to_json(),
        "accepted": [{"compact": good, "payload": payload, "hash": encoding.digest(good)}],
        "refused": [case(name, "malformed", compact=compact) for name, compact in refused.items()]
        + [case(name, "bad-signature", compact=compact) for name, compact in forged.items()],
    }


def _unused_bits(part: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) | 1]
