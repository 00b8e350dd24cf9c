"""The statements of a key chain, read and their signatures verified (docs/protocol.md, "The key chain of an account").

Whether a statement may follow is decided in common.keys.chain.
"""

from typing import Any

from common.errors import InvalidRequest
from common.jose import (
    SIGNING,
    WRAPPING,
    RsaKey,
    exact,
    integer,
    matching,
    read_key,
    read_versioned,
    require_signature,
    stored_payload,
)
from common.jose.rsa_key import THUMBPRINT
from common.keys.model import AddedDevice, Backup, FirstDevice, HistoryKey, Removal, Reset, Statement
from common.keys.pops import read_pop

TYP = "sealpost-key+jwt"

_COMMON = frozenset(("v", "iss", "seq", "prev", "iat", "act", "ext"))
_CARRIED = {
    "add-device": frozenset(("device", "pop")),
    "revoke-device": frozenset(("device",)),
    "set-history-key": frozenset(("key", "backup")),
    "reset": frozenset(("device",)),
}
_BACKUP = frozenset(("n", "hash"))
_NAME = "The statement"


def read_chain_statement(compact: str, uid: str, *signers: RsaKey) -> Statement:
    """Read a statement of the account, signed by a device that has one of these signing keys.

    Raises:
        InvalidRequest: it is malformed, of another account or device, badly signed, or does what no act does.
    """
    signed = read_versioned(compact, TYP, None, _NAME)
    payload = signed.payload
    act = payload.get("act")
    if not isinstance(act, str) or act not in _CARRIED:
        raise InvalidRequest(f"{_NAME}'s act must be one of {', '.join(_CARRIED)}.")
    exact(payload, _COMMON | _CARRIED[act], _NAME)
    key = next((signer for signer in signers if signer.kid == signed.kid), None)
    if payload["iss"] != uid or key is None:
        raise InvalidRequest(f"{_NAME} must be of the account and signed by a device of it.")
    common = {
        "uid": uid,
        "signer": signed.kid,
        "seq": integer(payload["seq"], "seq"),
        "prev": _prev(payload),
        "issued_at": payload["iat"],
        "hash": signed.hash,
        "compact": compact,
    }
    statement = _statement(act, payload, common)
    require_signature(signed, key, _NAME)
    return statement


def issued_at(compact: str) -> int:
    """When a stored statement was issued, in seconds."""
    return int(stored_payload(compact)["iat"])


def _prev(payload: dict[str, Any]) -> str | None:
    """Null at seq 0, and there alone."""
    if payload["seq"] == 0:
        if payload["prev"] is not None:
            raise InvalidRequest("At seq 0, prev and pop are null.")
        return None
    return matching(payload["prev"], THUMBPRINT, "prev")


def _statement(act: str, payload: dict[str, Any], common: dict[str, Any]) -> Statement:
    if common["seq"] == 0:
        return _first(act, payload, common)
    if act == "add-device":
        key = read_key(payload["device"], SIGNING, f"{_NAME}'s device")
        pop = read_pop(payload["pop"], common["uid"], at=common["issued_at"])
        if pop.device != key.kid:
            raise InvalidRequest("The pop must be of the device to add.")
        return AddedDevice(**common, pop=pop)
    if act == "revoke-device":
        return Removal(**common, device=matching(payload["device"], THUMBPRINT, f"{_NAME}'s device"))
    if act == "set-history-key":
        return _history_key(payload, common)
    _require_own(payload, common)
    return Reset(**common)


def _first(act: str, payload: dict[str, Any], common: dict[str, Any]) -> FirstDevice:
    if act != "add-device":
        raise InvalidRequest("A chain begins with add-device.")
    if payload["pop"] is not None:
        raise InvalidRequest("At seq 0, prev and pop are null.")
    _require_own(payload, common)
    return FirstDevice(**common)


def _require_own(payload: dict[str, Any], common: dict[str, Any]) -> None:
    key = read_key(payload["device"], SIGNING, f"{_NAME}'s device")
    if key.kid != common["signer"]:
        raise InvalidRequest(f"{_NAME} must be of the device that signs it.")


def _history_key(payload: dict[str, Any], common: dict[str, Any]) -> HistoryKey:
    if payload["key"] is None:
        if payload["backup"] is not None:
            raise InvalidRequest("Without a key, backup is null.")
        return HistoryKey(**common, kid=None, backup=None)
    key = read_key(payload["key"], WRAPPING, "The history key")
    backup = exact(payload["backup"], _BACKUP, f"{_NAME}'s backup")
    return HistoryKey(
        **common,
        kid=key.kid,
        backup=Backup(
            integer(backup["n"], "n", least=1), matching(backup["hash"], THUMBPRINT, "The backup's hash")
        ),
    )
