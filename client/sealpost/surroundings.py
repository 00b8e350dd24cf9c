"""What an account needs of the world."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import httpx

from sealpost.delivery import OpenMailbox
from sealpost.errors import Unsafe
from sealpost.service import Wall
from sealpost.vault import Cost


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Tests and embedding programs replace parts of it.

    `transport` and `identity` carry HTTP to the service and to Identity Toolkit; `mailbox` stands for Firestore.
    `on_warning` gets a sentence (a clock that is wrong), `on_alarm` a statement in one's own key chain that this device did
    not make, again at each `inbox` and `listen`; `progress` wraps what may take more than a second.
    """

    transport: httpx.BaseTransport | None = None
    identity: httpx.BaseTransport | None = None
    mailbox: OpenMailbox | None = None
    wall: Wall = field(default_factory=Wall)
    on_warning: Callable[[str], None] = lambda _text: None
    on_alarm: Callable[[Unsafe], None] = lambda _alarm: None
    progress: Callable[[str], AbstractContextManager[None]] = lambda _what: nullcontext()
    cost: Cost = field(default_factory=Cost)
