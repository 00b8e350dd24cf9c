"""A send as a chat tutorial for Firebase writes it: a transaction of the message, a copy for each recipient, and counters."""

import json
import os
from pathlib import Path
from typing import Any

import flask
import functions_framework
import jwt
from google.cloud import firestore

_ISSUER = os.environ["SEALPOST_URL"]
_KEYS = jwt.PyJWKSet.from_dict(
    json.loads(Path(os.environ["VERIFICATION_KEYS_FILE"]).read_text(encoding="ascii"))
)

db = firestore.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"])


@functions_framework.http
def naive(request: flask.Request) -> flask.typing.ResponseReturnValue:
    token = request.headers["Authorization"].removeprefix("Bearer ")
    key = _KEYS[jwt.get_unverified_header(token)["kid"]]
    sender: str = jwt.decode(token, key, algorithms=["ES256"], audience=_ISSUER, issuer=_ISSUER)["sub"]
    body = request.get_json()
    _store(db.transaction(), sender, body["conversation_id"], body["message_id"], body["envelope"])
    return {"message_id": body["message_id"]}


@firestore.transactional
def _store(transaction: Any, sender: str, conversation_id: str, message_id: str, envelope: str) -> None:
    """Reads one document and writes three: the message, the recipient's copy, the conversation with its counters."""
    conversation = db.collection("chats").document(conversation_id)
    known = conversation.get(transaction=transaction).to_dict() or {}
    message = {"sender": sender, "envelope": envelope, "sent_at": firestore.SERVER_TIMESTAMP}
    recipient = f"recipient-of-{conversation_id}"
    transaction.create(conversation.collection("messages").document(message_id), message)
    transaction.create(
        db.collection("users").document(recipient).collection("inbox").document(message_id), message
    )
    transaction.set(
        conversation,
        {
            "last_message": message_id,
            "last_message_at": firestore.SERVER_TIMESTAMP,
            "messages": known.get("messages", 0) + 1,
            "unread": {recipient: known.get("unread", {}).get(recipient, 0) + 1},
        },
        merge=True,
    )
