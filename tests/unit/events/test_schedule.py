import pytest
from starlette.responses import Response

from common.errors import Unavailable
from common.events import SchedulerEdge, scheduled
from common.http import json
from tests.unit.conftest import Printed
from tests.unit.http.world import client, code, edge, endless


class World:
    def __init__(self) -> None:
        self.runs = 0
        self.asked: list[str] = []
        self.reachable = True

        @scheduled(SchedulerEdge(http=edge(), verify=self.verify))
        async def nightly() -> Response:
            self.runs += 1
            return json({"run": self.runs})

        self.api = client(nightly)

    async def verify(self, token: str) -> bool:
        self.asked.append(token)
        if not self.reachable:
            raise Unavailable("The keys cannot be fetched.")
        return token == "scheduler"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("FUNCTION_SIGNATURE_TYPE", "http")
    return World()


async def test_the_scheduler_may_call(world: World) -> None:
    response = await world.api.post("/v1/nightly", headers={"authorization": "Bearer scheduler"})
    assert (response.status_code, response.json()) == (200, {"run": 1})


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer other", "Basic scheduler", "scheduler"]
)
async def test_nobody_else_may(world: World, printed: Printed, authorization: str) -> None:
    response = await world.api.post("/v1/nightly", headers={"authorization": authorization})
    assert code(response) == "unauthenticated"
    assert world.runs == 0
    assert [line["status"] for line in printed.lines] == [401]


async def test_it_is_posted_to(world: World) -> None:
    response = await world.api.get("/v1/nightly", headers={"authorization": "Bearer scheduler"})
    assert (code(response), response.headers["allow"]) == ("method-not-allowed", "POST")
    assert world.asked == []


async def test_a_body_does_not_matter(world: World) -> None:
    headers = {"authorization": "Bearer scheduler"}
    response = await world.api.post("/v1/nightly", headers=headers, content=endless())
    assert response.status_code == 200


async def test_who_cannot_be_asked_for_is_asked_again(world: World) -> None:
    world.reachable = False
    response = await world.api.post("/v1/nightly", headers={"authorization": "Bearer scheduler"})
    assert (code(response), world.runs) == ("unavailable", 0)
