"""Look-ups, conversations and messages."""

import time

import httpx

from sealpost.mailbox import MessageDocument
from tests.client.fakes.restores import Restores
from tests.client.fakes.wire import Json, claims, head_of, iso, problem


class Messages(Restores):
    def find_keys(self, body: Json, token: str) -> httpx.Response:
        if self.lost and self.state_of(*self._caller(token)) == "pending":
            return problem(403, "device-not-active")
        by_uid = {account["uid"]: account for account in self.accounts.values()}
        found: list[Json | None] = []
        for asked in body["accounts"]:
            account = self.accounts.get(asked["address"]) if asked["address"] else by_uid.get(asked["uid"])
            if account is None or not account["statements"]:
                found.append(None)
                continue
            found.append(
                {
                    "uid": account["uid"],
                    "head": head_of(account),
                    "statements": account["statements"][asked["known_seq"] + 1 :],
                    "encryption_keys": [
                        one
                        for one in (account["key"], *account["other_keys"].values())
                        if one is not None and claims(one)["device"] not in account.get("restored", ())
                    ],
                }
            )
        shown = [self.conversations.get(asked["id"]) for asked in body["conversations"]]
        return httpx.Response(
            200, json={"accounts": found, "conversations": [one and {"statements": one} for one in shown]}
        )

    def create_conversation(self, body: Json, _token: str) -> httpx.Response:
        cid = claims(body["statement"])["cid"]
        created = cid not in self.conversations
        statements = self.conversations.setdefault(cid, [body["statement"]])
        return httpx.Response(
            200, json={"conversation_id": cid, "statements": statements, "created": created}
        )

    def send_message(self, body: Json, token: str) -> httpx.Response:
        for document in self.documents:
            if document.mid == body["message_id"]:
                if document.envelope != body["envelope"]:
                    return problem(409, "message-conflict")
                return httpx.Response(200, json={"sent_at": iso(document.sent_at)})
        account, device = self._caller(token)
        refusal = self._refusal(account, device, body)
        if refusal is not None:
            return refusal
        now = max(int(time.time() * 1_000_000), *(d.sent_at + 1 for d in self.documents), 0)
        document = MessageDocument(
            name=f"projects/p/databases/(default)/documents/conversations/{body['conversation_id']}/messages/{body['message_id']}",
            cid=body["conversation_id"],
            mid=body["message_id"],
            sender_uid=account["uid"],
            sender_device=device,
            sent_at=now,
            expires_at=None,
            envelope=body["envelope"],
        )
        self.add(document)
        return httpx.Response(200, json={"sent_at": iso(now)})

    def _refusal(self, account: Json, device: str, body: Json) -> httpx.Response | None:
        if device in account.get("restored", ()):
            return problem(409, "restored", uids=[account["uid"]])
        statements = self.conversations.get(body["conversation_id"])
        if statements is None:
            return problem(403, "not-a-member")
        members = {uid for uid, _ in claims(statements[0])["members"]} - {account["uid"]}
        silent = [one["uid"] for one in self.accounts.values() if one["uid"] in members and self.silent(one)]
        return problem(409, "restored", uids=silent) if silent else None
