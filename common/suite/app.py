"""One ASGI app that mounts every function of the manifest, each made by functions-framework itself."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from functions_framework.aio import create_asgi_app
from starlette.responses import JSONResponse, PlainTextResponse

from common import telemetry
from common.suite.manifest import ROOT, Manifest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEALTH: App = PlainTextResponse("ok\n")
_NOWHERE: App = JSONResponse(
    {"type": "urn:sealpost:problem:not-found", "title": "There is no such thing", "status": 404},
    status_code=404,
    media_type="application/problem+json",
)


class Suite:
    """Sends each request to its function's app, its path unchanged.

    Firestore's calls are taken only beside an emulator, which can carry no identity.
    """

    def __init__(self, root: Path = ROOT) -> None:
        manifest = Manifest.read(root)
        os.environ.update(manifest.environment)
        self._apps: dict[str, App] = {"/health": _HEALTH}
        for function in manifest.functions:
            app = create_asgi_app(
                target=function.name, source=str(function.source), signature_type=function.signature
            )
            if function.route:
                self._apps[function.route] = app
            elif "FIRESTORE_EMULATOR_HOST" in os.environ:
                project = os.environ["GOOGLE_CLOUD_PROJECT"]
                self._apps[f"/functions/projects/{project}/triggers/{function.name}"] = app
        telemetry.configure()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._apps.get(scope["path"], _NOWHERE)(scope, receive, send)
