import json
import logging
import sys
from collections.abc import Iterator

import pytest

from common import telemetry
from common.telemetry import log_call, log_failure, log_fault, log_gauges
from tests.unit.conftest import Printed


def test_a_call_is_one_line_of_json(printed: Printed) -> None:
    log_call("order", status=200, seconds=0.0123, method="POST", problem=None)
    assert printed.lines == [
        {
            "severity": "INFO",
            "message": "order 200",
            "function": "order",
            "status": 200,
            "duration_ms": 12.3,
            "method": "POST",
        }
    ]


@pytest.mark.parametrize(
    ("status", "severity"), [(204, "INFO"), (499, "INFO"), (500, "ERROR"), (504, "ERROR")]
)
def test_what_is_our_fault_is_an_error(printed: Printed, status: int, severity: str) -> None:
    log_call("order", status=status, seconds=0)
    assert printed.lines[0]["severity"] == severity


def test_numbers_and_failures_are_lines_of_their_own(printed: Printed) -> None:
    log_gauges(backup_bytes=7)
    log_failure("backup failed", backup="2026-11-22", reason="It was busy.")
    assert printed.lines == [
        {"severity": "INFO", "message": "gauges", "backup_bytes": 7},
        {"severity": "ERROR", "message": "backup failed", "backup": "2026-11-22", "reason": "It was busy."},
    ]


def test_other_libraries_lose_their_text(printed: Printed) -> None:
    other = logging.getLogger("some.sdk")
    try:
        raise ValueError("canary")
    except ValueError:
        other.exception("canary %s", "canary", extra={"fields": {"canary": "canary"}})
    other.warning("a\nline: canary")
    first, second = printed.lines
    assert first["message"] == "record of some.sdk"
    assert first["exception"] == "ValueError"
    assert first["origin"].startswith("test_logs:")
    assert second.keys() == {"severity", "message", "origin"}
    assert "canary" not in "".join(printed.text)


def test_a_fault_shows_types_and_lines_alone(printed: Printed) -> None:
    def fail() -> None:
        try:
            raise KeyError("canary")
        except KeyError:
            raise ValueError("canary")  # noqa: B904 - the context is what is tested

    try:
        fail()
    except ValueError as error:
        log_fault("order", error)
    (line,) = printed.lines
    assert line["exceptions"] == ["ValueError", "KeyError"]
    assert all(frame.startswith(f"{__file__}:") for frame in line["frames"])
    assert "canary" not in printed.text[0]


def test_a_long_story_is_cut(printed: Printed) -> None:
    def deep(levels: int) -> None:
        if levels == 0:
            raise ValueError
        deep(levels - 1)

    error: Exception = ValueError()
    for _ in range(20):
        try:
            raise RuntimeError from error
        except RuntimeError as next_error:
            error = next_error
    try:
        deep(100)
    except ValueError as raised:
        raised.__cause__ = error
        log_fault("order", raised)
    assert len(printed.lines[0]["exceptions"]) == 5
    assert len(printed.lines[0]["frames"]) == 40


def test_an_error_that_caused_itself_ends(printed: Printed) -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    log_fault("order", one)
    assert len(printed.lines[0]["exceptions"]) == 5


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, given back as it was."""
    logger, ours = logging.getLogger(), logging.getLogger("sealpost")
    before = logger.handlers[:], logger.level, ours.level, ours.disabled
    yield logger
    logger.handlers[:], level, ours.level, ours.disabled = before
    logger.setLevel(level)


def test_everything_goes_to_standard_output_as_json(
    root: logging.Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    root.addHandler(logging.StreamHandler(sys.stderr))
    logging.getLogger("sealpost").disabled = True
    telemetry.configure()
    telemetry.configure()
    log_call("order", status=200, seconds=0)
    logging.getLogger("some.sdk").warning("canary")
    logging.getLogger("some.sdk").info("not even a line")
    printed = capsys.readouterr()
    assert [json.loads(line)["message"] for line in printed.out.splitlines()] == [
        "order 200",
        "record of some.sdk",
    ]
    assert printed.err == ""
