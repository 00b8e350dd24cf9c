from pathlib import Path

import pytest

from common.settings import Settings, SettingsError
from common.storage.auth import FirebaseUsers
from common.storage.mail import IdentityToolkitMailer, SmtpMailer, SmtpServer, mailer_of

ENVIRONMENT = {
    "GOOGLE_CLOUD_PROJECT": "demo-sealpost",
    "SEALPOST_URL": "http://127.0.0.1:8080",
    "MAIL_FROM": "Sealpost <no-reply@sealpost.example>",
}
USERS = FirebaseUsers("demo-sealpost", "", "127.0.0.1:1")


def settings(**more: str) -> Settings:
    return Settings.from_environment(ENVIRONMENT | more)


def test_the_mail_server_stands_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "smtp"
    secret.write_text("smtps://user:word@mail.example:465\n")
    mailer = mailer_of(settings(SMTP_URL_FILE=str(secret)), USERS)
    assert isinstance(mailer, SmtpMailer)
    assert mailer == SmtpMailer(
        server=SmtpServer.from_url("smtps://user:word@mail.example:465"), sender=ENVIRONMENT["MAIL_FROM"]
    )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="missing cannot be read"):
        mailer_of(settings(SMTP_URL_FILE=str(tmp_path / "missing")), USERS)


def test_without_a_mail_server_the_users_own_mail_is_sent() -> None:
    assert mailer_of(settings(), USERS) == IdentityToolkitMailer(users=USERS)


def test_a_secret_in_the_environment_is_not_taken() -> None:
    assert isinstance(mailer_of(settings(SMTP_URL="smtp://mail.example"), USERS), IdentityToolkitMailer)
