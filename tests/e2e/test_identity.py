"""Who gets in: signing up, codes, squatters, and the life of a session, through the running service."""

import secrets
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from scripts.local.layout import Layout
from scripts.local.processes import Processes
from scripts.local.stack import Backing, Suite
from scripts.local.testbed import start_test_suite
from tests.e2e.device import Device, Service, new_address, new_key, problem
from tests.e2e.proxies import HttpWatch, SmtpWatch, StatementWatch, proxied

OK, ACCEPTED, NO_CONTENT, DENIED = 200, 202, 204, 403
ENDED = (401, "unauthenticated")
INVALID_CODE = (401, "invalid-code")
PASSWORD = "correct horse battery staple"


class Tables:
    """A service's database, looked at from outside."""

    def __init__(self, backing: Backing, database: str) -> None:
        self._backing = backing
        self._database = database

    def run(self, sql: str, **params: Any) -> Any:
        connection = self._backing.postgres.connect(self._database)
        try:
            return connection.run(sql, **params)
        finally:
            connection.close()

    def forget_limits(self) -> None:
        self.run("delete from rate_limits")

    def content(self) -> dict[str, Any]:
        """All rows, but for what counts calls."""
        names = [
            name
            for (name,) in self.run("select tablename from pg_tables where schemaname = 'public'")
            if name != "rate_limits"
        ]
        return {name: self.run(f"select * from {name} as row order by row::text") for name in names}  # noqa: S608


@pytest.fixture(scope="module")
def service(suite: Suite, backing: Backing) -> Service:
    return Service.of(suite, backing)


@pytest.fixture(scope="module")
def tables(suite: Suite, backing: Backing) -> Tables:
    return Tables(backing, suite.database)


@dataclass(frozen=True)
class Observed:
    """A service behind one proxy that it trusts, and all that it asks of its parts."""

    service: Service
    tables: Tables
    log: list[str]

    def sign_up(self, address: str, forwarded_for: str) -> tuple[bytes, list[str]]:
        """The bytes of the answer but for its date and id, and what the service did for it."""
        before = len(self.log)
        raw = post(self.service.url, "sign_up", f'{{"email":"{address}"}}', forwarded_for)
        lines = [
            line for line in raw.split(b"\r\n") if not line.lower().startswith((b"date:", b"x-request-id:"))
        ]
        return b"\r\n".join(lines), self.log[before:]


@pytest.fixture(scope="module")
def observed(
    layout: Layout, processes: Processes, backing: Backing, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Observed]:
    log: list[str] = []
    ports = backing.ports
    with proxied(
        (ports.auth, lambda: HttpWatch(log)),
        (ports.postgres, lambda: StatementWatch(log)),
        (ports.smtp, lambda: SmtpWatch(log)),
    ) as (auth, postgres, smtp):
        mail = tmp_path_factory.mktemp("observed") / "smtp-url"
        mail.write_text(f"smtp://127.0.0.1:{smtp}")
        suite = start_test_suite(
            processes,
            layout,
            backing,
            "observed",
            seen_through=replace(ports, auth=auth, postgres=postgres),
            triggers=False,
            settings={"TRUSTED_PROXIES": "1", "SMTP_URL_FILE": str(mail)},
        )
        yield Observed(Service.of(suite, backing), Tables(backing, suite.database), log)
        processes.stop(suite.child)


@pytest.fixture(autouse=True)
def no_limits_yet(request: pytest.FixtureRequest) -> None:
    """All tests come from one address."""
    for name in ("tables", "observed"):
        if name in request.fixturenames:
            found = request.getfixturevalue(name)
            (found.tables if isinstance(found, Observed) else found).forget_limits()


def post(url: str, function: str, body: str, forwarded_for: str) -> bytes:
    """The answer to a request, byte for byte."""
    parts = urlsplit(url)
    head = (
        f"POST /v1/{function} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"X-Forwarded-For: {forwarded_for}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=30) as connection:
        connection.sendall((head + body).encode())
        with connection.makefile("rb") as answer:
            return answer.read()


def a_network() -> str:
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


