"""Mail servers that ask for TLS and a password, as those on the internet do."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from common.errors import Unavailable
from common.identity import Address
from common.storage.mail import SmtpMailer, SmtpServer

pytestmark = pytest.mark.filterwarnings(
    "ignore:Requiring AUTH while not requiring TLS:UserWarning"
)  # it began with TLS

HOST = "127.0.0.1"
ADDRESS, LINK = Address("someone@example.org"), "https://sealpost.example/v1/open_link#code"


@dataclass
class Heard:
    """What a mail server was told."""

    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    mails: list[tuple[bool, str]] = field(default_factory=list)
    """Whether it came encrypted, and its text."""

    def authenticate(self, *words: object) -> AuthResult:
        data = words[-1]
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"word", handled=False)

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        encrypted = bool(server.transport and server.transport.get_extra_info("sslcontext"))
        self.mails.append((encrypted, (envelope.original_content or b"").decode()))
        return "250 OK"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, with its key, by an authority that nobody knows: itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + private)
    return file


@pytest.fixture
def heard() -> Heard:
    return Heard()


Serve = Callable[[str], AbstractAsyncContextManager[str]]


@pytest.fixture
def serve(certificate: Path, heard: Heard) -> Serve:
    """Starts a mail server for a URL, whose port is filled in, and which is given back. It takes mail by TLS alone."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    @asynccontextmanager
    async def running(url: str) -> AsyncIterator[str]:
        at_once = context if url.startswith("smtps") else None
        starttls = None if at_once else context

        def connection() -> SMTP:
            return SMTP(
                heard,
                hostname=HOST,
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=True,
                auth_require_tls=starttls is not None,
                authenticator=heard.authenticate,
            )

        server = await asyncio.get_running_loop().create_server(connection, HOST, 0, ssl=at_once)
        async with server:
            yield url.format(port=server.sockets[0].getsockname()[1])

    return running


URLS = ["smtp://u%40x:word@127.0.0.1:{port}?starttls", "smtps://u%40x:word@127.0.0.1:{port}"]


@pytest.mark.parametrize("url", URLS)
async def test_a_mail_and_the_password_travel_encrypted(
    serve: Serve, heard: Heard, url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with serve(url) as at:
        await SmtpMailer(server=SmtpServer.from_url(at), sender="no-reply@sealpost.example").send_link(
            ADDRESS, LINK
        )
    assert heard.logins == [(b"u@x", b"word")]
    ((encrypted, text),) = heard.mails
    assert encrypted
    assert LINK in text


@pytest.mark.parametrize(
    ("url", "trusted"),
    [(url, False) for url in URLS]
    + [(url.replace("word", "guess"), True) for url in URLS]
    + [("smtp://u%40x:word@127.0.0.1:{port}", True)],
)
async def test_who_is_not_known_or_does_not_know_us_gets_no_mail(
    serve: Serve, heard: Heard, url: str, *, trusted: bool, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with serve(url) as at:
        with pytest.raises(Unavailable) as unavailable:
            await SmtpMailer(server=SmtpServer.from_url(at), sender="no-reply@sealpost.example").send_link(
                ADDRESS, LINK
            )
    assert "someone" not in str(unavailable.value)
    assert heard.mails == []
    assert trusted or heard.logins == []
