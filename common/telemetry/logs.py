"""JSON lines as Cloud Logging reads them: severity, message, and our own fields.

Bodies, query strings, tokens, addresses and keys are never passed in. Other libraries' records keep their place of
origin and lose their text, because what an SDK puts into a warning is not ours to vouch for.
"""

import json
import logging
import os
import sys
from typing import Any

_ours = logging.getLogger("sealpost")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"severity": record.levelname}
        if record.name == _ours.name:
            line |= {"message": record.getMessage(), **getattr(record, "fields", {})}
        else:
            line |= {"message": f"record of {record.name}", "origin": f"{record.module}:{record.lineno}"}
            if record.exc_info and record.exc_info[0]:
                line["exception"] = record.exc_info[0].__name__
        return json.dumps(line)


def configure() -> None:
    """Send every record to standard output as one JSON line. Replaces whatever handlers stand there."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _ours.setLevel(logging.INFO)
    _ours.disabled = False
    # gRPC writes text of its own to standard error, past all of this, unless it is told before it is first imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def log_call(function: str, *, status: int, seconds: float, **fields: str | int | None) -> None:
    """The one line of a request or an event."""
    level = logging.ERROR if status >= 500 else logging.INFO  # noqa: PLR2004 - the class of HTTP status codes
    given = {name: value for name, value in fields.items() if value is not None}
    extra = {"function": function, "status": status, "duration_ms": round(seconds * 1000, 1), **given}
    _ours.log(level, "%s %d", function, status, extra={"fields": extra})


def log_gauges(**gauges: float) -> None:
    """Numbers as they stand at this moment, which the deployment's metrics are read from, by their names."""
    _ours.info("gauges", extra={"fields": gauges})


def log_failure(message: str, **fields: str) -> None:
    """Something of ours did not come about, and nobody who calls is told so. The fields are sentences of ours."""
    _ours.error(message, extra={"fields": fields})


def log_fault(function: str, error: BaseException) -> None:
    """Where an unforeseen exception came from: its types and lines of code, without its text."""
    chain: list[str] = []
    frames: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 5:  # noqa: PLR2004 - enough to see a cause
        chain.append(type(seen).__name__)
        trace = seen.__traceback__
        while trace is not None:
            frames.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
            trace = trace.tb_next
        seen = seen.__cause__ or seen.__context__
    _ours.error(
        "unforeseen %s",
        chain[0],
        extra={"fields": {"function": function, "exceptions": chain, "frames": frames[-40:]}},
    )
