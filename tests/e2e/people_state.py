"""Who and what people_model.py knows of. Devices and people go by their names."""

from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Facts:
    """What only the suite knows of one act.

    `sent` has the service's times (ms) of what it stored, `signed` those of the statements that it took (s), in order;
    `renewed` the devices that the service has told their account's head with a session, `seen` those that it saw so
    during this act.
    """

    sent: deque[int] = field(default_factory=deque)
    signed: deque[int] = field(default_factory=deque)
    renewed: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Statement:
    act: str
    device: str
    by: str
    at: int


@dataclass(slots=True)
class Message:
    """`heads` counts the statements of each member that the sender knew; `pins` are (person, statements, mark)."""

    sender: str
    text: str
    n: int
    sent_at: int
    heads: dict[str, int]
    readers: set[str]
    pins: list[tuple[str, int, int | None]] | None = None


@dataclass(slots=True)
class Device:
    """`pinned` counts the statements that it knows of each person, `marks` are the roots that its person vouched for.

    `state` is the service's, `linked` its own. `session` is open, ended (it has not noticed), or closed.
    """

    name: str
    person: str
    state: str = "pending"
    session: str = "open"
    is_first: bool = False
    is_linked: bool = False
    knows_removal: bool = False
    has_key: bool = True
    is_stale: bool = False
    has_asked: bool = False
    is_granted: bool = False
    """It has not fetched the grant yet."""
    pinned: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    told: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    untold: set[str] = field(default_factory=set)
    renewed: set[str] = field(default_factory=set)
    sent: Counter[str] = field(default_factory=Counter)
    highest: dict[tuple[str, str], int] = field(default_factory=dict)
    judged: set[int] = field(default_factory=set)
    news: list[tuple[str, Statement]] = field(default_factory=list)
    inbox: list[tuple[Message, str | tuple[str, ...]]] = field(default_factory=list)
    kept: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Request:
    device: str
    tries: Counter[str] = field(default_factory=Counter)


def end(device: Device) -> None:
    """What the service does to a device that is removed, or that a reset shuts out."""
    device.state = "removed" if device.state == "active" else device.state
    device.session = "ended" if device.session == "open" else device.session


def root(chain: list[Statement]) -> int:
    """Where it began, or began anew."""
    return max((n for n, statement in enumerate(chain) if statement.act == "reset"), default=0)


def active(chain: list[Statement]) -> set[str]:
    """The devices that a chain leaves."""
    devices = set[str]()
    for statement in chain:
        if statement.act == "removed":
            devices.discard(statement.device)
        else:
            devices = devices if statement.act == "added" else set()
            devices.add(statement.device)
    return devices


def removal(chain: list[Statement], device: str) -> Statement | None:
    """The statement that ended a device."""
    joined = next(n for n, one in enumerate(chain) if one.act != "removed" and one.device == device)
    after = chain[joined + 1 :]
    return next(
        (one for one in after if one.act == "reset" or (one.act, one.device) == ("removed", device)), None
    )
