"""Alice's chain as it grows: every act taken, and every way of refusing one."""

from typing import Any

from sealpost.protocol import chain, encoding
from sealpost.protocol.jwk import PrivateKey
from sealpost.protocol.jws import Type
from tests.vectors import forge
from tests.vectors.people import NOW, SERVICE, UIDS, person, private_key
from tests.vectors.tokens import SERVER, case

ALICE, TABLET, PHONE, DESK = (
    private_key(f"alice_{name}signing") for name in ("", "tablet_", "phone_", "desk_")
)
HISTORY, NEXT_HISTORY = private_key("alice_history"), private_key("alice_next_history")
BACKUP = {"n": 1, "hash": encoding.digest("the first backup")}
NEWER = {"n": 2, "hash": encoding.digest("the second backup")}

Statements = tuple[str, ...]


def then(before: Statements, act: str, signer: PrivateKey, **carried: object) -> Statements:
    """The chain with one more statement; ``carried`` may replace the common members too."""
    payload = {
        "v": 1,
        "iss": UIDS["alice"],
        "seq": len(before),
        "prev": encoding.digest(before[-1]) if before else None,
        "iat": NOW + 10 * len(before),
        "act": act,
    }
    return (*before, forge.jws(forge.header(Type.KEY, signer), payload | {"ext": {}} | carried, signer))


def pop(device: PrivateKey, root: str, /, *, signer: PrivateKey | None = None, **changed: Any) -> str:
    signer = signer or device
    payload = {
        "iss": UIDS["alice"],
        "aud": SERVICE,
        "root": encoding.digest(root),
        "device": device.public.to_json(),
        "enc": encoding.digest("the first encryption key statement"),
        "iat": NOW,
        "jti": "cW4Yk7Qm2Zs9xDAjV0tq1b",
    } | changed
    kept = {name: value for name, value in payload.items() if value is not None}
    return forge.jws(forge.header(Type.POSSESSION, signer), kept, signer)


def adding(
    before: Statements, device: PrivateKey, signer: PrivateKey, root: int = 0, **changed: Any
) -> Statements:
    """``device`` added by ``signer``; ``changed`` is of the pop."""
    proof = pop(device, before[root], **changed)
    return then(before, "add-device", signer, device=device.public.to_json(), pop=proof)


def removing(before: Statements, device: PrivateKey, signer: PrivateKey) -> Statements:
    return then(before, "revoke-device", signer, device=device.kid)


def history(
    before: Statements, key: PrivateKey | None, backup: object, signer: PrivateKey = ALICE
) -> Statements:
    return then(before, "set-history-key", signer, key=key.public.to_json() if key else None, backup=backup)


def resetting(before: Statements, device: PrivateKey, **carried: object) -> Statements:
    return then(before, "reset", device, device=device.public.to_json(), **carried)


ONE = person("alice").chain.statements
TWO = adding(ONE, TABLET, ALICE)
NONE_LEFT = removing(ONE, ALICE, ALICE)
WITH_HISTORY = history(TWO, HISTORY, BACKUP)


def accepted() -> dict[str, Statements]:
    reset = resetting(WITH_HISTORY, PHONE)
    return {
        "a second device": TWO,
        "a device removed by another": removing(TWO, ALICE, TABLET),
        "a device removed by itself": removing(TWO, TABLET, TABLET),
        "the last device removes itself": NONE_LEFT,
        "no device is left, then a reset": resetting(NONE_LEFT, TABLET),
        "a history key": WITH_HISTORY,
        "a newer backup of the same history key": history(WITH_HISTORY, HISTORY, NEWER, TABLET),
        "another history key": history(WITH_HISTORY, NEXT_HISTORY, NEWER),
        "a history key ended": history(WITH_HISTORY, None, None),
        "no history key, said again": history(ONE, None, None),
        "a removal ends the history key": removing(WITH_HISTORY, TABLET, ALICE),
        "a history key after a removal": history(removing(WITH_HISTORY, TABLET, ALICE), NEXT_HISTORY, NEWER),
        "a reset ends devices and history key": reset,
        "a reset after a removal": resetting(removing(TWO, TABLET, ALICE), PHONE),
        "a device under the new root": adding(reset, DESK, PHONE, root=3),
        "two resets": resetting(resetting(TWO, PHONE), DESK),
        "the oldest pop": adding(ONE, TABLET, ALICE, iat=NOW + 10 - 1500),
        "the newest pop": adding(ONE, TABLET, ALICE, iat=NOW + 10 + 600),
        "members of ext": then(TWO, "revoke-device", ALICE, device=TABLET.kid, ext={"later": [1]}),
    }


