"""The people of the tests and what they hold, in a project of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rules.rest import Documents, id_token

ROOT = Path(__file__).parents[2]
RULES = (ROOT / "firestore.rules").read_text()


@dataclass(frozen=True, slots=True)
class World:
    owner: Documents
    project: str

    def user(self, who: str) -> Documents:
        """A person by name, or one of the ways to hold no right."""
        project = self.project
        tokens = {
            "ana": id_token(project, "ana", sid="s-ana", device="d"),
            "ana elsewhere": id_token(project, "ana", sid="s-other", device="d"),
            "ben": id_token(project, "ben", sid="s-ben", device="d"),
            "cyd": id_token(project, "cyd", sid="s-cyd", device="d"),
            "dee": id_token(project, "dee", sid="s-dee", device="d"),
            "signed out": None,
            "garbled session": id_token(project, "ana", sid=7),
            "without session": id_token(project, "ana"),
            "run-out session": id_token(project, "ana", sid="s-run-out"),
            "ended session": id_token(project, "ana", sid="s-ended"),
            "foreign session": id_token(project, "ana", sid="s-ben"),
        }
        return Documents(self.owner.http, project, tokens[who])

    async def publish(self, rules: str) -> list[Any]:
        """Make `rules` the project's rules; what the emulator has against them."""
        answer = await self.owner.http.put(
            f"/emulator/v1/projects/{self.project}:securityRules",
            content=json.dumps({"rules": {"files": [{"name": "firestore.rules", "content": rules}]}}),
        )
        answer.raise_for_status()
        issues: list[Any] = answer.json().get("issues", [])
        return issues
