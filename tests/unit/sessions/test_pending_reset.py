"""What a session that begins or is renewed says of a wish to reset the account."""

import pytest

from common.identity import DeviceState
from common.sessions.model import PendingReset
from tests.signing import Key
from tests.unit.sessions.world import CODE, LAPTOP, PHONE, World

WISH = PendingReset(device=LAPTOP.kid, requested_at=1_800_000_000.5, due_at=1_800_086_400.5)
TOLD = {"device": LAPTOP.kid, "requested_at": 1_800_000_000, "due_at": 1_800_086_400}


@pytest.mark.parametrize(
    ("device", "state", "told"),
    [
        (PHONE, "active", TOLD),
        (PHONE, "pending", None),
        (PHONE, "revoked", None),
        (LAPTOP, "pending", TOLD),
        (LAPTOP, "active", TOLD),
        (LAPTOP, "revoked", None),
    ],
)
async def test_it_is_told_to_active_devices_and_to_the_one_that_wishes_it(
    world: World, device: Key, state: DeviceState, told: object
) -> None:
    opened = await world.begin(device, active=False)
    assert opened.json()["pending_reset"] is None
    world.store.resets["alice1"] = WISH
    world.store.resets["bob1"] = PendingReset(device=PHONE.kid, requested_at=1, due_at=2)
    world.store.devices[device.kid] = ("alice1", device.n, state)
    world.identities.codes[CODE] = "alice@example.org"
    again = await world.open(world.new_session(device=device))
    assert again.json()["pending_reset"] == told
    renewed = await world.renew(world.renewal(opened.refresh_token, device))
    assert renewed.json()["pending_reset"] == told
    del world.store.resets["alice1"]
    later = await world.renew(world.renewal(renewed.refresh_token, device))
    assert later.json()["pending_reset"] is None