class TestSigningUp:
    def test_the_wire_and_the_answer_do_not_tell_who_is_known(self, observed: Observed) -> None:
        new, asked, proved = (new_address() for _ in range(3))
        observed.sign_up(asked, a_network())
        observed.sign_up(proved, a_network())
        Device(observed.service, proved).sign_in(observed.service.code(proved))

        answers, calls = zip(
            *(observed.sign_up(address, a_network()) for address in (new, asked, proved)), strict=True
        )
        assert len(set(answers)) == 1
        assert answers[0].startswith(b"HTTP/1.1 202 ")
        assert answers[0].endswith(b"\r\n\r\n{}")
        assert calls[0] == calls[1] == calls[2]
        kinds = [call.split(" ")[0] for call in calls[0] if not call.startswith("smtp")]
        assert kinds == ["run"] * 2 + ["POST"] * 4, calls[0]
        assert calls[0][-1] == "smtp QUIT"

    def test_a_limited_call_is_answered_alike_and_mails_nothing(self, observed: Observed) -> None:
        address = new_address()
        answers, calls = zip(*(observed.sign_up(address, a_network()) for _ in range(5)), strict=True)
        assert len(set(answers)) == 1
        assert len(observed.service.mails(address)) == 3
        assert [len(one) for one in calls[3:]] == [2, 2]
        assert all(call.startswith("run with swept as") for one in calls[3:] for call in one)

    def test_an_address_gets_ten_mails_a_day(self, observed: Observed) -> None:
        address = new_address()
        for _ in range(4):
            for _ in range(3):
                observed.sign_up(address, a_network())
            observed.tables.run("update rate_limits set window_ends = now() where seconds = 3600")
        assert len(observed.service.mails(address)) == 10

    def test_what_a_caller_writes_before_the_proxys_word_is_of_no_account(self, observed: Observed) -> None:
        name, home = secrets.token_hex(4), "203.0.113"
        for number in range(24):
            observed.sign_up(f"{name}-{number}@example.com", f"{a_network()}, {home}.{number}")
        assert len(observed.service.mails(name)) == 20
        observed.sign_up(f"{name}-elsewhere@example.com", f"{home}.7, {a_network()}")
        assert len(observed.service.mails(f"{name}-elsewhere")) == 1

    def test_without_a_proxy_nothing_that_a_caller_writes_counts(
        self, service: Service, tables: Tables
    ) -> None:
        name = secrets.token_hex(4)
        for number in range(24):
            answer = service.call(
                "sign_up",
                {"email": f"{name}-{number}@example.com"},
                x_forwarded_for=a_network(),
                forwarded=f"for={a_network()}",
            )
            assert (answer.status_code, answer.content) == (ACCEPTED, b"{}")
        assert len(service.mails(name)) == 20
        tables.forget_limits()


class TestNetworks:
    def test_a_network_tries_sixty_codes_an_hour(self, observed: Observed) -> None:
        service, address, key = observed.service, new_address(), new_key()
        observed.sign_up(address, a_network())
        observed.tables.forget_limits()
        home = "198.51.100"

        def enter(code: str, *, forwarded_for: str) -> Any:
            body = {"email": address, "code": code, "device": key.jwk()}
            signed = service.proof(key, "create_session", code)
            return service.call("create_session", body | {"proof": signed}, x_forwarded_for=forwarded_for)

        assert problem(enter("w" * 40, forwarded_for=f"{home}.1")) == INVALID_CODE
        assert observed.tables.run("update rate_limits set calls = 59 returning 1") == [[1]]
        assert problem(enter("w" * 40, forwarded_for=f"{a_network()}, {home}.2")) == INVALID_CODE
        code = service.code(address)
        for _ in range(2):
            limited = enter(code, forwarded_for=f"{a_network()}, {home}.3")
            assert problem(limited) == (429, "rate-limited")
            assert limited.headers["retry-after"] == "3600"
        assert enter(code, forwarded_for=f"{home}.1, {a_network()}").status_code == OK


