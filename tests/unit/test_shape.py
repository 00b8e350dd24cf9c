"""Adding a function is one folder and one entry: what else that promise needs to stay true."""

import ast
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from common.settings import Settings

ROOT = Path(__file__).parents[2]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "functions.yaml").read_text(encoding="utf-8"))
FUNCTIONS: dict[str, dict[str, Any]] = MANIFEST["functions"]
SCHEMA = jsonschema.Draft202012Validator(
    yaml.safe_load((ROOT / "functions.schema.json").read_text(encoding="utf-8"))
)

ROOMS = {
    "accounts",
    "audit",
    "sessions",
    "keys",
    "directory",
    "conversations",
    "messages",
    "recovery",
    "backups",
}
EDGES = {"common.http", "common.events", "common.services", "starlette.responses"}
ELSEWHERE = ("common", "scripts", "deploy", "terraform", ".ci")
"""Where no function may be named. Tests, docs, README, CHANGELOG and the client may speak of them."""
MEASURED = ROOT / "scripts" / "measuring"
"""The bench calls functions by their names, as tests do."""
LINES = 400

every_function = pytest.mark.parametrize("name", FUNCTIONS)


def source(name: str) -> str:
    return (ROOT / "functions" / name / "main.py").read_text(encoding="utf-8")


def tree(name: str) -> ast.Module:
    return ast.parse(source(name))


def files(folder: Path) -> Iterator[Path]:
    """The text files below `folder`, without what tools leave there."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix not in {".pyc", ".lock", ".png"}:
            yield path


def test_folders_are_entries() -> None:
    folders = {
        path.name for path in (ROOT / "functions").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert folders == FUNCTIONS.keys()


@every_function
def test_a_folder_holds_one_file(name: str) -> None:
    assert [path.name for path in files(ROOT / "functions" / name)] == ["main.py"]


@every_function
def test_a_function_is_short_and_says_what_it_does(name: str) -> None:
    assert len(source(name).splitlines()) <= 30
    assert ast.get_docstring(tree(name))


@every_function
def test_a_function_is_one_coroutine_of_its_name(name: str) -> None:
    body = tree(name).body
    made = [node for node in body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)]
    assert [(type(node), node.name) for node in made] == [(ast.AsyncFunctionDef, name)]
    allowed = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AsyncFunctionDef)
    assert all(isinstance(node, allowed) for node in body), "no class, type or branch of its own"
    assert not [node for node in ast.walk(tree(name)) if isinstance(node, ast.ClassDef | ast.Lambda)]


@every_function
def test_a_function_knows_an_edge_and_one_room(name: str) -> None:
    imported = set()
    for node in ast.walk(tree(name)):
        assert not isinstance(node, ast.Import), "import names from modules"
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    rooms = imported - EDGES
    assert rooms <= {f"common.{room}" for room in ROOMS}
    assert len(rooms) <= 1
    assert "common.services" in imported


@every_function
def test_a_function_is_decorated_by_its_edge(name: str) -> None:
    trigger = FUNCTIONS[name]["trigger"]
    (node,) = (node for node in tree(name).body if isinstance(node, ast.AsyncFunctionDef))
    (decorator,) = node.decorator_list
    assert isinstance(decorator, ast.Call)
    assert isinstance(decorator.func, ast.Name)
    if "http" in trigger:
        assert decorator.func.id == trigger["http"]["method"].lower()
    else:
        assert decorator.func.id == {"firestore": "on_document", "schedule": "scheduled"}[next(iter(trigger))]


@every_function
def test_a_route_is_the_functions_name(name: str) -> None:
    (trigger,) = FUNCTIONS[name]["trigger"].values()
    assert trigger.get("route") in {None, f"/v1/{name}"}
    assert ("route" in trigger) == ("firestore" not in FUNCTIONS[name]["trigger"])


def named(name: str, text: str) -> bool:
    """Whether `text` names the function, and not a method of somebody else's object."""
    return any(
        not text[: found.start()].endswith(("def ", "."))
        for found in re.finditer(rf"(?<![\w-]){name}(?![\w-])", text)
    )


def test_nothing_else_lists_functions() -> None:
    found = [
        f"{path.relative_to(ROOT)} names {name}"
        for folder in ELSEWHERE
        for path in files(ROOT / folder)
        if MEASURED not in path.parents
        for text in [path.read_text(encoding="utf-8", errors="replace")]
        for name in FUNCTIONS
        if named(name, text)
    ]
    assert found == []


@every_function
def test_functions_do_not_know_each_other(name: str) -> None:
    others = FUNCTIONS.keys() - {name}
    assert [other for other in others if named(other, source(name))] == []


