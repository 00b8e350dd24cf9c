from email.message import EmailMessage
from pathlib import Path

from scripts.local.mailbox import Mailbox, page


def mail(to: str, text: str, subject: str = "Your link") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "no-reply@example.com", to, subject
    message.set_content(text)
    return message.as_bytes()


def test_mails_are_listed_in_the_order_of_their_arrival_with_their_links(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    mailbox.keep(mail("ada@example.com", "Follow http://127.0.0.1:1/v1/open_link#abc_-1\nit works once."))
    mailbox.keep(mail("bob@example.com", "Hello"))
    mailbox.keep(mail("ada@example.com", "Newer: http://127.0.0.1:1/v1/open_link#def"))
    assert [found["number"] for found in mailbox.mails()] == [1, 2, 3]
    first, second = mailbox.mails("ADA@example.com")
    assert first["links"] == ["http://127.0.0.1:1/v1/open_link#abc_-1"]
    assert second["links"] == ["http://127.0.0.1:1/v1/open_link#def"]
    assert b"Hello" in (mailbox.raw(2) or b"")
    assert mailbox.raw(4) is None


def test_a_mailbox_goes_on_where_the_last_run_ended_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    Mailbox(tmp_path).keep(mail("ada@example.com", "one"))
    again = Mailbox(tmp_path)
    again.keep(mail("ada@example.com", "two"))
    assert [found["number"] for found in again.mails()] == [1, 2]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_page_shows_links_and_no_markup_of_the_mail(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    mailbox.keep(
        mail("ada@example.com", "<script>x</script> https://example.com/a?b=1&c=2", subject="<b>bold</b>")
    )
    shown = page(mailbox.mails())
    assert "<script>" not in shown
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert 'href="https://example.com/a?b=1&amp;c=2"' in shown


def test_the_page_says_why_no_mail_comes() -> None:
    foot = page([]).partition("<footer>")[2]
    assert "At most 3 an hour for an address and 20 for this machine" in foot
    assert "./scripts/run --fresh" in foot
