import secrets
import socket
import threading
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest

from common.accounts.ports import Mailer
from common.clock import deadline
from common.errors import DeadlineExceeded, Unavailable
from common.identity import Address
from common.settings import SettingsError
from common.storage import mail
from common.storage.mail import SmtpMailer, SmtpServer
from scripts.local.stack import Backing
from tests.fakes.accounts import FakeMailer

SENDER = "Sealpost <no-reply@sealpost.example>"
LINK = f"https://sealpost.example/v1/open_link#{'A1-_' * 60}"


def new_address() -> Address:
    return Address(f"{secrets.token_hex(8)}@example.org")


@pytest.fixture
def smtp(backing: Backing) -> SmtpMailer:
    return SmtpMailer(server=SmtpServer.from_url(f"smtp://127.0.0.1:{backing.ports.smtp}"), sender=SENDER)


@pytest.fixture(params=["fake", "real"])
def mailer(request: pytest.FixtureRequest) -> Mailer:
    return FakeMailer() if request.param == "fake" else request.getfixturevalue("smtp")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_link_is_sent(mailer: Mailer) -> None:
    await mailer.send_link(new_address(), LINK)


async def test_the_mail_carries_exactly_the_link(smtp: SmtpMailer, backing: Backing) -> None:
    address = new_address()
    await smtp.send_link(address, LINK)
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{backing.mailbox}/messages.json", params={"to": address.text})
    (mail,) = answer.json()
    assert mail["links"] == [LINK]
    assert LINK in mail["text"].splitlines()
    assert (mail["from"], mail["to"]) == (SENDER, address.text)


def test_it_is_plain_text_that_asks_for_no_automatic_answer(smtp: SmtpMailer) -> None:
    message: EmailMessage = smtp._compose(new_address(), LINK)
    assert message.get_content_type() == "text/plain"
    assert message["Content-Transfer-Encoding"] == "7bit"
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["Message-ID"]).endswith("@sealpost.example>")
    assert LINK.encode() + b"\r\n" in message.as_bytes()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    mailer = SmtpMailer(server=SmtpServer.from_url("smtp://127.0.0.1:1"), sender=SENDER)
    with pytest.raises(Unavailable) as unavailable:
        await mailer.send_link(Address("someone@example.org"), LINK)
    assert "someone" not in str(unavailable.value)
    assert unavailable.value.__suppress_context__


async def test_a_refusal_repeats_neither_address_nor_link() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            connection.sendall(b"554 someone@example.org is not welcome\r\n")
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        mailer = SmtpMailer(
            server=SmtpServer.from_url(f"smtp://127.0.0.1:{server.getsockname()[1]}"), sender=SENDER
        )
        with pytest.raises(Unavailable) as unavailable:
            await mailer.send_link(Address("someone@example.org"), LINK)
        thread.join()
    assert "someone" not in str(unavailable.value)


async def test_a_silent_server_costs_the_deadline_and_no_more(silent_port: int) -> None:
    mailer = SmtpMailer(server=SmtpServer.from_url(f"smtp://127.0.0.1:{silent_port}"), sender=SENDER)
    with pytest.raises(DeadlineExceeded):
        async with deadline(0.3):
            await mailer.send_link(new_address(), LINK)


async def test_a_mail_server_may_take_its_own_time_only(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_AT_MOST", 0.2)
    mailer = SmtpMailer(server=SmtpServer.from_url(f"smtp://127.0.0.1:{silent_port}"), sender=SENDER)
    with pytest.raises(DeadlineExceeded):
        await mailer.send_link(new_address(), LINK)


def test_the_server_is_named_by_a_url() -> None:
    assert SmtpServer.from_url("smtp://mail.example") == SmtpServer(
        host="mail.example", port=25, tls=False, starttls=False
    )
    assert SmtpServer.from_url("smtps://u%40x:p%2Fw@mail.example") == SmtpServer(
        host="mail.example", port=465, tls=True, starttls=False, user="u@x", password="p/w"
    )
    server = SmtpServer.from_url("smtp://u:p@mail.example:587?starttls")
    assert (server.port, server.starttls) == (587, True)
    assert "p@" not in repr(server)
    assert "'p'" not in repr(server)


@pytest.mark.parametrize(
    "url",
    ["mail.example", "http://mail.example", "smtp://u:pw@", "smtp://h:x", "smtp://h/path", "smtp://h?tls"],
)
def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        SmtpServer.from_url(url)
    assert "pw" not in str(refused.value)
