"""Serve the suite: python -m common.suite --port 8080."""

import argparse
import sys

import uvicorn

from common.settings import SettingsError
from common.suite.app import Suite
from common.suite.protocol import LimitedProtocol


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m common.suite", description="Serve all functions in one process."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on (default: %(default)s)")
    options = parser.parse_args()
    try:
        suite = Suite()
    except SettingsError as error:
        print(f"The suite cannot start: {error}", file=sys.stderr)  # noqa: T201 - said before there is a log
        return 1
    uvicorn.run(
        suite,
        host=options.host,
        port=options.port,
        loop="uvloop",
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # of its own words; what is no request has our line
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
