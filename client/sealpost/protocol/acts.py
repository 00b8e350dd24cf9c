"""The statements by which a device changes its account's chain, each a compact JWS that follows the chain's head.

``key`` signs and is a device's; ``now`` is in seconds. A statement is never dated before the one it follows.
"""

from typing import Any

from sealpost.protocol import jws
from sealpost.protocol.bounds import VERSION
from sealpost.protocol.chain import Chain, Head
from sealpost.protocol.jwk import PrivateKey, PublicKey
from sealpost.protocol.statements import Backup


def add_device(chain: Chain, device: PublicKey, pop: str, key: PrivateKey, now: int) -> str:
    """An active device (``key``) adds another one, which has signed ``pop``."""
    return _statement(chain, "add-device", key, now, device=device.to_json(), pop=pop)


def revoke_device(chain: Chain, device_id: str, key: PrivateKey, now: int) -> str:
    """An active device removes another one, or itself. The history key ends with it."""
    return _statement(chain, "revoke-device", key, now, device=device_id)


def set_history_key(
    chain: Chain, history: PublicKey | None, backup: Backup | None, key: PrivateKey, now: int
) -> str:
    """Announce a history key with the backup that holds its private half, a newer backup of it, or its end (None)."""
    if (history is None) != (backup is None):
        raise ValueError("a history key and its backup go together")
    return _statement(
        chain,
        "set-history-key",
        key,
        now,
        key=history.to_json() if history else None,
        backup=backup._asdict() if backup else None,
    )


def reset(chain: Chain, key: PrivateKey, now: int) -> str:
    """The new device ``key`` begins a new root; every earlier device ends."""
    return reset_after(chain.head, key, max(now, chain.times[-1]))


def reset_after(head: Head, key: PrivateKey, now: int) -> str:
    """A reset by a device that may not read the chain yet: it knows the stated ``head`` alone."""
    return _after(head, "reset", key, now, device=key.public.to_json())


def _statement(chain: Chain, act: str, signer: PrivateKey, now: int, /, **carried: Any) -> str:
    return _after(chain.head, act, signer, max(now, chain.times[-1]), **carried)


def _after(head: Head, act: str, signer: PrivateKey, now: int, /, **carried: Any) -> str:
    payload = {
        "v": VERSION,
        "iss": head.uid,
        "seq": head.seq + 1,
        "prev": head.hash,
        "iat": now,
        "act": act,
        **carried,
        "ext": {},
    }
    return jws.sign(jws.Type.KEY, payload, signer)
