"""The mail that carries a sign-in link: through SMTP where SMTP_URL_FILE is set, by Identity Toolkit's own mail otherwise."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from common.clock import remaining
from common.errors import DeadlineExceeded, Unavailable
from common.identity import Address
from common.settings import Settings, SettingsError, read_secret

if TYPE_CHECKING:
    from common.storage.auth import FirebaseUsers

_AT_MOST = 10.0
_POLICY = SMTP.clone(max_line_length=998)  # RFC 5322, section 2.1.1: a link is never folded
_PORTS = {"smtp": 25, "smtps": 465}
_SUBJECT = "Your sign-in link for Sealpost"
_TEXT = """\
Follow this link to sign in to Sealpost. It works once, and only for a short time:

{link}

The page shows a code; copy it into the app or the terminal that asked for it,
or paste the whole link there.

You did not ask for this? Then somebody mistyped an address. Nothing happens
unless the link is used: delete this mail, and pass the link to nobody.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    host: str
    port: int
    tls: bool
    """TLS from the first byte (smtps, RFC 8314)."""
    starttls: bool
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def from_url(cls, url: str) -> "SmtpServer":
        """`smtp://[user:password@]host[:port][?starttls]` or `smtps://...`.

        Raises:
            SettingsError: the URL cannot be. The message does not repeat it.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        starttls = options.pop("starttls", None) is not None
        try:
            port = parts.port
        except ValueError:
            raise SettingsError("The port in the SMTP URL is not a number.") from None
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in {"", "/"} or options:
            raise SettingsError(
                "The SMTP URL must read smtp://[user:password@]host[:port][?starttls] or smtps://..."
            )
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            starttls=starttls and parts.scheme == "smtp",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpMailer:
    """One connection a mail, in a thread: signing up is rare, and a kept connection would have to be watched."""

    server: SmtpServer
    sender: str

    async def send_link(self, address: Address, link: str) -> None:
        seconds = remaining(_AT_MOST)
        message = self._compose(address, link)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.to_thread(self._send, message, seconds)
        except TimeoutError:
            raise DeadlineExceeded("The mail server took too long.") from None
        except (OSError, smtplib.SMTPException):
            # Their texts quote the address, and sometimes the mail.
            raise Unavailable("The mail server did not take the mail.") from None

    def _compose(self, address: Address, link: str) -> EmailMessage:
        message = EmailMessage(policy=_POLICY)
        message["From"] = self.sender
        message["To"] = address.text
        message["Subject"] = _SUBJECT
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=parseaddr(self.sender)[1].partition("@")[2] or "localhost")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(_TEXT.format(link=link), cte="7bit")
        return message

    def _send(self, message: EmailMessage, seconds: float) -> None:
        server = self.server
        context = ssl.create_default_context() if server.tls or server.starttls else None
        connection = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=context)
            if server.tls
            else smtplib.SMTP(server.host, server.port, timeout=seconds)
        )
        with connection:
            if server.starttls:
                connection.starttls(context=context)
            if server.user is not None:
                connection.login(server.user, server.password or "")
            connection.send_message(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityToolkitMailer:
    """Google's own mail by its own template. It carries a link of its own making, so the one at hand stays unused."""

    users: "FirebaseUsers"

    async def send_link(self, address: Address, link: str) -> None:
        page, _, _ = link.partition("#")
        await self.users.mail_link(address, page)


def mailer_of(settings: Settings, users: "FirebaseUsers") -> SmtpMailer | IdentityToolkitMailer:
    """Raises SettingsError: the file of SMTP_URL_FILE cannot be read, or does not hold the URL of a mail server."""
    if settings.smtp_url_file is None:
        return IdentityToolkitMailer(users=users)
    return SmtpMailer(
        server=SmtpServer.from_url(read_secret(settings.smtp_url_file)), sender=settings.mail_from
    )
