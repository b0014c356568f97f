"""Every setting of Samdrift: read from the environment once, typed, frozen, with a safe default or none.

A setting may be given as NAME or, for secrets, as NAME_FILE (a path whose content is the value).
docs/reference/settings.md lists them; a test holds the two equal.
"""

from __future__ import annotations

import contextlib
import enum
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs

from samdrift_logs.errors import InputRefused


class SettingRefused(InputRefused):
    """A setting has a value that cannot be used, or a needed one is missing."""


class Mode(enum.StrEnum):
    """What this installation is for. Production refuses to start on anything it would have to guess."""

    PRODUCTION = "production"
    LOCAL = "local"
    DEMO = "demo"


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of one process."""

    mode: Mode
    data: Path
    database_url: str
    secret_key: str = attrs.field(repr=False)
    allowed_hosts: tuple[str, ...]
    web_host: str
    web_port: int
    doors_host: str
    bulk_port: int
    syslog_tcp_port: int
    syslog_udp_port: int
    syslog_tls_port: int
    tls_certificate: Path | None
    tls_key: Path | None
    tls_client_ca: Path | None
    rules: tuple[Path, ...]
    https: bool
    smtp_url: str
    mail_from: str

    @property
    def demo(self) -> bool:
        """Tell whether every page must say that what happens is invented."""
        return self.mode is Mode.DEMO


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the environment. Raises SettingRefused naming the setting and what to do."""
    mode = _mode(environment)
    data = Path(environment.get("SAMDRIFT_DATA", "data")).expanduser().resolve()
    return Settings(
        mode=mode,
        data=data,
        database_url=environment.get("SAMDRIFT_DATABASE_URL", f"sqlite:///{data / 'samdrift.sqlite3'}"),
        secret_key=_secret_key(environment, mode=mode, data=data),
        allowed_hosts=_hosts(environment, mode=mode),
        web_host=environment.get("SAMDRIFT_WEB_HOST", "127.0.0.1"),
        web_port=_port(environment, "SAMDRIFT_WEB_PORT", default=8000),
        doors_host=environment.get("SAMDRIFT_DOORS_HOST", "127.0.0.1"),
        bulk_port=_port(environment, "SAMDRIFT_BULK_PORT", default=9200),
        syslog_tcp_port=_port(environment, "SAMDRIFT_SYSLOG_TCP_PORT", default=5514),
        syslog_udp_port=_port(environment, "SAMDRIFT_SYSLOG_UDP_PORT", default=5514),
        syslog_tls_port=_port(environment, "SAMDRIFT_SYSLOG_TLS_PORT", default=6514),
        tls_certificate=_path(environment, "SAMDRIFT_TLS_CERTIFICATE"),
        tls_key=_path(environment, "SAMDRIFT_TLS_KEY"),
        tls_client_ca=_path(environment, "SAMDRIFT_TLS_CLIENT_CA"),
        rules=_rules(environment),
        https=_flag(environment, "SAMDRIFT_HTTPS", default=mode is Mode.PRODUCTION),
        smtp_url=environment.get("SAMDRIFT_SMTP_URL", ""),
        mail_from=environment.get("SAMDRIFT_MAIL_FROM", "samdrift@localhost"),
    )


# Where `content/` lies: beside `src/` in a checkout, which is the only way Samdrift is installed today.
CONTENT = Path(__file__).resolve().parents[3] / "content"


def _mode(environment: Mapping[str, str]) -> Mode:
    given = environment.get("SAMDRIFT_MODE", Mode.LOCAL.value)
    try:
        return Mode(given)
    except ValueError:
        raise SettingRefused(f"SAMDRIFT_MODE is {given!r}; say production, local or demo") from None


def _secret(environment: Mapping[str, str], name: str) -> str | None:
    if path := environment.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingRefused(f"{name}_FILE cannot be read: {error}") from error
    return environment.get(name)


def _secret_key(environment: Mapping[str, str], *, mode: Mode, data: Path) -> str:
    given = _secret(environment, "SAMDRIFT_SECRET_KEY")
    if given is not None:
        if len(given) < 50:
            raise SettingRefused("SAMDRIFT_SECRET_KEY is shorter than 50 characters; make a random one")
        return given
    if mode is Mode.PRODUCTION:
        raise SettingRefused("production needs SAMDRIFT_SECRET_KEY or SAMDRIFT_SECRET_KEY_FILE")
    return _kept_secret(data / "secret.key")


def _kept_secret(path: Path) -> str:
    """Read this folder's own key, making it on the first start. Two processes that start together agree on one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            fresh = path.with_name(f"{path.name}.{os.getpid()}")
            with open(fresh, "x", encoding="utf-8", opener=_private) as file:
                file.write(secrets.token_urlsafe(64))
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)  # whole or not at all, and only the first one
            fresh.unlink()
    except OSError as error:
        raise SettingRefused(f"the data folder {path.parent} cannot be written: {error.strerror}") from error
    key = path.read_text(encoding="utf-8")
    if len(key) < 50:
        raise SettingRefused(f"{path} is damaged; remove it and start again (everyone must log in anew)")
    return key


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _hosts(environment: Mapping[str, str], *, mode: Mode) -> tuple[str, ...]:
    given = tuple(host.strip() for host in environment.get("SAMDRIFT_ALLOWED_HOSTS", "").split(",") if host.strip())
    if given:
        return given
    if mode is Mode.PRODUCTION:
        raise SettingRefused("production needs SAMDRIFT_ALLOWED_HOSTS, e.g. samdrift.example.dk")
    return ("localhost", "127.0.0.1", "[::1]")


def _port(environment: Mapping[str, str], name: str, *, default: int) -> int:
    given = environment.get(name, str(default))
    if not given.isdecimal() or not 0 <= int(given) <= 65535:
        raise SettingRefused(f"{name} is {given!r}; give a port from 0 (any free one) to 65535")
    return int(given)


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    given = environment.get(name)
    if not given:
        return None
    path = Path(given).expanduser().resolve()
    if not path.is_file():
        raise SettingRefused(f"{name} is {given}, which is no readable file")
    return path


def _rules(environment: Mapping[str, str]) -> tuple[Path, ...]:
    given = environment.get("SAMDRIFT_RULES")
    if given is None:
        return (CONTENT / "sigma",)
    return tuple(Path(part).expanduser().resolve() for part in given.split(":") if part)


def _flag(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    given = environment.get(name)
    if given is None:
        return default
    if given not in {"0", "1"}:
        raise SettingRefused(f"{name} is {given!r}; say 1 or 0")
    return given == "1"


def database(url: str) -> dict[str, object]:
    """Turn sqlite:///path or postgresql://user:password@host:port/name into Django's form."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path[1:] if parts.path.startswith("//") else parts.path,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
            },
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "samdrift.foundation.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    raise SettingRefused(f"SAMDRIFT_DATABASE_URL begins with {parts.scheme!r}; use sqlite:/// or postgresql://")


def mail(url: str) -> dict[str, object]:
    """Turn smtp://user:password@host:port (STARTTLS) or smtps://… into Django's form; without one, mail is filed."""
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend"}
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise SettingRefused("SAMDRIFT_SMTP_URL is no mail server; write smtp://user:password@host:587 or smtps://host")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp",
        "EMAIL_TIMEOUT": 20,
    }