def refused_pops() -> dict[str, tuple[str, Statements]]:
    good = pop(TABLET, ONE[0])
    jwk = TABLET.public.to_json()

    def with_pop(proof: object) -> Statements:
        return then(ONE, "add-device", ALICE, device=jwk, pop=proof)

    head = forge.header(Type.POSSESSION, TABLET)
    return {
        "pop is null": ("malformed", with_pop(None)),
        "pop is an object": ("malformed", with_pop({})),
        "pop of another typ": (
            "malformed",
            with_pop(forge.jws(head | {"typ": Type.SESSION}, {"iss": UIDS["alice"]}, TABLET)),
        ),
        "pop with padding": ("malformed", with_pop(good + "=")),
        "pop signed by the device that adds": ("bad-signature", with_pop(pop(TABLET, ONE[0], signer=ALICE))),
        "pop forged": (
            "bad-signature",
            with_pop(".".join((good.rsplit(".", 1)[0], pop(TABLET, ONE[0], iat=NOW + 1).rsplit(".", 1)[1]))),
        ),
        "pop for another account": ("malformed", adding(ONE, TABLET, ALICE, iss=UIDS["bob"])),
        "pop for another root": ("malformed", with_pop(pop(TABLET, "x"))),
        "pop for the root before a reset": ("malformed", adding(resetting(TWO, PHONE), DESK, PHONE, root=0)),
        "pop of another device": ("malformed", with_pop(pop(PHONE, ONE[0]))),
        "pop shows a private member": ("malformed", with_pop(pop(TABLET, ONE[0], device=TABLET.to_json()))),
        "pop names no encryption key": ("malformed", adding(ONE, TABLET, ALICE, enc="x")),
        "pop without aud": ("malformed", with_pop(pop(TABLET, ONE[0], aud=None))),
        "aud of the pop is a number": ("malformed", adding(ONE, TABLET, ALICE, aud=1)),
        "iat of the pop is a float": ("malformed", adding(ONE, TABLET, ALICE, iat=NOW + 0.5)),
        "jti of the pop has 21 characters": ("malformed", adding(ONE, TABLET, ALICE, jti="a" * 21)),
        "pop with one member too many": (
            "malformed",
            adding(ONE, TABLET, ALICE, prev=encoding.digest(ONE[0])),
        ),
        "pop 1501 s old": ("malformed", adding(ONE, TABLET, ALICE, iat=NOW + 10 - 1501)),
        "pop 601 s ahead": ("malformed", adding(ONE, TABLET, ALICE, iat=NOW + 10 + 601)),
    }


def refused_devices() -> dict[str, tuple[str, Statements]]:
    encryption = private_key("alice_tablet_encryption").public.to_json()
    as_device = HISTORY.public.to_json() | {"alg": "PS256", "use": "sig"}
    gone = removing(TWO, TABLET, ALICE)
    return {
        "a device added twice": ("malformed", adding(TWO, TABLET, ALICE)),
        "a removed device comes back": ("malformed", adding(gone, TABLET, ALICE)),
        "a device from before a reset comes back": (
            "malformed",
            adding(resetting(TWO, PHONE), TABLET, PHONE, root=2),
        ),
        "a device that was a history key": (
            "malformed",
            then(WITH_HISTORY, "add-device", ALICE, device=as_device, pop=pop(TABLET, ONE[0])),
        ),
        "a device with an encryption key": (
            "malformed",
            then(ONE, "add-device", ALICE, device=encryption, pop=pop(TABLET, ONE[0])),
        ),
        "a device adds itself": ("unknown-device", adding(ONE, TABLET, TABLET)),
        "a removed device adds one": ("unknown-device", adding(gone, PHONE, TABLET)),
        "a device from before a reset adds one": (
            "unknown-device",
            adding(resetting(TWO, PHONE), DESK, ALICE, root=2),
        ),
        "removal of a stranger": ("malformed", removing(ONE, TABLET, ALICE)),
        "removal of a removed device": ("malformed", removing(gone, TABLET, ALICE)),
        "removal of a JWK": (
            "malformed",
            then(TWO, "revoke-device", ALICE, device=TABLET.public.to_json()),
        ),
        "removal of nothing": ("malformed", then(TWO, "revoke-device", ALICE, device=None)),
        "removal with one member too many": (
            "malformed",
            then(TWO, "revoke-device", ALICE, device=TABLET.kid, pop=None),
        ),
        "removal by a removed device": ("unknown-device", removing(gone, ALICE, TABLET)),
        "removal by a device to come": ("unknown-device", removing(ONE, ALICE, TABLET)),
        "removal after the last device": ("unknown-device", removing(NONE_LEFT, ALICE, ALICE)),
        "adding after the last device": ("unknown-device", adding(NONE_LEFT, TABLET, ALICE)),
        "a reset by an active device": ("malformed", resetting(TWO, TABLET)),
        "a reset by a removed device": ("malformed", resetting(gone, TABLET)),
        "a reset signed by a device of before": (
            "bad-signature",
            then(TWO, "reset", ALICE, device=PHONE.public.to_json()),
        ),
        "a reset with a pop": ("malformed", resetting(TWO, PHONE, pop=pop(PHONE, ONE[0]))),
        "a reset to an encryption key": ("malformed", then(TWO, "reset", PHONE, device=encryption)),
        "a reset dated before": ("malformed", resetting(TWO, PHONE, iat=NOW)),
        "a reset of v 2": ("update-needed", resetting(TWO, PHONE, v=2)),
        "recover": ("update-needed", then(TWO, "recover", ALICE, device=PHONE.public.to_json())),
    }


