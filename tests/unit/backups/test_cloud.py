"""In the cloud, where this function has nothing yet to back up by, it starts, and says so when it is called."""

import pytest

from common.clock import wall_clock
from common.errors import Unavailable
from common.services import Services
from common.settings import Settings, SettingsError

BASE = {"GOOGLE_CLOUD_PROJECT": "demo", "SEALPOST_URL": "https://api.sealpost.example"}
CLOUD = {
    "POSTGRES_INSTANCE": "demo:europe-west1:sealpost",
    "POSTGRES_USER": "fn-daily-backup@demo.iam",
    "POSTGRES_DATABASE": "sealpost",
}


async def test_a_deployment_starts_and_says_what_is_missing() -> None:
    services = Services(settings=Settings.from_environment(BASE | CLOUD), clock=wall_clock)
    with pytest.raises(Unavailable, match="not backed up by this function yet"):
        await services.backups().run()


def test_a_laptop_names_the_settings_that_are_missing() -> None:
    services = Services(settings=Settings.from_environment(BASE), clock=wall_clock)
    with pytest.raises(SettingsError, match="Set BACKUP_FOLDER"):
        services.backups()
