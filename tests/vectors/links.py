"""Requests and grants of linking: Alice's tablet asks, her first device grants."""

from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealpost.protocol.bounds import MAX_KEY_LIFE
from sealpost.protocol.encoding import b64encode, digest
from sealpost.protocol.jws import Type
from tests.vectors import acts, forge
from tests.vectors.acts import ALICE, ONE, PHONE, TABLET, TWO, adding, pop, removing, resetting
from tests.vectors.people import NOW, SERVICE, UIDS, private_key
from tests.vectors.tokens import case

SECRET = "7Q2M0XK4ZB9T1HRC"
TYPED = {
    "as shown": "7Q2M-0XK4-ZB9T-1HRC",
    "without hyphens": SECRET,
    "in lower case, with spaces": " 7q2m 0xk4 zb9t 1hrc\n",
    "O for 0, I for 1": "7Q2M-OXK4-ZB9T-IHRC",
    "o for 0, l for 1": "7q2m-oxk4-zb9t-lhrc",
}
MISTYPED = {
    "nothing": "",
    "15 characters": SECRET[:-1],
    "17 characters": SECRET + "A",
    "U is no letter of it": SECRET[:-1] + "U",
    "other punctuation": "7Q2M.0XK4.ZB9T.1HRC",
    "a letter that folds to two": SECRET[:-2] + "\u00df",
    "a full-width digit": "\uff17" + SECRET[1:],
}


def derived(label: str, secret: str = SECRET) -> bytes:
    return HKDF(SHA256(), 32, b"", label.encode()).derive(secret.encode())


def mac(label: str, text: str, secret: str = SECRET) -> str:
    code = HMAC(derived(label, secret), SHA256())
    code.update(text.encode())
    return b64encode(code.finalize())


def key_statement(**changed: object) -> str:
    payload = {
        "v": 1,
        "iss": UIDS["alice"],
        "device": TABLET.kid,
        "n": 1,
        "iat": NOW,
        "exp": NOW + MAX_KEY_LIFE,
        "keys": [private_key("alice_tablet_encryption").public.to_json()],
        "env": [1],
        "ext": {},
    }
    return forge.jws(forge.header(Type.ENCRYPTION_KEY, TABLET), payload | changed, TABLET)


ENC = key_statement()


def request(
    enc: str = ENC, /, *, secret: str = SECRET, proof: str | None = None, **changed: Any
) -> dict[str, Any]:
    """What the tablet posts; ``changed`` is of the pop."""
    proof = proof or pop(TABLET, ONE[0], **{"enc": digest(enc)} | changed)
    return {
        "pop": proof,
        "encryption_key": enc,
        "mac": mac("sealpost link request", f"{proof}.{enc}", secret),
    }


def canonical(statements: acts.Statements, root: int = 0) -> str:
    head = (digest(statements[-1]), digest(statements[root]), len(statements) - 1, UIDS["alice"])
    return '{{"hash":"{}","root":"{}","seq":{},"uid":"{}"}}'.format(*head)


