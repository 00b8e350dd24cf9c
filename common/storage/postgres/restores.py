from dataclasses import dataclass

from common.restores import Restore
from common.storage.postgres.connection import Rows, Run
from common.storage.postgres.pool import Pool

_RESTORES = """
select extract(epoch from point)::double precision, extract(epoch from restored_at)::double precision from restores
"""


def read_restores(run: Run) -> tuple[Restore, ...]:
    return _restores(run(_RESTORES))


@dataclass(frozen=True, slots=True)
class PostgresRestores:
    pool: Pool

    async def restores(self) -> tuple[Restore, ...]:
        return _restores(await self.pool.run(_RESTORES))


def _restores(rows: Rows) -> tuple[Restore, ...]:
    return tuple(Restore(point=point, restored_at=restored_at) for point, restored_at in rows)
