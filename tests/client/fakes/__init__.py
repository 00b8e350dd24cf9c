"""A service and a Firestore in memory, as far as the client uses them.

Real keys, statements and envelopes go through them; what they check is the tests' business, not theirs.
"""

from tests.client.fakes.listening import FakeListening
from tests.client.fakes.mailbox import FakeMailbox
from tests.client.fakes.service import FakeService
from tests.client.fakes.wire import CODE, URL, Json, claims, problem
from tests.client.fakes.world import CHEAP, PASSPHRASE, StillWall, World, replace_keys, shown, texts

__all__ = [
    "CHEAP",
    "CODE",
    "PASSPHRASE",
    "URL",
    "FakeListening",
    "FakeMailbox",
    "FakeService",
    "Json",
    "StillWall",
    "World",
    "claims",
    "problem",
    "replace_keys",
    "shown",
    "texts",
]
