"""The ledger from the command line: received = stored + rejected + duplicate."""

from __future__ import annotations

import datetime as dt

import click

from samdrift.cli.acting import acting_as, as_options, instant, print_rows
from samdrift.cli.context import Context, pass_context
from samdrift_logs.scope import Purpose

COLUMNS = ("organisation_name", "source_name", "received", "stored", "rejected", "duplicate", "open", "missing")


@click.command("ledger")
@as_options
@click.option("--since", default="24h", show_default=True, help="A time, or 90m, 24h, 7d ago.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def command(context: Context, email: str, organisation: str, since: str, as_json: bool) -> None:  # noqa: FBT001
    """Show what became of every line, per source. Exit code 1 when something does not add up."""
    with acting_as(context, email=email, organisation=organisation, purpose=Purpose.WATCH) as asking:
        from samdrift.soc import queries

        begin = instant(since, now=asking.at) or asking.at - dt.timedelta(days=1)
        sums = queries.ledger_sums(since=begin, until=asking.at + dt.timedelta(minutes=1))
    print_rows(sums, as_json=as_json, columns=COLUMNS)
    if any(entry.missing for entry in sums):
        raise SystemExit(1)
