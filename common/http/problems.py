"""Errors on the wire: RFC 9457 problem documents, from one table."""

from typing import NamedTuple

from starlette.responses import JSONResponse, Response

from common import errors


class MethodNotAllowed(errors.SealpostError):
    """The route knows another method."""


class RequestTimeout(errors.SealpostError):
    """The body did not arrive in time."""


class PayloadTooLarge(errors.SealpostError):
    """The body is larger than the function takes."""


class HeadersTooLarge(errors.SealpostError):
    """The header fields are larger than any function takes."""


class Problem(NamedTuple):
    status: int
    code: str
    title: str


_INTERNAL = Problem(500, "internal", "Something went wrong on our side")

_PROBLEMS: dict[type[errors.SealpostError], Problem] = {
    errors.InvalidRequest: Problem(400, "invalid-request", "The request breaks the protocol"),
    errors.Unauthenticated: Problem(401, "unauthenticated", "Sign in or refresh the session"),
    errors.InvalidProof: Problem(401, "invalid-proof", "The proof of possession is not valid"),
    errors.InvalidCode: Problem(401, "invalid-code", "The link's code is not valid"),
    errors.Forbidden: Problem(403, "forbidden", "Not allowed"),
    errors.NotAMember: Problem(403, "not-a-member", "Not a member of the conversation"),
    errors.DeviceNotActive: Problem(403, "device-not-active", "The device is not active"),
    errors.Blocked: Problem(403, "blocked", "The recipient accepts no messages from the caller"),
    errors.NotFound: Problem(404, "not-found", "There is no such thing"),
    MethodNotAllowed: Problem(405, "method-not-allowed", "The route knows another method"),
    RequestTimeout: Problem(408, "request-timeout", "The body did not arrive in time"),
    errors.ChainConflict: Problem(409, "chain-conflict", "The key chain has moved on"),
    errors.KeyConflict: Problem(409, "key-conflict", "The encryption key does not follow the current one"),
    errors.ResetDelayed: Problem(409, "reset-delayed", "The reset can be vetoed until it is due"),
    errors.LinkPending: Problem(409, "link-pending", "Another device waits to be linked"),
    errors.BackupConflict: Problem(409, "backup-conflict", "The backup does not follow the newest one"),
    errors.Restored: Problem(409, "restored", "Keys are to be published again first"),
    errors.DeviceMismatch: Problem(409, "device-mismatch", "The recipients' keys have changed"),
    errors.MessageConflict: Problem(409, "message-conflict", "Another message stands under this id"),
    PayloadTooLarge: Problem(413, "payload-too-large", "The body is too large"),
    errors.RateLimited: Problem(429, "rate-limited", "Too many calls"),
    HeadersTooLarge: Problem(431, "header-fields-too-large", "The header fields are too large"),
    errors.Unavailable: Problem(503, "unavailable", "Try again in a moment"),
    errors.DeadlineExceeded: Problem(504, "deadline-exceeded", "The call took too long"),
}


def method_not_allowed(allow: tuple[str, ...]) -> MethodNotAllowed:
    return MethodNotAllowed(f"This path takes {allow[0]}.", allow=", ".join(allow))


def problem_of(error: BaseException) -> Problem:
    return _PROBLEMS.get(type(error), _INTERNAL) if isinstance(error, errors.SealpostError) else _INTERNAL


def problem_response(error: BaseException, request_id: str) -> Response:
    """The problem document of an error; of an unforeseen one nothing but the request's id is told."""
    status, code, title = problem_of(error)
    document = {
        "type": f"urn:sealpost:problem:{code}",
        "title": title,
        "status": status,
        "request_id": request_id,
    }
    headers = {"cache-control": "no-store", "x-request-id": request_id}
    if isinstance(error, errors.SealpostError) and code != _INTERNAL.code:
        document |= {"detail": error.detail, **error.members}
    if isinstance(error, errors.RateLimited | errors.Unavailable):
        headers["retry-after"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = error.members["allow"]
    if isinstance(error, RequestTimeout | PayloadTooLarge):
        headers["connection"] = "close"
    if status == 401:  # noqa: PLR2004 - RFC 9110, section 11.6.1: it names the scheme
        expired = isinstance(error, errors.Unauthenticated)
        headers["www-authenticate"] = 'Bearer error="invalid_token"' if expired else "Bearer"
    return JSONResponse(document, status_code=status, headers=headers, media_type="application/problem+json")
