"""Add the keys that keys.json lacks: ``PYTHONPATH=.:client python -m tests.vectors.keys``.

Those that there are stay. A key is made anew by removing it first; every vector that was made with it is then wrong.
"""

from typing import Any, Final

from sealpost.protocol.jwk import PrivateKey, Use
from tests.vectors import people

USES: Final = {
    **{f"{name}_signing": Use.SIGNING for name in people.UIDS},
    **{f"{name}_encryption": Use.ENCRYPTION for name in people.UIDS},
    **{f"alice_{device}_signing": Use.SIGNING for device in ("tablet", "phone", "desk")},
    **{f"alice_{device}_encryption": Use.ENCRYPTION for device in ("tablet", "phone")},
    "alice_history": Use.ENCRYPTION,
    "alice_next_history": Use.ENCRYPTION,
    "bob_history": Use.ENCRYPTION,
}


def build(known: dict[str, Any]) -> dict[str, Any]:
    """Content of keys.json with the keys that are ``known``, and fresh ones for the rest."""
    keys = known | {name: _pair(PrivateKey.generate(use)) for name, use in USES.items() if name not in known}
    return {
        "about": "PUBLISHED TEST KEYS, private halves included. Never use them for anything but these vectors.",
        "people": {
            name: {
                "uid": uid,
                "address": people.ADDRESSES[name],
                "device": keys[f"{name}_signing"]["public"]["kid"],
            }
            for name, uid in people.UIDS.items()
        },
        "keys": keys,
    }


def _pair(key: PrivateKey) -> dict[str, Any]:
    return {"public": key.public.to_json(), "private": key.to_json()}


if __name__ == "__main__":
    people.write("keys.json", build(people.read("keys.json")["keys"]))
