from dataclasses import dataclass

from common.conversations.model import Creation, Started
from common.errors import InvalidRequest, NotFound
from common.storage.postgres.connection import Run
from common.storage.postgres.discovery import OPEN
from common.storage.postgres.pool import Pool

_SIGNING_KEY = "select modulus from devices where id = :device and uid = :uid"
_CREATORS_HEAD = "select true from statements where uid = :uid and seq = :seq and hash = :hash"
# Who closed their account to strangers is to them as who has none.
_REACHABLE = f"""
select count(*) from accounts account
where account.uid = any(:uids::text[]) and account.root is not null and {OPEN}
"""  # noqa: S608 - constants
_CREATE = """
insert into conversations (cid, kind, head_seq, head_hash, created_at)
values (:cid, :kind, 0, :hash, to_timestamp(:now::double precision))
on conflict (cid) do nothing
returning true
"""
_APPEND = """
insert into conversation_statements (cid, seq, hash, statement, stored_at)
values (:cid, 0, :hash, :statement, to_timestamp(:now::double precision))
"""
_ENROL = "insert into members (cid, uid, role) select :cid, uid, 'member' from unnest(:uids::text[]) as uid"
_STATEMENTS = "select statement from conversation_statements where cid = :cid order by seq"


@dataclass(frozen=True, slots=True)
class PostgresConversations:
    pool: Pool

    async def signing_key(self, uid: str, device: str) -> str | None:
        rows = await self.pool.run(_SIGNING_KEY, uid=uid, device=device)
        return rows[0][0] if rows else None

    async def create(self, creation: Creation, caller: str, now: float) -> Started:
        def work(run: Run) -> Started:
            seq, head_hash = creation.creator_head
            if not run(_CREATORS_HEAD, uid=creation.creator, seq=seq, hash=head_hash):
                raise InvalidRequest("The statement's head is not one of the creator's key chain.")
            if run(_REACHABLE, uids=list(creation.members), caller=caller) != [[len(creation.members)]]:
                raise NotFound("The other member has not published any keys.")
            # Where the other side is at it too, this waits for its commit and then finds its conversation.
            created = bool(run(_CREATE, cid=creation.id, kind=creation.kind, hash=creation.hash, now=now))
            if created:
                run(_APPEND, cid=creation.id, hash=creation.hash, statement=creation.compact, now=now)
                run(_ENROL, cid=creation.id, uids=list(creation.members))
            statements = tuple(statement for (statement,) in run(_STATEMENTS, cid=creation.id))
            return Started(id=creation.id, statements=statements, created=created)

        return await self.pool.transaction(work)