def _requests() -> list[dict[str, Any]]:
    good, other = request(), "7Q2M0XK4ZB9T1HRD"
    strange = forge.jws(
        forge.header(Type.ENCRYPTION_KEY, PHONE),
        {"v": 1},
        PHONE,
    )
    same = TABLET.public.to_json() | {"alg": "RSA-OAEP-256", "use": "enc"}
    blind = {
        "MAC of another secret": request(secret=other),
        "MAC of another pop": request() | {"pop": pop(TABLET, ONE[0], enc=digest(ENC), iat=NOW + 1)},
        "MAC of another encryption key": good | {"encryption_key": key_statement(iat=NOW + 1)},
        "MAC of a grant": good | {"mac": mac("sealpost link grant", f"{good['pop']}.{ENC}")},
        "no MAC": good | {"mac": ""},
        "MAC in another spelling": good | {"mac": good["mac"] + "="},
    }
    late = {
        "pop 1501 s old": request(iat=NOW - 1501),
        "encryption key has expired": request(key_statement(iat=NOW - 100, exp=NOW)),
    }
    wrong = {
        "pop 601 s ahead": request(iat=NOW + 601),
        "pop for another service": request(aud=SERVICE + "/"),
        "pop for another account": request(iss=UIDS["bob"]),
        "pop for another root": request(root=digest("x")),
        "pop names another encryption key": request(enc=digest("x")),
        "encryption key of another device": request(strange),
        "encryption key of n 2": request(key_statement(n=2)),
        "encryption key of another account": request(key_statement(iss=UIDS["bob"])),
        "encryption key is the signing key": request(key_statement(keys=[same])),
        "encryption key dated 601 s ahead": request(key_statement(iat=NOW + 601)),
        "a device that the chain has": request(
            proof=pop(ALICE, ONE[0], enc=digest(ENC)),
        ),
    }
    shown = {"MAC of another secret", "MAC of a grant", "MAC of another pop", "MAC of another encryption key"}
    return [
        *(case(name, "wrong-secret", server=name not in shown, **asked) for name, asked in blind.items()),
        *(case(name, "link-expired", **asked) for name, asked in late.items()),
        *(case(name, "malformed", **asked) for name, asked in wrong.items()),
        case("pop signed by another", "bad-signature", **request(proof=pop(TABLET, ONE[0], signer=PHONE))),
    ]


def _grants() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    right = mac("sealpost link grant", canonical(TWO))
    reset = resetting(ONE, PHONE)
    renewed = adding(reset, TABLET, PHONE, root=1)
    other = adding(ONE, TABLET, ALICE, iat=NOW + 1)

    def grant(name: str, statements: acts.Statements, stated: str) -> dict[str, Any]:
        return {"name": name, "device": TABLET.kid, "statements": list(statements), "mac": stated}

    accepted = [
        grant("right after it", TWO, right),
        grant("the chain has grown since", removing(TWO, ALICE, TABLET), right),
        grant("under a later root", renewed, mac("sealpost link grant", canonical(renewed, root=1))),
    ]
    forged = [
        grant("another add-device than the one that was vouched for", other, right),
        grant("MAC of another secret", TWO, mac("sealpost link grant", canonical(TWO), "0" * 16)),
        grant("MAC of a request", TWO, mac("sealpost link request", canonical(TWO))),
        grant("MAC of the head before", TWO, mac("sealpost link grant", canonical(ONE))),
        grant("the device is not in the chain", ONE, mac("sealpost link grant", canonical(ONE))),
        grant("no MAC", TWO, ""),
    ]
    return accepted, [entry | {"code": "link-forged", "server": False} for entry in forged]


def build() -> dict[str, Any]:
    good = request()
    accepted, forged = _grants()
    return {
        "about": "Linking Alice's tablet. `typed` is read as `secret`, `mistyped` is refused with that code. The "
        "`requests` are judged at `now` (seconds) by an active device with `chain` and `secret`; `server` says whether "
        "the service, which knows no secret, refuses the case too. The `grants` are judged by the new `device` with "
        "`secret`. `keys` are the HKDF outputs in hex.",
        "now": NOW,
        "uid": UIDS["alice"],
        "service_url": SERVICE,
        "secret": SECRET,
        "typed": [{"name": name, "text": text} for name, text in TYPED.items()],
        "mistyped": [{"name": name, "text": text} for name, text in MISTYPED.items()],
        "keys": {label: derived(label).hex() for label in ("sealpost link request", "sealpost link grant")},
        "chain": list(ONE),
        "grant": {"head": canonical(TWO), "mac": mac("sealpost link grant", canonical(TWO))},
        "requests": {
            "accepted": [
                good | {"name": "fresh", "device": TABLET.kid},
                request(iat=NOW - 1500) | {"name": "pop 1500 s old", "device": TABLET.kid},
                request(iat=NOW + 600) | {"name": "pop 600 s ahead", "device": TABLET.kid},
            ],
            "refused": _requests(),
        },
        "grants": {"accepted": accepted, "refused": forged},
    }
