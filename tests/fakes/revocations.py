from dataclasses import dataclass, field

from common.errors import Unavailable


@dataclass
class FakeRevocationList:
    objects: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False

    async def add(self, name: str, content: bytes) -> None:
        if self.broken:
            raise Unavailable("The list cannot be written.")
        self.objects.setdefault(name, content)


@dataclass
class FakeRevoked:
    noted: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    broken: bool = False

    async def note_devices(self, *devices: str) -> None:
        if self.broken and devices:
            raise Unavailable("The list cannot be written.")
        self.devices.extend(devices)

    async def note_sessions(self, *sessions: str) -> None:
        if self.broken and sessions:
            raise Unavailable("The list cannot be written.")
        self.noted.extend(sessions)
