"""The worker: journal → normalise → detect → lake, alerts to the platform at once."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from samdrift.cli.context import Context, pass_context
from samdrift.cli.processes import stopped_by_signals

if TYPE_CHECKING:
    from samdrift_logs.detect import Alert


@click.command("work")
@click.option(
    "--name", default="work", show_default=True, help="Of its counters; each worker of a machine has its own."
)
@click.option(
    "--commit-interval",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0.5, 600),
    help="Seconds between two commits to the lake.",
)
@pass_context
def command(context: Context, name: str, commit_interval: float) -> None:
    """Work the journal into the lake and give alerts to the platform. Ctrl-C stops it."""
    context.start_django()
    from django.db import close_old_connections
    from django.utils import timezone

    from samdrift.federation import boundary
    from samdrift.foundation import scoped
    from samdrift.soc import operations
    from samdrift_logs.runner.work import Worker, WorkSettings

    scope = boundary.everyone(reason="record the alerts of every organisation", actor=name, at=timezone.now())

    def record(alerts: Sequence[Alert]) -> None:
        close_old_connections()
        with scoped.entered(scope):
            operations.record_alerts(alerts=alerts, at=timezone.now())

    settings = WorkSettings(
        data=context.settings.data,
        rules=context.settings.rules,
        name=name,
        commit_interval_s=commit_interval,
    )
    with stopped_by_signals() as stop:
        worker = Worker(settings, record)
        collect_seldom()
        worker.run(stop)


def collect_seldom() -> None:
    """Let Python's garbage collector leave alone what is there now, rules above all, and look less often at the rest.

    What a batch makes is freed by reference counting. The collector walked the rules and the modules again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
