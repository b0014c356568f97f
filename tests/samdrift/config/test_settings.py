"""Settings: read once, typed, with a safe default or a refusal that names the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdrift.config.settings import Mode, SettingRefused, database, mail, read_settings

LONG_KEY = "k" * 60


def test_defaults_are_safe(tmp_path: Path) -> None:
    settings = read_settings({"SAMDRIFT_DATA": str(tmp_path)})

    assert settings.mode is Mode.LOCAL
    assert settings.web_host == settings.doors_host == "127.0.0.1"
    assert settings.database_url == f"sqlite:///{tmp_path / 'samdrift.sqlite3'}"


def test_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = read_settings({"SAMDRIFT_DATA": str(tmp_path)}).secret_key
    second = read_settings({"SAMDRIFT_DATA": str(tmp_path)}).secret_key

    assert first == second
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0
    assert first not in repr(read_settings({"SAMDRIFT_DATA": str(tmp_path)}))


def test_secret_key_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(LONG_KEY + "\n")

    settings = read_settings({"SAMDRIFT_DATA": str(tmp_path), "SAMDRIFT_SECRET_KEY_FILE": str(tmp_path / "key")})

    assert settings.secret_key == LONG_KEY


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SAMDRIFT_MODE": "prod"}, "SAMDRIFT_MODE"),
        ({"SAMDRIFT_MODE": "production"}, "SAMDRIFT_SECRET_KEY"),
        ({"SAMDRIFT_MODE": "production", "SAMDRIFT_SECRET_KEY": LONG_KEY}, "SAMDRIFT_ALLOWED_HOSTS"),
        ({"SAMDRIFT_SECRET_KEY": "short"}, "SAMDRIFT_SECRET_KEY"),
        ({"SAMDRIFT_SECRET_KEY_FILE": "/nowhere/at/all"}, "SAMDRIFT_SECRET_KEY_FILE"),
        ({"SAMDRIFT_WEB_PORT": "http"}, "SAMDRIFT_WEB_PORT"),
        ({"SAMDRIFT_WEB_PORT": "70000"}, "SAMDRIFT_WEB_PORT"),
        ({"SAMDRIFT_HTTPS": "yes"}, "SAMDRIFT_HTTPS"),
        ({"SAMDRIFT_TLS_CERTIFICATE": "/nowhere.pem"}, "SAMDRIFT_TLS_CERTIFICATE"),
        ({"SAMDRIFT_DATA": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(environment: dict[str, str], named: str, tmp_path: Path) -> None:
    with pytest.raises(SettingRefused, match=named):
        read_settings({"SAMDRIFT_DATA": str(tmp_path), **environment})


def test_damaged_key_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("")

    with pytest.raises(SettingRefused, match="remove it"):
        read_settings({"SAMDRIFT_DATA": str(tmp_path)})


def test_database_addresses() -> None:
    assert database("sqlite:////srv/samdrift/db.sqlite3")["NAME"] == "/srv/samdrift/db.sqlite3"
    found = database("postgresql://sam:p%40ss@db.example:5433/drift")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "sam",
        "p@ss",
        "db.example",
        "5433",
        "drift",
    )
    with pytest.raises(SettingRefused, match="mysql"):
        database("mysql://x/y")


def test_mail_servers() -> None:
    found = mail("smtp://sam:p%40ss@mail.example")

    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_HOST_PASSWORD"]) == ("mail.example", 587, "p@ss")
    assert found["EMAIL_USE_TLS"] is True
    assert mail("smtps://mail.example")["EMAIL_PORT"] == 465
    assert "filebased" in str(mail("")["EMAIL_BACKEND"])
    with pytest.raises(SettingRefused, match="SAMDRIFT_SMTP_URL"):
        mail("mail.example")
