"""That a restored database lets nobody in whom the rules do not: tried, as a stranger would."""

import base64
import json
from collections.abc import Callable, Mapping

from common.storage.firestore.restored import Documents
from scripts.local.say import Stop

_DENIED = 403

Ask = Callable[[str, str, object, str | None], int]
"""Sends a method, a path below /v1, a body or None, and a bearer token or None to Firestore. The status of the answer."""


def strangers_are_refused(documents: Documents, ask: Ask, strangers: Mapping[str, str | None]) -> None:
    """Have each stranger, by their token, read a document, a list, the collection group.

    Raises:
        Stop: one was let in.
    """
    query = {"structuredQuery": {"from": [{"collectionId": "messages", "allDescendants": True}], "limit": 1}}
    some = documents.page("messages", None, 1) or documents.page("conversations", None, 1)
    path = documents.path(some[0]) if some else "conversations/none"
    for who, bearer in strangers.items():
        for what, status in (
            ("a document", ask("GET", f"{documents.root}/{path}", None, bearer)),
            ("a list", ask("GET", f"{documents.root}/conversations?pageSize=1", None, bearer)),
            ("all messages", ask("POST", f"{documents.root}:runQuery", query, bearer)),
        ):
            if status != _DENIED:
                raise Stop(
                    f"The restored documents are open: {who} asked for {what} and was answered {status}. "
                    "They are not ready, and firestore.rules has to be looked at."
                )


def emulators_token(project: str) -> str:
    """A token that Firebase would sign for any new user. The emulator takes it unsigned."""
    claims = {
        "sub": "stranger",
        "user_id": "stranger",
        "aud": project,
        "iss": f"https://securetoken.google.com/{project}",
    }
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        + "."
    )
