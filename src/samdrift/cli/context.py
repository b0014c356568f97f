"""What the entry point hands to every command: settings on demand, Django on demand, where content lies."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Protocol

import attrs
import click

from samdrift_logs.errors import InputRefused


class InstalledSettings(Protocol):
    """The settings that commands read. `samdrift.config.settings.Settings` is the one implementation."""

    @property
    def data(self) -> Path: ...
    @property
    def demo(self) -> bool: ...
    @property
    def database_url(self) -> str: ...
    @property
    def web_host(self) -> str: ...
    @property
    def web_port(self) -> int: ...
    @property
    def doors_host(self) -> str: ...
    @property
    def bulk_port(self) -> int: ...
    @property
    def syslog_tcp_port(self) -> int: ...
    @property
    def syslog_udp_port(self) -> int: ...
    @property
    def syslog_tls_port(self) -> int: ...
    @property
    def tls_certificate(self) -> Path | None: ...
    @property
    def tls_key(self) -> Path | None: ...
    @property
    def tls_client_ca(self) -> Path | None: ...
    @property
    def rules(self) -> tuple[Path, ...]: ...


@attrs.define(slots=False)
class Context:
    """Handed to commands as click's `obj`."""

    read_settings: Callable[[], InstalledSettings]
    start_django: Callable[[], None]
    content: Path

    @cached_property
    def settings(self) -> InstalledSettings:
        """The settings, read on first use: `--help` and `scan` need none. A wrong one is a wrong command line."""
        try:
            return self.read_settings()
        except InputRefused as error:
            raise click.UsageError(str(error)) from error


pass_context = click.make_pass_decorator(Context)
