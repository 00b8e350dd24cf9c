import pytest

from tests.needs import REQUIRE, need


def test_a_tool_that_is_there_is_found() -> None:
    assert need("sh").endswith("/sh")


@pytest.mark.parametrize("required", ["", "terraform", "other,terraform"])
def test_a_test_without_its_tool_is_skipped(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv(REQUIRE, required)
    with pytest.raises(pytest.skip.Exception, match="needs no-such-tool"):
        need("no-such-tool")


@pytest.mark.parametrize("required", ["no-such-tool", "terraform, no-such-tool", "all"])
def test_and_fails_where_the_tool_is_required(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv(REQUIRE, required)
    with pytest.raises(pytest.fail.Exception, match="no-such-tool is missing"):
        need("no-such-tool")
