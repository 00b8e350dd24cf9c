from collections.abc import Sequence
from dataclasses import dataclass, field

from common.quotas import Quota


@dataclass
class FakeQuotas:
    counts: dict[tuple[bytes, int, int], int] = field(default_factory=dict)

    async def admit(self, quotas: Sequence[Quota], now: float) -> bool:
        admitted = True
        for quota in quotas:
            window = (quota.subject, quota.seconds, int(now) // quota.seconds)
            self.counts[window] = self.counts.get(window, 0) + 1
            admitted = admitted and self.counts[window] <= quota.most
        return admitted
