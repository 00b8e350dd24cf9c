"""Tools that a machine may lack. A test that needs one is skipped without it, and fails where it must be there."""

import os
import shutil
from typing import NoReturn

import pytest

REQUIRE = "SEALPOST_REQUIRE"
"""The environment variable that names the tools that must be there: `terraform,buildah`, or `all`."""


def need(tool: str) -> str:
    """The path of a program, or the end of this test: skipped, or failed where the tool is required."""
    return shutil.which(tool) or lack(tool)


def lack(tool: str, why: str = "") -> NoReturn:
    """End this test for want of a tool; `why` says more than that it is missing."""
    required = os.environ.get(REQUIRE, "").replace(" ", "").split(",")
    if tool in required or "all" in required:
        pytest.fail(f"{tool} is missing, and {REQUIRE} asks for it. {why}".strip(), pytrace=False)
    pytest.skip(f"needs {tool}. {why}".strip(". "))
