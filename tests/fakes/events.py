from dataclasses import dataclass, field

from common.errors import SealpostError


@dataclass
class FakeDeadEvents:
    filed: list[dict[str, object]] = field(default_factory=list)
    fault: SealpostError | None = None

    async def file(self, *, function: str, event_id: str, kind: str, reason: str, now: float) -> None:
        if self.fault:
            raise self.fault
        self.filed.append(
            {"function": function, "event_id": event_id, "kind": kind, "reason": reason, "now": now}
        )