def test_a_name_is_found_where_it_stands() -> None:
    assert named("sign_up", 'ROUTES = ["/v1/sign_up"]')
    assert named("sign_up", "sign_up")
    assert not named("sign_up", "person.sign_up()\ndef sign_up(self): ...\nsign_up_page")


def errors(manifest: dict[str, Any]) -> list[str]:
    return [error.message for error in SCHEMA.iter_errors(manifest)]


def test_the_schema_takes_the_manifest() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA.schema)
    assert errors(MANIFEST) == []


def changed(**entry: Any) -> dict[str, Any]:
    manifest = deepcopy(MANIFEST)
    manifest["functions"]["new_one"] = {
        "summary": "Do something.",
        "trigger": {"http": {"route": "/v1/new_one", "method": "POST"}},
    } | entry
    return manifest


def at_top(**entry: Any) -> dict[str, Any]:
    return MANIFEST | entry


HTTP = {"route": "/v1/new_one", "method": "POST"}
REFUSED: dict[str, dict[str, Any]] = {
    "a misspelt key": changed(memmory="1Gi"),
    "a misspelt key of the trigger": changed(trigger={"http": HTTP | {"methods": "POST"}}),
    "a misspelt default": at_top(defaults=MANIFEST["defaults"] | {"timeout": 3}),
    "a misspelt section": at_top(function={}),
    "two triggers": changed(
        trigger={"http": HTTP, "schedule": FUNCTIONS["daily_backup"]["trigger"]["schedule"]}
    ),
    "no trigger": changed(trigger={}),
    "another trigger": changed(trigger={"pubsub": {"topic": "x"}}),
    "a route that Cloud Run reserves": changed(trigger={"http": HTTP | {"route": "/v1/healthz"}}),
    "a route of another version": changed(trigger={"http": HTTP | {"route": "/v2/new_one"}}),
    "a route with a parameter": changed(trigger={"http": HTTP | {"route": "/v1/{id}"}}),
    "another method": changed(trigger={"http": HTTP | {"method": "PUT"}}),
    "no method": changed(trigger={"http": {"route": "/v1/new_one"}}),
    "an event that there is not": changed(trigger={"firestore": {"event": "created", "document": "a/{b}"}}),
    "no summary": {**MANIFEST, "functions": {"new_one": {"trigger": {"http": HTTP}}}},
    "a summary that is no sentence": changed(summary="does something"),
    "a number in quotes": changed(memory=512),
    "a negative number": changed(pool=-1),
    "an unknown database role": changed(database_role="root"),
    "an unknown secret": changed(secrets=["SIGNING_KEY_FILE"]),
    "a secret twice": changed(secrets=["INDEX_KEY_FILE", "INDEX_KEY_FILE"]),
    "an unknown secret to rotate": changed(rotates=["SIGNING_KEY_FILE"]),
    "a role that is none": changed(roles=["datastore.user"]),
    "a number in the environment": changed(environment={"POOL": 4}),
    "a name that is no folder": {**MANIFEST, "functions": {"new-one": FUNCTIONS["jwks"]}},
    "a name too long for a service account": {**MANIFEST, "functions": {"n" * 28: FUNCTIONS["jwks"]}},
    "a name too short for a service account": {**MANIFEST, "functions": {"me": FUNCTIONS["jwks"]}},
    "the suite's own name": {**MANIFEST, "functions": {"suite": FUNCTIONS["jwks"]}},
    "a variable that Cloud Run sets": changed(environment={"K_SERVICE": "x"}),
    "a python that is none": at_top(python="3"),
}


@pytest.mark.parametrize("manifest", REFUSED.values(), ids=REFUSED.keys())
def test_the_schema_refuses(manifest: dict[str, Any]) -> None:
    assert errors(changed()) == []
    assert errors(manifest)


@every_function
def test_secrets_are_settings(name: str) -> None:
    fields = {field.upper() for field in Settings.__dataclass_fields__}
    for secret in FUNCTIONS[name].get("secrets", []):
        assert secret in fields


@every_function
def test_who_has_a_pool_has_a_role_and_the_other_way_round(name: str) -> None:
    entry = FUNCTIONS[name]
    assert ("database_role" in entry) == (entry.get("pool", MANIFEST["defaults"]["pool"]) > 0)


@every_function
def test_no_function_may_do_everything(name: str) -> None:
    broad = re.compile(r"roles/(owner|editor|viewer)|\.admin$")
    granted = [role for role in FUNCTIONS[name].get("roles", []) if broad.search(role)]
    assert set(granted) <= {"roles/firebaseauth.admin"}


def test_files_stay_small() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files(ROOT / "common")}
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count >= LINES} == {}
