"""A send as the tutorials of its parts write it: a synchronous function, pg8000.dbapi, the Firestore client library, PyJWT.

It does less than send_message: it checks the token, the session and the membership, and stores the message.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask
import functions_framework
import jwt
import pg8000.dbapi
from google.cloud import firestore

_DATABASE = urlsplit(os.environ["POSTGRES_DSN"])
_ISSUER = os.environ["SEALPOST_URL"]
_KEYS = Path(os.environ["VERIFICATION_KEYS_FILE"])
_MEMBER = """
    select member.uid from sessions session join members member on member.cid = %s
    where session.id = %s and session.uid = %s and session.revoked_at is null and session.expires_at > now()
"""

firestore_client = firestore.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"])
local = threading.local()


@functions_framework.http
def tutorial(request: flask.Request) -> flask.typing.ResponseReturnValue:
    caller = _verified(request.headers["Authorization"].removeprefix("Bearer "))
    body = request.get_json()
    members = _members(body["conversation_id"], caller["sid"], caller["sub"])
    if caller["sub"] not in members:
        return {"error": "forbidden"}, 403
    message = {
        "members": members,
        "sender_uid": caller["sub"],
        "sender_device": caller["cnf"]["jkt"],
        "envelope": body["envelope"],
        "sent_at": firestore.SERVER_TIMESTAMP,
    }
    conversation = firestore_client.collection("conversations").document(body["conversation_id"])
    conversation.collection("messages").document(body["message_id"]).create(message)
    return {"message_id": body["message_id"]}


def _verified(token: str) -> dict[str, Any]:
    keys = jwt.PyJWKSet.from_dict(json.loads(_KEYS.read_text(encoding="ascii")))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["ES256"], audience=_ISSUER, issuer=_ISSUER)


def _members(conversation: str, session: str, uid: str) -> list[str]:
    if not hasattr(local, "connection"):
        local.connection = pg8000.dbapi.connect(
            "postgres", host=_DATABASE.hostname, port=_DATABASE.port, database=_DATABASE.path[1:]
        )
    cursor = local.connection.cursor()
    cursor.execute(_MEMBER, (conversation, session, uid))
    members = [row[0] for row in cursor.fetchall()]
    local.connection.commit()
    return members
