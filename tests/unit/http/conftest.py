import pytest


@pytest.fixture(autouse=True)
def framework_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """functions-framework leaves its signature type in the environment."""
    monkeypatch.setenv("FUNCTION_SIGNATURE_TYPE", "http")
