"""Structured logs. One line of JSON a request or event, with nothing in it that a person wrote or holds."""

from common.telemetry.logs import configure, log_call, log_failure, log_fault, log_gauges

__all__ = ["configure", "log_call", "log_failure", "log_fault", "log_gauges"]
