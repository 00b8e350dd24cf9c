"""What this device adds to its own account's key chain."""

from collections.abc import Callable
from dataclasses import dataclass

from sealpost.contacts import Contacts
from sealpost.errors import ServiceProblem, Unsafe
from sealpost.protocol.chain import Chain
from sealpost.protocol.errors import Code
from sealpost.session import Session
from sealpost.state import State

Making = Callable[[Chain], str]
"""Makes the statement that follows a chain. Raises where that chain leaves nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChain:
    """`own` is one's own uid."""

    state: State
    session: Session
    contacts: Contacts
    own: str

    def newest(self) -> Chain:
        """As the service shows it now, verified and pinned. Raises DeviceNotActive where this device is not in it."""
        (found,) = self.contacts.find(uids=[self.own])
        removed = self.contacts.removed()
        if removed is not None:
            raise removed
        if found is None:
            raise Unsafe(
                "The service does not show your own keys.",
                code=Code.CHAIN_HIDDEN.value,
                cure="Nothing was changed. Try again later.",
            )
        return found.contact.chain

    def publish(self, make: Making) -> Chain:
        """Adds a statement by `publish_key`. The chain with it, pinned."""
        return self.append(
            make,
            lambda statement: self.session.proved("publish_key", statement=statement, encryption_key=None),
        )

    def append(self, make: Making, post: Callable[[str], object]) -> Chain:
        """Adds a statement that `post` brings to the service.

        Where another device was faster, `make` gets the chain with what that one did, once.
        """
        with self.state.alone():
            statement = make(self.newest())
            try:
                post(statement)
            except ServiceProblem as problem:
                if problem.code != "chain-conflict":
                    raise
                statement = make(self.newest())
                self._post_again(post, statement)
            return self.contacts.extend_own([statement]).chain

    @staticmethod
    def _post_again(post: Callable[[str], object], statement: str) -> None:
        try:
            post(statement)
        except ServiceProblem as problem:
            if problem.code != "chain-conflict":
                raise
            raise ServiceProblem(
                "Another device of yours changed the account at the same time, twice.",
                code=problem.code,
                status=problem.status,
                cure="Nothing was changed here. See `sealpost devices`, and run the command again if it is still needed.",
            ) from None