def refused_histories() -> dict[str, tuple[str, Statements]]:
    as_history = ALICE.public.to_json() | {"alg": "RSA-OAEP-256", "use": "enc"}
    ended = history(WITH_HISTORY, None, None)

    def announcing(backup: object) -> Statements:
        return history(ONE, HISTORY, backup)

    def carrying(key: object) -> Statements:
        return then(ONE, "set-history-key", ALICE, key=key, backup=BACKUP)

    return {
        "a history key without a backup": ("malformed", announcing(None)),
        "a backup without a history key": ("malformed", history(ONE, None, BACKUP)),
        "a backup of n 0": ("malformed", announcing(BACKUP | {"n": 0})),
        "n of a backup is true": ("malformed", announcing(BACKUP | {"n": True})),
        "hash of a backup is none": ("malformed", announcing(BACKUP | {"hash": "x"})),
        "a backup with one member too many": ("malformed", announcing(BACKUP | {"m": 8})),
        "a backup is a list": ("malformed", announcing([1, BACKUP["hash"]])),
        "a history key shows a private member": ("malformed", carrying(HISTORY.to_json())),
        "a history key is a signing JWK": ("malformed", carrying(PHONE.public.to_json())),
        "a history key is a device's": ("malformed", carrying(as_history)),
        "the same backup again": ("malformed", history(WITH_HISTORY, HISTORY, BACKUP)),
        "n of a backup falls": (
            "malformed",
            history(history(TWO, HISTORY, NEWER), HISTORY, BACKUP),
        ),
        "an ended history key comes back": ("malformed", history(ended, HISTORY, NEWER)),
        "a replaced history key comes back": (
            "malformed",
            history(history(WITH_HISTORY, NEXT_HISTORY, NEWER), HISTORY, NEWER | {"n": 3}),
        ),
        "a history key by a removed device": (
            "unknown-device",
            history(removing(TWO, TABLET, ALICE), HISTORY, BACKUP, TABLET),
        ),
        "a history key after the last device": ("unknown-device", history(NONE_LEFT, HISTORY, BACKUP)),
    }


def described(name: str, statements: Statements) -> dict[str, Any]:
    grown = chain.verify(UIDS["alice"], statements)
    return {
        "name": name,
        "uid": grown.uid,
        "statements": list(statements),
        "hashes": list(grown.hashes),
        "head": grown.head.to_json(),
        "devices": [
            {
                "id": device.id,
                "added": device.added,
                "removed": device.removed,
                "removed_at": device.removed_at,
            }
            for device in grown.devices.values()
        ],
        "history": grown.history
        and {
            "kid": grown.history.key.kid,
            "seq": grown.history.seq,
            "backup": grown.history.backup._asdict(),
        },
        "backup": grown.backup and grown.backup._asdict(),
        "resets": list(grown.resets),
        "changes": [
            {
                "seq": change.seq,
                "act": change.act,
                "device": change.device,
                "signer": change.signer,
                "iat": change.iat,
                "history": change.history,
            }
            for change in grown.changes(-1)
        ],
    }


def build() -> dict[str, Any]:
    refused = refused_pops() | refused_devices() | refused_histories()
    return {
        "about": "Alice's key chain as it grows by every act, from statement 0. In a refused case the last statement is "
        "the wrong one. `history` is the living history key, `backup` the one announced last, living or not; `changes` "
        f"is what a person is shown. `service_url` is the aud of the pops. {SERVER}",
        "now": NOW,
        "uid": UIDS["alice"],
        "service_url": SERVICE,
        "accepted": [described(name, statements) for name, statements in accepted().items()],
        "refused": [
            case(name, code, statements=list(statements)) for name, (code, statements) in refused.items()
        ],
    }
