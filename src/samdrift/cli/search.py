"""Search the logs from the command line, as a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
import click

from samdrift.cli.acting import acting_as, as_options, instant
from samdrift.cli.context import Context, pass_context
from samdrift.cli.printing import printable
from samdrift_logs.scope import Purpose

if TYPE_CHECKING:
    from samdrift_logs.search import SearchHit

_WIDEST_LINE = 160  # characters


@click.command("search")
@click.argument("query")
@as_options
@click.option("--since", default="24h", show_default=True, help="A time, or 90m, 24h, 7d ago.")
@click.option("--until", default=None, help="A time; now where nothing is said.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="One event a line.")
@pass_context
def command(
    context: Context,
    query: str,
    email: str,
    organisation: str,
    since: str,
    until: str | None,
    limit: int,
    as_json: bool,  # noqa: FBT001 - click passes by name
) -> None:
    """Search the logs that a person may see. QUERY as on the search page: `host:fs01* AND "vssadmin delete"`.

    Each look is written to the audit chain of every organisation that is searched.
    """
    with acting_as(context, email=email, organisation=organisation, purpose=Purpose.WATCH) as asking:
        from samdrift.soc import queries

        look = queries.open_look(
            query=query,
            since=instant(since, now=asking.at),
            until=instant(until, now=asking.at),
            at=asking.at,
        )
        found = queries.search_logs(look=look, limit=limit)
    for hit in found.hits:
        if as_json:
            shown = {name: value for name, value in attrs.asdict(hit).items() if name != "raw_bytes"}
            click.echo(json.dumps(shown, default=str, ensure_ascii=False))
        else:
            click.echo(_line_of(hit))
    if found.stopped:
        click.echo(f"stopped early: {found.stopped}; narrow the time or the query", err=True)
    elif found.next_cursor:
        click.echo(f"the newest {len(found.hits)} are shown; raise --limit for more", err=True)
    elif not found.hits:
        click.echo("nothing found", err=True)


def _line_of(hit: SearchHit) -> str:
    """Return one event in one line; what the log brought is made printable first."""
    said = hit.message or hit.command_line or hit.raw
    first = said.splitlines()[0][:_WIDEST_LINE] if said else ""
    return f"{hit.at:%Y-%m-%d %H:%M:%S}Z  {printable(hit.host or ''):<20} {printable(first)}"
