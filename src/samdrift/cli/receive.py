"""The log doors: syslog over TCP, TLS and UDP, and Elasticsearch `_bulk`. No Django here."""

from __future__ import annotations

import sys

import attrs
import click

from samdrift.cli.context import Context, pass_context
from samdrift.cli.processes import stopped_by_signals

# A demo is left running on somebody's laptop, and nobody re-sends to it after a restart: it keeps little.
DEMO_SEGMENT_BYTES, DEMO_TRIM_GRACE_S = 4 << 20, 60.0


@click.command("receive")
@pass_context
def command(context: Context) -> None:
    """Open the log doors and keep what comes in the journal. Ctrl-C stops it."""
    from samdrift_logs.journal import JournalLimits
    from samdrift_logs.runner.receive import ReceivePorts, ReceiveSettings, run_receiver

    settings = context.settings
    limits = JournalLimits()
    if settings.demo:
        limits = attrs.evolve(limits, segment_bytes=DEMO_SEGMENT_BYTES, trim_grace_s=DEMO_TRIM_GRACE_S)
    doors = ReceiveSettings(
        data=settings.data,
        host=settings.doors_host,
        bulk_port=settings.bulk_port,
        syslog_tcp_port=settings.syslog_tcp_port,
        syslog_udp_port=settings.syslog_udp_port,
        syslog_tls_port=settings.syslog_tls_port if settings.tls_certificate else None,
        tls_certificate=settings.tls_certificate,
        tls_key=settings.tls_key,
        tls_authorities=settings.tls_client_ca,
        limits=limits,
    )

    def say(ports: ReceivePorts) -> None:
        opened = ", ".join(f"{door} {port}" for door, port in attrs.asdict(ports).items() if port is not None)
        sys.stdout.write(f"doors open on {settings.doors_host}: {opened}\n")
        sys.stdout.flush()

    with stopped_by_signals() as stop:
        run_receiver(doors, stop, on_ready=say)
