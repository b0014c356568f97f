"""The one process that acts by the clock: facts, clocks, upkeep. A second one stands by."""

from __future__ import annotations

import contextlib
import fcntl
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from samdrift.cli.context import Context, pass_context
from samdrift.cli.processes import stopped_by_signals

if TYPE_CHECKING:
    from samdrift.processes.schedule import Every
    from samdrift_logs.scope import Scope

ROUND_S = 0.25


@click.command("tasks")
@pass_context
def command(context: Context) -> None:
    """Hand out facts, watch clocks, keep the lake in order. Ctrl-C stops it."""
    context.start_django()
    from django.utils import timezone

    from samdrift.federation import boundary
    from samdrift.processes import schedule

    with stopped_by_signals() as stop, _leading(context.settings.data, stop) as leading:
        if not leading:
            return
        scope = boundary.everyone(reason="act on facts and clocks", actor="tasks", at=timezone.now())
        upkeep = threading.Thread(target=_run, args=(schedule.UPKEEP, scope, stop), name="upkeep")
        upkeep.start()
        _run(schedule.AWAITED, scope, stop)
        upkeep.join()


def _run(lane: Sequence[Every], scope: Scope, stop: threading.Event) -> None:
    """Go round one lane until told to stop."""
    from django.db import close_old_connections
    from django.utils import timezone

    from samdrift.foundation import scoped
    from samdrift.processes.schedule import Rounds

    rounds = Rounds(lane)
    while not stop.wait(ROUND_S):
        close_old_connections()
        with scoped.entered(scope):
            for failed in rounds.run_due(now=timezone.now()):
                sys.stderr.write(f"samdrift tasks: {failed.name} failed and will be tried again\n")
                sys.stderr.write("".join(traceback.format_exception(failed.error)))
                sys.stderr.flush()


@contextlib.contextmanager
def _leading(data: Path, stop: threading.Event) -> Iterator[bool]:
    """Wait until this process is the one that acts. Yields False when told to stop before that."""
    (data / "run").mkdir(parents=True, exist_ok=True)
    with (data / "run" / "tasks.lock").open("a") as file:
        while not stop.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield True
                return
            except BlockingIOError:
                stop.wait(1.0)
        yield False
