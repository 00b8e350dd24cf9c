"""Keys, their stored form, and what is done with them."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealpost.protocol import encoding, jose, jws, proof
from sealpost.protocol.errors import ProtocolError
from sealpost.protocol.jwk import PrivateKey, PublicKey, Use, thumbprint
from tests.vectors.people import private_key


def test_a_new_key_has_the_one_form() -> None:
    key = PrivateKey.generate(Use.ENCRYPTION)
    assert PublicKey.parse(key.public.to_json(), Use.ENCRYPTION) == key.public
    assert PrivateKey.parse(key.to_json()).to_json() == key.to_json()


def test_thumbprint_is_that_of_rfc_7638() -> None:
    """The example key of RFC 7638 section 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst"
        "n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1"
        "n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    assert thumbprint(n) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_printed_form_shows_nothing_private() -> None:
    key = private_key("alice_signing")
    assert not any(key.to_json()[name] in repr(key) for name in ("d", "p", "q", "dp", "dq", "qi"))


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda jwk: jwk.pop(name)


@pytest.mark.parametrize(
    "damage",
    [
        without("d"),
        without("qi"),
        without("use"),
        lambda jwk: jwk.update(oth=[]),
        lambda jwk: jwk.update(d=1),
        lambda jwk: jwk.update(use="any"),
        lambda jwk: jwk.update(d=private_key("bob_signing").to_json()["d"]),
        lambda jwk: jwk.update(p=private_key("bob_signing").to_json()["p"]),
        lambda jwk: jwk.update(dp=jwk["dq"]),
        lambda jwk: jwk.update(qi="AQ"),
        lambda jwk: jwk.update(p="AQ", q=jwk["n"]),
        lambda jwk: jwk.update(p=jwk["n"], q="AQ"),
        lambda jwk: jwk.update(kid=private_key("bob_signing").kid),
    ],
)
def test_a_damaged_private_key_is_refused(damage: Callable[[dict[str, Any]], object]) -> None:
    jwk: dict[str, Any] = private_key("alice_signing").to_json()
    damage(jwk)
    with pytest.raises(ProtocolError, match="malformed"):
        PrivateKey.parse(jwk)


def test_keys_serve_their_one_use() -> None:
    with pytest.raises(ValueError, match="does not sign"):
        jws.sign(jws.Type.KEY, {}, private_key("alice_encryption"))
    compact = jws.sign(jws.Type.KEY, {}, private_key("alice_signing"))
    with pytest.raises(ProtocolError, match="bad-signature"):
        jws.parse(jws.Type.KEY, compact).verify(private_key("alice_encryption").public)


@pytest.mark.parametrize("typ", list(jws.Type))
def test_a_signature_counts_for_its_own_type_alone(typ: jws.Type) -> None:
    key = private_key("alice_signing")
    compact = jws.sign(typ, {"v": 1}, key)
    assert jws.COMPACT.fullmatch(compact)
    assert encoding.loads(encoding.b64decode(compact.split(".")[0])) == {
        "alg": "PS256",
        "typ": typ.value,
        "kid": key.kid,
    }
    for other in jws.Type:
        if other is not typ:
            with pytest.raises(ProtocolError, match="malformed"):
                jws.parse(other, compact).verify(key.public)


@pytest.mark.parametrize("compact", [None, 1, b"a.b.c", ["a"]])
def test_what_is_not_text_is_malformed(compact: object) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        jws.parse(jws.Type.KEY, compact)


def test_a_bound_is_the_longest_that_is_read() -> None:
    key = private_key("alice_signing")
    compact = jws.sign(jws.Type.KEY, {"v": 1}, key)
    assert jws.parse(jws.Type.KEY, compact, limit=len(compact)).verify(key.public) == {"v": 1}
    with pytest.raises(ProtocolError, match="malformed"):
        jws.parse(jws.Type.KEY, compact, limit=len(compact) - 1).verify(key.public)


def test_every_proof_is_another() -> None:
    key = private_key("alice_signing")
    first, second = (
        proof.session_proof(service_url="https://x", function="publish_key", credential="c", now=1, key=key)
        for _ in range(2)
    )
    jtis = [jws.parse(jws.Type.SESSION, token).verify(key.public)["jti"] for token in (first, second)]
    assert jtis[0] != jtis[1]
    assert all(len(jti) >= 22 for jti in jtis)


@pytest.mark.parametrize("jti", ["a" * 21, "a" * 129, "a" * 21 + ".", ""])
def test_a_weak_jti_is_refused(jti: str) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        proof.session_proof(
            service_url="https://x",
            function="publish_key",
            credential="c",
            now=1,
            key=private_key("alice_signing"),
            jti=jti,
        )


def test_a_failed_unwrap_looks_like_a_failed_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7516 section 11.5: the content is decrypted all the same, with a random key."""
    key = private_key("bob_encryption")
    envelope = jose.encrypt({key.kid: key.public.jose_key}, '{"alg":"RSA-OAEP-256","enc":"A256GCM"}', b"x")
    decrypted_with = []

    class Watched:
        def __init__(self, content_key: bytes) -> None:
            decrypted_with.append(content_key)
            self.cipher = AESGCM(content_key)

        def decrypt(self, *sealed: Any) -> bytes:
            return self.cipher.decrypt(*sealed)

    monkeypatch.setattr(jose, "AESGCM", Watched)
    parts: Any = {name: encoding.b64decode(envelope[name]) for name in ("iv", "ciphertext", "tag")}
    parts |= {"protected": envelope["protected"]}
    wrapped = encoding.b64decode(envelope["recipients"][0]["encrypted_key"])
    assert jose.decrypt(key.jose_key, wrapped=bytes(384), **parts) is None
    assert jose.decrypt(key.jose_key, wrapped=bytes(384), **parts) is None
    assert [len(content_key) for content_key in decrypted_with] == [32, 32]
    assert decrypted_with[0] != decrypted_with[1]
    assert jose.decrypt(key.jose_key, wrapped=wrapped, **parts) == b"x"
