"""The numbers of messages in a conversation: `sent`, the last of this device's, and `received`, the highest of each other's."""

from sealpost.state import Json, Kind, State


def counter(state: State, cid: str) -> Json:
    return state.get(Kind.COUNTER, cid) or {"sent": 0, "received": {}}
