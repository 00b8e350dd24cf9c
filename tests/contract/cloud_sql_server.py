"""Cloud SQL's Admin API, as far as an export needs it. An instance does one operation at a time."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.contract.google_server import GoogleServer, Reply, Request, error


@dataclass
class Operation:
    context: dict[str, Any]
    status: str = "PENDING"
    errors: list[dict[str, Any]] = field(default_factory=list)


class CloudSqlServer(GoogleServer):
    def __init__(self, project: str, instance: str) -> None:
        super().__init__("sqladmin.v1", self._called)
        self.project, self.instance = project, instance
        self.operations: dict[str, Operation] = {}
        self.busy = False

    def _called(self, request: Request) -> Reply:
        if request.values["project"] != self.project:
            return error(403, "notAuthorized")
        if request.method == "sql.instances.export":
            return self._export(request)
        operation = self.operations.get(request.values["operation"])
        if operation is None:
            return error(404, "operationDoesNotExist")
        return Reply(200, self._resource(request.values["operation"], operation))

    def _export(self, request: Request) -> Reply:
        if request.values["instance"] != self.instance:
            return error(404, "instanceDoesNotExist")
        if self.busy or any(operation.status != "DONE" for operation in self.operations.values()):
            return error(409, "operationInProgress")
        name = f"0f0e-{len(self.operations)}"
        self.operations[name] = Operation(json.loads(request.body)["exportContext"])
        return Reply(200, self._resource(name, self.operations[name]))

    def _resource(self, name: str, operation: Operation) -> dict[str, Any]:
        told: dict[str, Any] = {
            "kind": "sql#operation",
            "name": name,
            "status": operation.status,
            "operationType": "EXPORT",
            "exportContext": operation.context,
        }
        if operation.errors:
            told["error"] = {"kind": "sql#operationErrors", "errors": operation.errors}
        return told
