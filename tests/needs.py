"""Tools that a machine may lack. A test that needs one is skipped without it, and fails where it must be there."""

import os
import shutil

import pytest

REQUIRE = "SEALPOST_REQUIRE"
"""The environment variable that names the tools that must be there: `terraform,buildah`, or `all`."""


def need(tool: str) -> str:
    """The path of a program, or the end of this test: skipped, or failed where the tool is required."""
    path = shutil.which(tool)
    if path is None:
        required = os.environ.get(REQUIRE, "").replace(" ", "").split(",")
        if tool in required or "all" in required:
            pytest.fail(f"{tool} is missing, and {REQUIRE} asks for it.", pytrace=False)
        pytest.skip(f"needs {tool}")
    return path
