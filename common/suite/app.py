"""One ASGI app that mounts every function of the manifest, each made by functions-framework itself."""

import os
from pathlib import Path
from typing import NamedTuple

from functions_framework.aio import create_asgi_app

from common import telemetry
from common.errors import NotFound
from common.http.edge import HEALTH, METHODS, healthy, refuse
from common.http.problems import method_not_allowed
from common.services import compose
from common.suite.events import App, Identified, Receive, Scope, Send
from common.suite.manifest import ROOT, Manifest
from common.suite.protocol import NAME

_GET = ("GET", "HEAD")


class _Place(NamedTuple):
    name: str
    app: App
    allow: tuple[str, ...]
    passed_on: frozenset[str] = METHODS
    """The methods that the app answers by itself, if only by a refusal."""


_HEALTH = _Place(NAME, healthy(), _GET, frozenset(_GET))


class Suite:
    """Sends each request to its function's app, its path unchanged.

    Firestore's calls carry an identity (EVENTS_ACCOUNT says whose), and only an emulator's need none.
    """

    def __init__(self, root: Path = ROOT) -> None:
        manifest = Manifest.read(root)
        os.environ.update(manifest.environment)
        self._places = {HEALTH: _HEALTH}
        for function in manifest.functions:
            app = create_asgi_app(target=function.name, source=str(function.source), signature_type="http")
            place = _Place(function.name, app, _GET if function.method == "GET" else (function.method,))
            if function.route:
                self._places[function.route] = place
            elif os.environ.get("EVENTS_ACCOUNT") and (verify := compose().event_caller()):
                known = Identified(function.name, app, verify)
                self._places[f"/events/{function.name}"] = place._replace(app=known)
            elif "FIRESTORE_EMULATOR_HOST" in os.environ:
                project = os.environ["GOOGLE_CLOUD_PROJECT"]
                self._places[f"/functions/projects/{project}/triggers/{function.name}"] = place
        telemetry.configure()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope["method"], scope["path"])(scope, receive, send)

    def _app(self, method: str, path: str) -> App:
        """What answers. functions-framework would refuse some methods by itself, in plain text and without a log line."""
        place = self._places.get(path)
        if place is None:
            return refuse(NAME, method, NotFound("There is nothing at this path."))
        if method not in place.passed_on:
            return refuse(place.name, method, method_not_allowed(place.allow))
        return place.app
