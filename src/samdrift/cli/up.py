"""Everything on one machine: starts the four kinds of process, watches them, stops them."""

from __future__ import annotations

import os
import sys

import click

from samdrift.cli.context import Context, InstalledSettings, pass_context
from samdrift.cli.migrate import migrate_database
from samdrift.cli.processes import Program, Supervisor, only_one, require_free, stopped_by_signals


def programs(workers: int, *, commit_interval_s: float = 30.0) -> list[Program]:
    """Return the processes of one machine, in the order in which they start."""
    work = [
        Program(f"work-{number}", ["work", "--name", f"work-{number}", "--commit-interval", str(commit_interval_s)])
        for number in range(1, workers + 1)
    ]
    return [
        Program("receive", ["receive"]),
        *work,
        Program("tasks", ["tasks"]),
        Program("web", ["web"]),
    ]


def listening_ports(settings: InstalledSettings) -> dict[str, tuple[str, int]]:
    """Return the TCP ports that `up` will listen on, by the setting that moves each."""
    ports = {
        "SAMDRIFT_WEB_PORT": (settings.web_host, settings.web_port),
        "SAMDRIFT_BULK_PORT": (settings.doors_host, settings.bulk_port),
        "SAMDRIFT_SYSLOG_TCP_PORT": (settings.doors_host, settings.syslog_tcp_port),
    }
    if settings.tls_certificate:
        ports["SAMDRIFT_SYSLOG_TLS_PORT"] = (settings.doors_host, settings.syslog_tls_port)
    return ports


@click.command("up")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16), help="Processes that read logs.")
@pass_context
def command(context: Context, workers: int) -> None:
    """Start everything on this machine and keep it running. Ctrl-C stops it."""
    settings = context.settings
    with only_one(settings.data):
        require_free(listening_ports(settings))
        migrate_database(context)
        supervisor = Supervisor(programs(workers), environment=os.environ, log_folder=settings.data / "log")
        with stopped_by_signals() as stop:
            supervisor.start()
            sys.stdout.write(
                f"Samdrift runs on http://{settings.web_host}:{settings.web_port}/ (data in {settings.data})\n"
            )
            sys.stdout.flush()
            supervisor.watch(stop)
