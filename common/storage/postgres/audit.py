"""The lines that an account's person reads about it: written in the transaction of the act."""

from common.storage.postgres.connection import Run

_WRITE = """
insert into audit_log (uid, at, act, device, session)
values (:uid, to_timestamp(:now::double precision), :act, :device, :session)
"""


def audit(
    run: Run, uid: str, act: str, now: float, *, device: str | None = None, session: str | None = None
) -> None:
    """Write one line. `device` and `session` are those that the act was done to."""
    run(_WRITE, uid=uid, act=act, now=now, device=device, session=session)
