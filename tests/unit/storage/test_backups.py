import pytest

from common.clock import wall_clock
from common.services import Services
from common.settings import Settings, SettingsError

LOCAL = {
    "GOOGLE_CLOUD_PROJECT": "demo-sealpost",
    "SEALPOST_URL": "http://127.0.0.1:8080",
    "BACKUP_FOLDER": "/backups",
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    "POSTGRES_DSN": "postgresql://u@127.0.0.1:1/d",
}


@pytest.mark.parametrize("missing", ["BACKUP_FOLDER", "FIRESTORE_EMULATOR_HOST", "POSTGRES_DSN"])
def test_a_function_that_has_nothing_to_back_up_does_not_start(missing: str) -> None:
    settings = Settings.from_environment({name: LOCAL[name] for name in LOCAL if name != missing})
    with pytest.raises(SettingsError, match=missing):
        Services(settings=settings, clock=wall_clock).backups()
