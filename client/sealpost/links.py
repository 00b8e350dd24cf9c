"""The sign-in code, from whatever a person pastes: the mailed link, a link that wraps it, or the code itself."""

import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from sealpost.errors import UsageError

_CODE = re.compile(r"[A-Za-z0-9_-]{16,512}")
"""As create_session takes it."""
_NESTING = 3
_CURE = "Copy the whole link from the mail, or the code that its page shows."


def parse_code(text: str, *, service: str) -> str:
    """The one-time code in `text`.

    `text` is one of

    - `{service}/v1/open_link#CODE`, as Sealpost's own mail has it;
    - a link with `oobCode=CODE` in its query, as Identity Toolkit's mail and the page it leads to have it,
      directly or nested under `link` or `continueUrl`;
    - CODE.

    A link of another service is refused: sending its code here would hand that account to this service.
    """
    text = text.strip().removeprefix("<").removesuffix(">").strip()
    if "://" not in text:
        return _checked(text)
    try:
        return _from_link(text, service=service, depth=0)
    except ValueError:
        raise UsageError("That is not a link that can be read.", cure=_CURE) from None


def _from_link(text: str, *, service: str, depth: int) -> str:
    link = urlsplit(text)
    if link.fragment and _is_page(link):
        _same_service(link, service)
        return _checked(unquote(link.fragment))
    query = parse_qs(link.query)
    if "oobCode" in query:
        mode = query.get("mode", ["signIn"])[0]
        if mode != "signIn":
            raise UsageError("That link is not for signing in.", cure=_CURE)
        if _is_page(link):
            _same_service(link, service)
        for target in query.get("continueUrl", []):
            _same_service(urlsplit(target), service)
        return _checked(query["oobCode"][0])
    for name in ("link", "continueUrl"):
        if name in query and depth < _NESTING:
            return _from_link(query[name][0], service=service, depth=depth + 1)
    raise UsageError("That link carries no sign-in code.", cure=_CURE)


def _is_page(link: SplitResult) -> bool:
    return link.path.endswith("/v1/open_link")


def _same_service(link: SplitResult, service: str) -> None:
    ours = urlsplit(service)
    if (link.scheme, link.netloc.lower()) != (ours.scheme, ours.netloc.lower()):
        raise UsageError(
            f"That link is of another service ({link.scheme}://{link.netloc}), and this profile uses {service}.",
            cure="Use the mail that this service sent, or another --profile for the other service.",
        )


def _checked(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise UsageError("That is neither a sign-in link nor a code.", cure=_CURE)
    return code
