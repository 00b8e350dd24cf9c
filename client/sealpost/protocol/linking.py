"""Linking a device: a secret that the person carries from the new device to an active one.

The secret makes both MACs, and the service never learns it: so the active device knows whose request it grants, and the
new device knows whose grant it takes.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealpost.protocol import bounds, crockford, encoding, encryption_keys, identifiers, jws, statements
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.encryption_keys import EncryptionKey
from sealpost.protocol.errors import Code, ProtocolError, malformed
from sealpost.protocol.jwk import PrivateKey, PublicKey

SECRET_LENGTH: Final = 16
"""Characters, 80 bits."""

grouped = crockford.grouped


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A device whose request to link was verified."""

    device: PublicKey
    encryption: EncryptionKey
    pop: str


def new_secret() -> str:
    return crockford.new(SECRET_LENGTH)


def read_secret(text: str) -> str:
    """What a person typed or scanned; ``mistyped`` if it is no such secret."""
    return crockford.read(text, SECRET_LENGTH)


def possession(
    *, uid: str, service_url: str, root: str, key: PrivateKey, encryption_statement: str, now: int
) -> str:
    """The pop of the new device ``key``, which would join the account ``uid`` whose chain has ``root``.

    ``encryption_statement`` is its first encryption key statement, ``service_url`` has no trailing slash, ``now`` is
    in seconds by the service's clock.
    """
    payload = {
        "iss": identifiers.uid(uid),
        "aud": service_url,
        "root": identifiers.hash256(root),
        "device": key.public.to_json(),
        "enc": encoding.digest(encryption_statement),
        "iat": now,
        "jti": secrets.token_urlsafe(16),
    }
    return jws.sign(jws.Type.POSSESSION, payload, key)


def request_mac(secret: str, pop: str, enc: str) -> str:
    """The MAC of a request: HMAC-SHA-256(HKDF(s, "sealpost link request"), ASCII of pop "." enc), base64url."""
    return _mac(secret, "sealpost link request", f"{pop}.{enc}")


def grant_mac(secret: str, head: Head) -> str:
    """The MAC of a grant, over the canonical JSON of the ``head`` right after the add-device."""
    return _mac(secret, "sealpost link grant", encoding.canonical(head.to_json()))


def verify_request(
    *, secret: str, pop: str, enc: str, mac: str, chain: Chain, service_url: str, now: int
) -> Newcomer:
    """What an active device checks before it adds the device that asks. ``chain`` is its own, ``now`` in seconds.

    Raises ``wrong-secret`` where the MAC is not of this secret (the caller counts these: five, and the request is
    void), ``link-expired``, ``malformed`` or ``bad-signature``. Nothing is parsed before the MAC fits.
    """
    if not (pop.isascii() and enc.isascii()):
        raise malformed("link: not ASCII")
    if not _equal(mac, request_mac(secret, pop, enc)):
        raise ProtocolError(Code.WRONG_SECRET, "link: MAC of another secret or request")
    stated = statements.read_possession(pop)
    if stated.iat < now - bounds.POSSESSION_LIFE - bounds.CLOCK_TOLERANCE:
        raise ProtocolError(Code.LINK_EXPIRED, "link: pop is too old")
    stated.check_time(now)
    if (stated.uid, stated.audience, stated.root) != (chain.uid, service_url, chain.head.root):
        raise malformed("link: pop is for another account, service or root")
    if stated.device.kid in chain.devices or stated.device.kid in chain.encryption_kids:
        raise malformed("link: the chain has had this key")
    if stated.enc != encoding.digest(enc):
        raise malformed("link: pop names another encryption key")
    encryption = encryption_keys.verify_first(enc, uid=chain.uid, device=stated.device, now=now)
    if encryption.expired(now):
        raise ProtocolError(Code.LINK_EXPIRED, "link: encryption key has expired")
    return Newcomer(stated.device, encryption, pop)


def verify_grant(*, secret: str, mac: str, chain: Chain, device: str) -> None:
    """That the holder of ``secret`` added ``device`` to this very chain: else ``link-forged``.

    ``chain`` is verified; it may have grown since.
    """
    added = chain.devices.get(device)
    if added is None or not _equal(mac, grant_mac(secret, chain.head_at(added.added))):
        raise ProtocolError(Code.LINK_FORGED, "link: MAC of another secret or chain")


def _mac(secret: str, label: str, text: str) -> str:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=label.encode("ascii")).derive(
        secret.encode("ascii")
    )
    return encoding.b64encode(hmac.digest(key, text.encode("ascii"), hashlib.sha256))


def _equal(stated: str, computed: str) -> bool:
    """Compares in constant time."""
    return stated.isascii() and hmac.compare_digest(stated, computed)