class TestCodes:
    def test_a_code_that_is_wrong_used_or_anothers_changes_nothing(
        self, service: Service, tables: Tables
    ) -> None:
        alice, bob = Device(service), Device(service)
        for device in (alice, bob):
            service.call("sign_up", {"email": device.address})
        code, bobs = service.code(alice.address), service.code(bob.address)
        alice.sign_in(code)
        before = tables.content(), self._users(service)
        for refused in ("w" * len(code), code, bobs, f"{bobs}w", bobs.swapcase()):
            assert problem(service.new_session(alice.address, refused, alice.key)) == INVALID_CODE
        assert problem(service.new_session(new_address(), bobs, alice.key)) == INVALID_CODE
        assert (tables.content(), self._users(service)) == before
        bob.sign_in(bobs)

    @staticmethod
    def _users(service: Service) -> Any:
        url = f"{service.backing.auth.url}/identitytoolkit.googleapis.com/v1/projects/{service.project}/accounts:batchGet"
        found = service.http.get(
            url, params={"maxResults": "1000"}, headers={"authorization": "Bearer owner"}
        )
        return sorted((user["localId"], user.get("email")) for user in found.json().get("users", []))


@pytest.mark.usefixtures("tables")
class TestSquatters:
    def test_a_password_on_anothers_address_opens_nothing_and_goes(self, service: Service) -> None:
        owner = Device(service)
        login = {"email": owner.address, "password": PASSWORD, "returnSecureToken": True}
        squatter = service.public("accounts:signUp", login).json()
        token = squatter["idToken"]
        assert service.read(token, squatter["localId"]) == DENIED
        assert problem(service.new_session(owner.address, squatter["refreshToken"][:500], new_key()))[0] in {
            400,
            401,
        }
        assert (
            problem(service.call("find_keys", {"accounts": [], "conversations": []}, bearer=token)) == ENDED
        )

        owner.enter()
        assert owner.uid != squatter["localId"]
        assert owner.reads(owner.id_token()) == OK
        assert service.public("accounts:signInWithPassword", login).status_code == 400
        assert {service.read(token, uid) for uid in (owner.uid, squatter["localId"])} == {DENIED}
        assert service.public("accounts:signUp", login).status_code == 400, "the address is taken now"

    @pytest.mark.parametrize("password", [{"password": PASSWORD}, {}], ids=["with a password", "without one"])
    def test_an_account_that_takes_an_address_keeps_its_own_and_gets_no_other(
        self, service: Service, password: dict[str, str]
    ) -> None:
        mallory, owner = Device(service).enter(), Device(service)
        uid, token = mallory.uid, mallory.id_token()
        taken = service.public("accounts:update", {"idToken": token, "email": owner.address, **password})
        assert taken.status_code == OK, taken.text

        assert service.call("sign_up", {"email": owner.address}).status_code == ACCEPTED
        moved = service.public("accounts:update", {"idToken": token, "email": new_address()})
        assert moved.status_code == 400, "nobody who had the address before the owner holds it now"
        owner.sign_in(service.code(owner.address))
        assert owner.uid != uid
        login = {"email": owner.address, "password": PASSWORD}
        assert service.public("accounts:signInWithPassword", login).status_code == 400
        mallory.keep(mallory.refresh())
        again = mallory.id_token()
        assert mallory.uid == uid
        assert (mallory.reads(again), service.read(again, owner.uid)) == (OK, DENIED)

    @pytest.mark.parametrize("deed", ["delete", "password", "move"])
    def test_who_steals_a_code_may_spoil_the_mailbox_user_and_no_account(
        self, service: Service, deed: str
    ) -> None:
        owner = Device(service).enter()
        service.call("sign_up", {"email": owner.address})
        stolen = service.code(owner.address)
        thief = service.public(
            "accounts:signInWithEmailLink", {"email": owner.address, "oobCode": stolen}
        ).json()
        done = {
            "delete": ("accounts:delete", {}),
            "password": ("accounts:update", {"password": PASSWORD}),
            "move": ("accounts:update", {"email": new_address(), "password": PASSWORD}),
        }
        method, body = done[deed]
        assert service.public(method, {"idToken": thief["idToken"], **body}).status_code == OK
        assert service.read(thief["idToken"], owner.uid) == DENIED
        assert problem(service.new_session(owner.address, stolen, new_key())) == INVALID_CODE

        owner.keep(owner.refresh())
        assert owner.reads(owner.id_token()) == OK
        service.call("sign_up", {"email": owner.address})
        again = service.new_session(owner.address, service.code(owner.address), owner.key).json()
        assert (again["uid"], again["head"], again["device"]["state"]) == (owner.uid, owner.head, "active")


