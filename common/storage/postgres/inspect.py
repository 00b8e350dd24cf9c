"""Say whether a database is whole, as after a restore: `python -m common.storage.postgres.inspect [DSN]`.

Its migrations must be ours, and every table of ours must be readable. The counts of rows are printed, for a person to
compare with what was lost. Nothing is written. The server is named as for migrate.
"""

import os
import sys
from collections.abc import Mapping, Sequence

from common.errors import DeadlineExceeded
from common.settings import SettingsError
from common.storage.postgres.connect import Connect
from common.storage.postgres.failures import ConnectionLost, StatementFailed
from common.storage.postgres.grants import quoted
from common.storage.postgres.migrate import MigrationError, read, server

PATIENCE = 600.0

_TABLES = "select tablename::text from pg_tables where schemaname = 'public' order by tablename"
_APPLIED = "select name, sha256 from migrations order by number"


def inspect(connect: Connect) -> dict[str, int]:
    """The number of rows of each table.

    Raises:
        MigrationError: the schema is not the one of this release.
        ConnectionLost, DeadlineExceeded, StatementFailed: the server, or a table that cannot be read.
    """
    connection = connect(PATIENCE)
    try:
        connection.simple("set statement_timeout = 0; begin read only")
        tables = [name for (name,) in connection.simple(_TABLES)]
        if "migrations" not in tables:
            raise MigrationError("There is no schema in this database: it is empty, or another one.")
        applied = [(name, sha256) for name, sha256 in connection.simple(_APPLIED)]
        ours = [(migration.name, migration.sha256) for migration in read()]
        if applied != ours:
            raise MigrationError(
                f"The schema is at {applied[-1][0] if applied else 'nothing'}, this release at {ours[-1][0]}: "
                "inspect with the release that the database is from, or migrate it."
            )
        return {name: connection.simple(f"select count(*) from {quoted(name)}")[0][0] for name in tables}  # noqa: S608 - quoted
    finally:
        connection.close()


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Exit status 0 when the database is whole, 1 with a sentence on stderr when it is not."""
    try:
        counts = inspect(server(arguments, environment))
    except (SettingsError, MigrationError) as error:
        sys.stderr.write(f"inspect: {error}\n")
        return 1
    except (ConnectionLost, DeadlineExceeded, StatementFailed) as error:
        sys.stderr.write(f"inspect: the database cannot be reached or read ({error}).\n")
        return 1
    sys.stdout.writelines(f"{count:>12} {name}\n" for name, count in counts.items())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
