"""Identity Platform by its REST API, where neither Terraform's provider nor gcloud reaches."""

from typing import Any

import httpx

from scripts.cloud.tools import Refused, gcloud

API = "https://identitytoolkit.googleapis.com"
_SECONDS = 30


def protect_addresses(project: str) -> None:
    """Let no answer of the public API tell whether an address has an account (email enumeration protection).

    Raises:
        Refused: it could not be switched on.
    """
    path = f"admin/v2/projects/{project}/config?updateMask=emailPrivacyConfig"
    answer = call(project, "PATCH", path, {"emailPrivacyConfig": {"enableImprovedEmailPrivacy": True}})
    if answer.get("emailPrivacyConfig", {}).get("enableImprovedEmailPrivacy") is not True:
        raise Refused(
            "Email enumeration protection is still off. Switch it on: Identity Platform, Settings, User actions."
        )


def call(project: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the API answers the operator.

    Raises:
        Refused: it does not.
    """
    headers = {
        "authorization": f"Bearer {gcloud(project, 'auth', 'print-access-token')}",
        "x-goog-user-project": project,
    }
    try:
        answer = httpx.request(method, f"{API}/{path}", headers=headers, json=body, timeout=_SECONDS)
    except httpx.HTTPError:
        raise Refused("Identity Platform cannot be reached. Run this again.") from None
    if not answer.is_success:
        raise Refused(
            f"Identity Platform refuses (HTTP {answer.status_code}). You need roles/firebaseauth.admin and roles/identityplatform.admin."
        )
    return dict(answer.json())