@pytest.fixture(scope="module")
def peer(service: Service, tables: Tables) -> Device:
    """Somebody to write to."""
    tables.forget_limits()
    return Device(service).enter()


@dataclass(frozen=True)
class Talk:
    device: Device
    peer: Device
    conversation: str

    def alive(self, id_token: str) -> tuple[int, int]:
        """The status of a send and of a read with the tokens at hand."""
        sent = self.device.send(self.device.message(self.conversation, self.peer))
        return sent.status_code, self.device.reads(id_token)


@pytest.fixture
def talk(service: Service, tables: Tables, peer: Device) -> Talk:
    device = Device(service).enter()
    return Talk(device, peer, device.converse(peer))


class TestSessions:
    def test_the_call_that_rotated_may_be_repeated_sixteen_at_once(self, talk: Talk) -> None:
        device = talk.device
        body = device.renewal()
        with ThreadPoolExecutor(max_workers=16) as pool:
            answers = list(pool.map(device.refresh, [body] * 16))
        assert {answer.status_code for answer in answers} == {OK}
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1
        later = device.refresh(body)
        assert later.json()["refresh_token"] == answers[0].json()["refresh_token"]
        device.keep(later)
        device.keep(device.refresh())
        assert talk.alive(device.id_token()) == (OK, OK)

    @pytest.mark.parametrize("reuse", ["with another proof", "after 30 seconds", "of one rotated long ago"])
    def test_any_other_use_of_a_spent_token_ends_the_session(
        self, talk: Talk, tables: Tables, reuse: str
    ) -> None:
        device = talk.device
        body = device.renewal()
        device.keep(device.refresh(body))
        id_token = device.id_token()
        assert talk.alive(id_token) == (OK, OK)
        if reuse == "after 30 seconds":
            aged = "update sessions set rotated_at = rotated_at - interval '31 seconds' where id = :id returning 1"
            assert tables.run(aged, id=device.session["session_id"]) == [[1]]
        elif reuse == "with another proof":
            body = device.renewal(body["refresh_token"])
        else:
            device.keep(device.refresh())
        assert problem(device.refresh(body)) == ENDED
        assert problem(device.refresh()) == ENDED
        assert talk.alive(id_token) == (401, DENIED)

    def test_who_lacks_the_devices_key_neither_renews_nor_ends_it(self, talk: Talk) -> None:
        device = talk.device
        thief = replace(device, key=new_key(), session=dict(device.session))
        assert problem(thief.refresh()) == (401, "invalid-proof")
        device.keep(device.refresh())
        assert talk.alive(device.id_token()) == (OK, OK)

    def test_an_end_is_seen_by_the_next_send_and_the_next_read_and_other_sessions_go_on(
        self, talk: Talk, service: Service
    ) -> None:
        device = talk.device
        other = replace(device, session={})
        service.call("sign_up", {"email": device.address})
        other.sign_in(service.code(device.address))
        ids, others = device.id_token(), other.id_token()
        assert talk.alive(ids) == (OK, OK)
        ending = {"session_id": device.session["session_id"]}
        assert device.prove("revoke_session", ending).status_code == NO_CONTENT
        assert talk.alive(ids) == (401, DENIED)
        assert problem(device.refresh()) == ENDED
        assert problem(device.prove("revoke_session", ending)) == ENDED
        assert replace(talk, device=other).alive(others) == (OK, OK)
        assert other.prove("revoke_session", ending).status_code == NO_CONTENT, "to repeat it is no error"
