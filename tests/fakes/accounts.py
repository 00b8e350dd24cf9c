from dataclasses import dataclass, field

from common.accounts.model import User
from common.identity import Address


@dataclass
class FakeUsers:
    users: dict[str, User] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def find(self, address: Address) -> User | None:
        self.calls.append("find")
        return self.users.get(address.text)

    async def create(self, address: Address) -> None:
        self.calls.append("create")
        uid = f"uid{len(self.users)}"
        self.users.setdefault(address.text, User(uid=uid, verified=False, has_password=False))

    async def delete(self, uid: str) -> None:
        self.calls.append("delete")
        self.users = {text: user for text, user in self.users.items() if user.uid != uid}

    async def link_code(self, address: Address) -> str:
        self.calls.append("link_code")
        return f"code-for-{len(address.text)}-characters"


@dataclass
class FakeMailer:
    sent: list[tuple[Address, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """May be the same list as another fake's, to see the order among them."""

    async def send_link(self, address: Address, link: str) -> None:
        self.calls.append("send_link")
        self.sent.append((address, link))
