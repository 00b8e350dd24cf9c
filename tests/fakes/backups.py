from dataclasses import dataclass, field

from common.backups.model import Manifest, Part
from common.errors import Unavailable


@dataclass
class FakeExport:
    name: str
    calls: list[str] = field(default_factory=list)
    fault: Exception | None = None

    async def write(self, day: str) -> tuple[Part, ...]:
        self.calls.append(self.name)
        if self.fault:
            raise self.fault
        return (Part(name=f"{self.name}/{day}", bytes=1, sha256="0" * 64),)


@dataclass
class FakeArchive:
    claimed: set[str] = field(default_factory=set)
    manifests: dict[str, Manifest] = field(default_factory=dict)

    async def claim(self, day: str) -> bool:
        if day in self.manifests:
            return False
        if day in self.claimed:
            raise Unavailable("The backup is being made.")
        self.claimed.add(day)
        return True

    async def complete(self, manifest: Manifest) -> None:
        assert manifest.day in self.claimed
        self.claimed.remove(manifest.day)
        self.manifests[manifest.day] = manifest

    async def abandon(self, day: str) -> None:
        self.claimed.remove(day)
