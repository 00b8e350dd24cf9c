from dataclasses import dataclass, field

from common.backups.model import Manifest, Part


@dataclass
class FakeExport:
    parts: tuple[Part, ...] = (Part(name="part", bytes=0, sha256="0" * 64),)
    days: list[str] = field(default_factory=list)

    async def write(self, day: str) -> tuple[Part, ...]:
        self.days.append(day)
        return self.parts


@dataclass
class FakeArchive:
    claimed: set[str] = field(default_factory=set)
    manifests: dict[str, Manifest] = field(default_factory=dict)

    async def claim(self, day: str) -> bool:
        if day in self.claimed or day in self.manifests:
            return False
        self.claimed.add(day)
        return True

    async def complete(self, manifest: Manifest) -> None:
        self.manifests[manifest.day] = manifest
        self.claimed.discard(manifest.day)

    async def abandon(self, day: str) -> None:
        self.claimed.discard(day)
