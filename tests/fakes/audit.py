from dataclasses import dataclass, field

from common.audit.model import Entry


@dataclass
class FakeAuditLog:
    lines: list[tuple[str, Entry]] = field(default_factory=list)
    """(uid, entry), oldest first"""

    def write(self, uid: str, act: str, now: float, *, device: str | None, session: str | None) -> None:
        entry = Entry(id=len(self.lines) + 1, at=now, act=act, device=device, session=session)
        self.lines.append((uid, entry))

    async def read(self, uid: str, *, before: int | None, most: int) -> list[Entry]:
        mine = [entry for owner, entry in reversed(self.lines) if owner == uid]
        return [entry for entry in mine if before is None or entry.id < before][:most]
