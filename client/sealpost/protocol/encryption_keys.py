"""Encryption keys: short-lived, signed by their device, outside the chain."""

from dataclasses import dataclass, field
from typing import Final

from sealpost.protocol import bounds, encoding, identifiers, jws
from sealpost.protocol.chain import Chain
from sealpost.protocol.errors import Code, ForkError, ProtocolError, malformed
from sealpost.protocol.jwk import PrivateKey, PublicKey, Use

_MEMBERS: Final = frozenset({"v", "iss", "device", "n", "iat", "exp", "keys", "env", "ext"})


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A verified encryption key statement: device ``device`` of ``uid`` reads with ``key`` until ``exp`` (s)."""

    uid: str
    device: str
    n: int
    iat: int
    exp: int
    key: PublicKey
    statement: str = field(repr=False)

    def expired(self, now: int) -> bool:
        """At ``now`` (seconds) by the reader's clock; no tolerance lengthens a key's life."""
        return now >= self.exp


def key_statement(
    *,
    uid: str,
    signing_key: PrivateKey,
    encryption_key: PublicKey,
    n: int,
    now: int,
    life: int = bounds.MAX_KEY_LIFE,
) -> str:
    """Announce ``encryption_key`` as the ``n``-th key (from 1) of the device, for ``life`` seconds from ``now``."""
    if encryption_key.use is not Use.ENCRYPTION:
        raise ValueError("a signing key does not encrypt")
    payload = {
        "v": bounds.VERSION,
        "iss": identifiers.uid(uid),
        "device": signing_key.kid,
        "n": n,
        "iat": now,
        "exp": now + life,
        "keys": [encryption_key.to_json()],
        "env": [bounds.VERSION],
        "ext": {},
    }
    return jws.sign(jws.Type.ENCRYPTION_KEY, payload, signing_key)


def verify(compact: str, *, chain: Chain, now: int, pinned: EncryptionKey | None = None) -> EncryptionKey:
    """A key statement of an active device in ``chain``, not older than the ``pinned`` one of that device.

    Raises ``malformed`` (shape, a life over 30 days, dated more than 600 s ahead of ``now``), ``update-needed``,
    ``unknown-device``, ``bad-signature``, ``chain-rollback`` (``n`` fell) or ``chain-fork`` (two statements of
    one ``n``). That it has not expired is for :meth:`EncryptionKey.expired` to say.
    """
    parsed, verified = _read(compact, chain.uid, now)
    key = verified.key
    if key.kid in chain.encryption_kids or any(key.n == device.key.n for device in chain.devices.values()):
        raise malformed("encryption key: also a signing or history key")
    parsed.verify(chain.active(parsed.kid).key)
    if pinned is not None:
        _check_pin(verified, pinned)
    return verified


def verify_first(compact: str, *, uid: str, device: PublicKey, now: int) -> EncryptionKey:
    """The first key statement of a ``device`` that no chain has yet; raises as :func:`verify` does."""
    parsed, verified = _read(compact, uid, now)
    if verified.n != 1:
        raise malformed("encryption key: a new device begins with n 1")
    if verified.key.n == device.n:
        raise malformed("encryption key: also the signing key")
    parsed.verify(device)
    return verified


def _read(compact: str, uid: str, now: int) -> tuple[jws.Unverified, EncryptionKey]:
    """The statement's content without its signature."""
    parsed = jws.parse(jws.Type.ENCRYPTION_KEY, compact)
    jws.known_version(parsed.claims)
    claims = encoding.members(parsed.claims, _MEMBERS)
    if claims["iss"] != uid:
        raise malformed("encryption key: of another account")
    if identifiers.hash256(claims["device"]) != parsed.kid:
        raise malformed("encryption key: signed by another device")
    _check_numbers(claims["n"], claims["iat"], claims["exp"], now)
    _check_lists(claims["keys"], claims["env"])
    if not isinstance(claims["ext"], dict):
        raise malformed("encryption key: ext is an object")
    return parsed, EncryptionKey(
        uid=uid,
        device=parsed.kid,
        n=claims["n"],
        iat=claims["iat"],
        exp=claims["exp"],
        key=PublicKey.parse(claims["keys"][0], Use.ENCRYPTION),
        statement=parsed.compact,
    )


def _check_numbers(n: object, iat: object, exp: object, now: int) -> None:
    if not (encoding.is_integer(n, low=1) and encoding.is_integer(iat) and encoding.is_integer(exp)):
        raise malformed("encryption key: n, iat and exp are integers")
    if not 0 < exp - iat <= bounds.MAX_KEY_LIFE:
        raise malformed("encryption key: lives at most 30 days")
    if iat > now + bounds.CLOCK_TOLERANCE:
        raise malformed("encryption key: dated ahead")


def _check_lists(keys: object, env: object) -> None:
    if not isinstance(keys, list) or len(keys) != 1:
        raise malformed("encryption key: exactly one key")
    if (
        not isinstance(env, list)
        or not env
        or not all(encoding.is_integer(version, low=1) for version in env)
    ):
        raise malformed("encryption key: env lists versions")
    if bounds.VERSION not in env:
        raise ProtocolError(Code.UPDATE_NEEDED, "encryption key: takes no envelope of this version")


def _check_pin(verified: EncryptionKey, pinned: EncryptionKey) -> None:
    if (verified.uid, verified.device) != (pinned.uid, pinned.device):
        raise ValueError("the pin is of another device")
    if verified.n < pinned.n:
        raise ProtocolError(Code.CHAIN_ROLLBACK, "encryption key: n fell")
    if verified.n == pinned.n and verified.statement != pinned.statement:
        raise ForkError("two encryption keys of one n", ours=pinned.statement, theirs=verified.statement)


def may_destroy(*, ended_at: int, catch_up_started_at: int) -> bool:
    """Whether a private half whose key was superseded or expired at ``ended_at`` goes after this catch-up.

    The catch-up is complete and started at ``catch_up_started_at``; both in seconds.
    """
    return catch_up_started_at >= ended_at + bounds.KEY_GRACE
