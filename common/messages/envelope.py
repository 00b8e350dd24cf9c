"""The sealed envelope, checked without being opened (docs/protocol.md, "Message envelope"; RFC 7516, section 7.2.1)."""

import re
from itertools import pairwise
from typing import Any

from common.errors import InvalidRequest
from common.jose import decode_base64url, exact, matching, parse_json
from common.jose.rsa_key import THUMBPRINT

MAX_RECIPIENTS = 100

_OUTER = frozenset(("protected", "recipients", "iv", "ciphertext", "tag"))
_PROTECTED = frozenset(("v", "alg", "enc", "typ", "cty", "ctx"))
_RECIPIENT = frozenset(("header", "encrypted_key"))
_HEADER = frozenset(("kid",))
_FIXED = {
    "v": 1,
    "alg": "RSA-OAEP-256",
    "enc": "A256GCM",
    "typ": "sealpost+json",
    "cty": "sealpost-msg+jwt",
}
_IV = re.compile(r"[A-Za-z0-9_-]{16}")
_TAG = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_WRAPPED = re.compile(r"[A-Za-z0-9_-]{512}")


def read_kids(envelope: str) -> tuple[str, ...]:
    """The kids that an envelope is sealed for, ascending.

    Raises:
        InvalidRequest: it is not the JWE in general JSON serialisation that the protocol describes.
    """
    jwe = exact(parse_json(envelope, "The envelope"), _OUTER, "The envelope")
    _require_protected(jwe["protected"])
    matching(jwe["iv"], _IV, "iv")
    matching(jwe["tag"], _TAG, "tag")
    if not isinstance(jwe["ciphertext"], str) or not decode_base64url(jwe["ciphertext"], "ciphertext"):
        raise InvalidRequest("ciphertext must be a string that is not empty.")
    recipients = jwe["recipients"]
    if not isinstance(recipients, list) or not 0 < len(recipients) <= MAX_RECIPIENTS:
        raise InvalidRequest(f"An envelope has 1 to {MAX_RECIPIENTS} recipients.")
    kids = tuple(_kid(recipient) for recipient in recipients)
    if any(one >= other for one, other in pairwise(kids)):
        raise InvalidRequest("recipients must be distinct and ascend by kid.")
    return kids


def _require_protected(value: Any) -> None:
    if not isinstance(value, str):
        raise InvalidRequest("protected must be a string.")
    header = exact(parse_json(decode_base64url(value, "protected"), "protected"), _PROTECTED, "protected")
    matching(header["ctx"], THUMBPRINT, "ctx")
    if type(header["v"]) is not int or any(header[name] != fixed for name, fixed in _FIXED.items()):
        raise InvalidRequest(f"protected must have exactly {_FIXED} and ctx.")


def _kid(recipient: Any) -> str:
    entry = exact(recipient, _RECIPIENT, "A recipient")
    matching(entry["encrypted_key"], _WRAPPED, "encrypted_key")
    return matching(exact(entry["header"], _HEADER, "A recipient's header")["kid"], THUMBPRINT, "kid")
