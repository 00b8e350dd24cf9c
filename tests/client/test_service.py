"""HTTP: what is repeated and what never is, problems, the clock."""

from collections.abc import Callable
from email.utils import formatdate

import httpx
import pytest

from sealpost.errors import ServiceProblem, ServiceUnavailable, UsageError
from sealpost.service import ATTEMPTS, Service, checked_url
from tests.client.fakes import URL, StillWall, problem

REPEATABLE = [
    "refresh_session",
    "revoke_session",
    "publish_key",
    "find_keys",
    "create_conversation",
    "send_message",
]
Answer = httpx.Response | Exception


class Script:
    """Gives its answers one after another; the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def service(
    script: Callable[[httpx.Request], httpx.Response], warn: Callable[[str], None] | None = None
) -> tuple[Service, StillWall]:
    wall = StillWall()
    return Service(
        URL, transport=httpx.MockTransport(script), wall=wall, on_warning=warn or (lambda _: None)
    ), wall


def ok() -> httpx.Response:
    return httpx.Response(200, json={"done": True})


def test_a_call_is_one_post_of_json_with_the_bearer() -> None:
    script = Script(ok())

    assert service(script)[0].call("find_keys", {"accounts": []}, bearer="token") == {"done": True}

    (request,) = script.requests
    assert (request.method, str(request.url)) == ("POST", f"{URL}/v1/find_keys")
    assert request.content == b'{"accounts":[]}'
    assert request.headers["Authorization"] == "Bearer token"
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("function", REPEATABLE)
@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("gone"),
        problem(503, "unavailable"),
        problem(504, "deadline-exceeded"),
        httpx.Response(503, text="busy"),
    ],
    ids=["refused", "slow", "gone", "503", "504", "plain 503"],
)
def test_what_may_be_repeated_is_repeated_with_growing_pauses(function: str, failure: Answer) -> None:
    script = Script(failure, failure, ok())
    caller, wall = service(script)

    assert caller.call(function, {"a": 1}) == {"done": True}

    assert len({request.content for request in script.requests}) == 1
    first, second = wall.slept
    assert 0.3 < first < 0.7 < second < 1.3


def test_repeating_ends() -> None:
    script = Script(httpx.ConnectError("refused"))
    caller, wall = service(script)

    with pytest.raises(ServiceUnavailable) as failure:
        caller.call("send_message", {})

    assert failure.value.code == "unreachable"
    assert len(script.requests) == ATTEMPTS == len(wall.slept) + 1


@pytest.mark.parametrize("function", ["sign_up", "create_session"])
@pytest.mark.parametrize(
    "failure", [httpx.ReadTimeout("slow"), problem(503, "unavailable")], ids=["slow", "503"]
)
def test_what_has_effects_twice_is_never_repeated(function: str, failure: Answer) -> None:
    script = Script(failure, ok())

    with pytest.raises(ServiceUnavailable):
        service(script)[0].call(function, {})

    assert len(script.requests) == 1


def test_retry_after_is_honoured() -> None:
    caller, wall = service(Script(problem(503, "unavailable", {"Retry-After": "7"}), ok()))

    caller.call("find_keys", {})

    assert wall.slept == [7.0]


def test_a_long_retry_after_is_left_to_the_person() -> None:
    caller, wall = service(Script(problem(503, "unavailable", {"Retry-After": "120"})))

    with pytest.raises(ServiceUnavailable) as busy:
        caller.call("find_keys", {})

    assert busy.value.cure == "Try again in 120 s."
    assert wall.slept == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "unauthenticated"),
        (403, "blocked"),
        (404, "not-found"),
        (409, "device-mismatch"),
        (413, "payload-too-large"),
        (429, "rate-limited"),
    ],
)
def test_a_problem_is_raised_with_its_code_and_members_and_not_repeated(status: int, code: str) -> None:
    script = Script(problem(status, code, detail="Because.", missing=["kid"]))

    with pytest.raises(ServiceProblem) as refused:
        service(script)[0].call("send_message", {})

    assert (refused.value.code, refused.value.status) == (code, status)
    assert str(refused.value) == "the service says: Because."
    assert refused.value.members == {"missing": ["kid"]}
    assert refused.value.cure
    assert len(script.requests) == 1


@pytest.mark.parametrize(("status", "code"), [(400, "invalid-request"), (401, "invalid-code")])
def test_a_detail_for_a_clients_author_is_not_shown_to_a_person(status: int, code: str) -> None:
    script = Script(problem(status, code, detail="The code must match [a-z]{16,512}."))

    with pytest.raises(ServiceProblem) as refused:
        service(script)[0].call("create_session", {})

    assert refused.value.code == code
    assert "[a-z]" not in str(refused.value) + refused.value.cure


def test_an_answer_of_no_sealpost_names_the_cure() -> None:
    for answer in (httpx.Response(404, text="<html>"), httpx.Response(200, text="<html>")):
        with pytest.raises((ServiceProblem, ServiceUnavailable), match="may be no Sealpost") as odd:
            service(Script(answer))[0].call("sign_up", {})

        assert "--service URL" in odd.value.cure


def test_a_service_that_is_down_is_named_in_plain_words() -> None:
    script = Script(httpx.ConnectError("[Errno 111] Connection refused"))

    with pytest.raises(ServiceUnavailable) as down:
        service(script)[0].call("sign_up", {})

    assert str(down.value) == f"{URL} cannot be reached (connection refused)."


def test_a_rate_limit_that_says_when_is_waited_for() -> None:
    caller, wall = service(Script(problem(429, "rate-limited", {"Retry-After": "3"}), ok()))

    caller.call("send_message", {})

    assert wall.slept == [3.0]


def test_a_rate_limit_that_lasts_says_when() -> None:
    with pytest.raises(ServiceProblem) as limited:
        service(Script(problem(429, "rate-limited", {"Retry-After": "9"})))[0].call("send_message", {})

    assert limited.value.cure == "Try again in 9 s."


def test_a_fault_of_the_service_names_the_request_and_nothing_else() -> None:
    with pytest.raises(ServiceUnavailable, match=r"^The service failed\.$") as fault:
        service(Script(problem(500, "internal", detail="ignored")))[0].call("find_keys", {})

    assert fault.value.code == "internal"
    assert "r1" in fault.value.cure


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text="<html>nginx</html>"),
        httpx.Response(400, json={"type": "about:blank"}),
        httpx.Response(400, json=["no", "object"]),
        httpx.Response(302, headers={"Location": "https://evil.example/"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(400, content=b'{"a":' * 100_000),
        httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"Content-Encoding": "gzip"}),
    ],
    ids=[
        "html 404",
        "foreign problem",
        "array",
        "redirect",
        "html 200",
        "array 200",
        "deep",
        "deep 400",
        "no gzip",
    ],
)
def test_an_answer_of_something_else_is_no_answer(answer: httpx.Response) -> None:
    script = Script(answer)

    with pytest.raises((ServiceProblem, ServiceUnavailable)) as odd:
        service(script)[0].call("find_keys", {})

    assert odd.value.code == "bad-answer"
    assert len(script.requests) == 1


def test_no_content_is_an_empty_object() -> None:
    assert service(Script(httpx.Response(204)))[0].call("revoke_session", {}) == {}


def test_an_unforeseen_refusal_names_the_request() -> None:
    with pytest.raises(ServiceProblem) as refused:
        service(Script(problem(400, "invalid-request")))[0].call("find_keys", {})

    assert refused.value.cure.endswith("the request's id: r1")


def test_three_tries_of_a_refresh_fit_into_the_half_minute_in_which_it_is_answered_alike() -> None:
    lost = httpx.ReadTimeout("slow")
    script = Script(lost, lost, ok())
    caller, wall = service(script)

    caller.call("refresh_session", {})

    waited = [request.extensions["timeout"]["read"] for request in script.requests[:2]]
    assert sum(waited) + sum(wall.slept) < 20


@pytest.mark.parametrize("date", ["Mon, 99 Jan 2026 00:00:00 GMT", "soon", ""])
def test_a_date_that_cannot_be_one_is_none(date: str) -> None:
    caller, _ = service(Script(httpx.Response(200, json={}, headers={"Date": date})))

    caller.call("find_keys", {})

    assert caller.offset == 0


class TestClock:
    """The service's Date says how far our clock is off."""

    def answer_dated(self, ahead: float, answer: httpx.Response | None = None) -> httpx.Response:
        answer = answer or ok()
        answer.headers["Date"] = formatdate(StillWall().time() + ahead, usegmt=True)
        return answer

    @pytest.mark.parametrize(("ahead", "warned"), [(0, 0), (100, 0), (-100, 0), (130, 1), (-130, 1)])
    def test_it_warns_above_two_minutes_once(self, ahead: float, warned: int) -> None:
        warnings: list[str] = []
        caller, wall = service(Script(self.answer_dated(ahead)), warnings.append)

        caller.call("find_keys", {})
        caller.call("find_keys", {})

        assert abs(caller.now() - wall.time() - ahead) < 1.5
        assert len(warnings) == warned

    @pytest.mark.parametrize("late", [0, 0.5, 0.9])
    def test_a_clock_that_agrees_is_left_alone(self, late: float) -> None:
        caller, _ = service(Script(self.answer_dated(-late)))

        caller.call("find_keys", {})

        assert caller.offset == 0

    def test_a_clock_that_is_set_back_during_a_call_teaches_nothing(self) -> None:
        caller, wall = service(Script())
        caller._measure_offset(self.answer_dated(0), wall.time() + 3600, wall.time())
        assert caller.offset == 0

    def test_a_proof_made_by_a_wrong_clock_is_made_again_once(self) -> None:
        script = Script(self.answer_dated(300, problem(401, "invalid-proof")), ok())
        caller, _ = service(script)

        caller.call("create_session", lambda: {"iat": int(caller.now())})

        first, second = (int(request.content.decode()[7:-1]) for request in script.requests)
        assert 298 <= second - first <= 302

    def test_a_proof_refused_for_another_reason_is_not(self) -> None:
        script = Script(problem(401, "invalid-proof"))

        with pytest.raises(ServiceProblem):
            service(script)[0].call("create_session", dict)

        assert len(script.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "https://a.example/",
        " https://a.example:8443/x/ ",
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:1",
    ],
)
def test_urls_of_services(url: str) -> None:
    assert checked_url(url) == url.strip().rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "ftp://a.example",
        "https://",
        "https://u:p@a.example",
        "https://a.example?x",
        "https://a.example#x",
        "http://a.example",
        "http://10.0.0.1",
        "https://[",
        "https://a.example:99999",
        "https://a.example:0",
        "https://a.example:x",
        "https://a b.example",
        "https://a.example/\udcff",
    ],
)
def test_what_is_no_url_of_a_service(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        checked_url(url)

    assert refused.value.cure


def test_a_test_network_may_do_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALPOST_ALLOW_HTTP", "1")

    assert checked_url("http://sealpost:8080") == "http://sealpost:8080"
