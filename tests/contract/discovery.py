"""Requests held against parts of Google's published discovery documents, which discovery/ has copies of with their source.

A copy is cut to what is used here: methods with their parameters, schemas without their descriptions.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

FOLDER = Path(__file__).with_name("discovery")


class Api:
    def __init__(self, name: str) -> None:
        self._document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))

    def called(self, verb: str, path: str, query: Mapping[str, str], body: Any) -> tuple[str, dict[str, str]]:
        """Which method a request is a call of, and the values in its path.

        Raises:
            AssertionError: of none, or not as its document has it.
        """
        for name, method in self._document["methods"].items():
            values = self._matched(method, path)
            if verb == method["httpMethod"] and values is not None:
                self._fits(method, query, body)
                return name, values
        raise AssertionError(f"no method {verb} {path}")

    def _fits(self, method: Mapping[str, Any], query: Mapping[str, str], body: Any) -> None:
        own = {name for name, parameter in method["parameters"].items() if parameter["location"] == "query"}
        unknown = set(query) - own - {*self._document["parameters"]}
        assert not unknown, unknown
        if "request" in method and "mediaUpload" not in method:
            self._conforms(body, method["request"])

    def _matched(self, method: Mapping[str, Any], path: str) -> dict[str, str] | None:
        upload = method.get("mediaUpload", {}).get("protocols", {}).get("simple", {}).get("path", "")
        whole = "/" + self._document["servicePath"] + method["path"]
        templates = [upload] if upload else [whole]
        if method.get("supportsMediaDownload"):
            templates.append("/download" + whole)
        for template in templates:
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/:]+)", re.escape(template))
            if found := re.fullmatch(pattern, path):
                return {key: unquote(value) for key, value in found.groupdict().items()}
        return None

    def _conforms(self, value: Any, schema: Mapping[str, Any]) -> None:
        if "$ref" in schema:
            schema = {"type": "object", **self._document["schemas"][schema["$ref"]]}
        match schema["type"]:
            case "object":
                assert isinstance(value, dict)
                assert set(value) <= set(schema["properties"]), set(value) - set(schema["properties"])
                for key, member in value.items():
                    self._conforms(member, schema["properties"][key])
            case "array":
                assert isinstance(value, list)
                for item in value:
                    self._conforms(item, schema["items"])
            case "boolean":
                assert isinstance(value, bool)
            case "string":
                assert isinstance(value, str)
                assert value in schema.get("enum", [value])
            case other:
                raise AssertionError(f"nothing of ours is a {other}")
