"""Commands that read an organisation's data act as a person: `--as` somebody, with that person's Scope and no more."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from samdrift.cli.context import Context
from samdrift.cli.printing import printable

if TYPE_CHECKING:
    from samdrift.federation.rules import Actor
    from samdrift_logs.scope import Purpose, Scope

Command = TypeVar("Command", bound=Callable[..., Any])


def as_options(command: Command) -> Command:
    """Add `--as` and `--for`, which say who asks and for which of their organisations."""
    command = click.option(
        "--for", "organisation", default="", metavar="NAME", help="Which organisation, where they belong to several."
    )(command)
    return click.option("--as", "email", required=True, metavar="EMAIL", help="Who asks.")(command)


@attrs.frozen
class Asking:
    """Who asks, with the Scope that is entered."""

    actor: Actor
    scope: Scope
    at: dt.datetime


@contextlib.contextmanager
def acting_as(context: Context, *, email: str, organisation: str, purpose: Purpose) -> Iterator[Asking]:
    """Start Django, find the person, and enter their Scope. Raises ScopeRefused with the reason."""
    context.start_django()
    from django.utils import timezone

    from samdrift.federation import boundary, queries
    from samdrift.foundation import scoped

    at = timezone.now()
    actor = queries.actor_by_email(email=email, organisation=organisation, at=at)
    scope = boundary.scope_for(actor, purpose, at=at)
    with scoped.entered(scope):
        yield Asking(actor, scope, at)


@contextlib.contextmanager
def as_operator(context: Context, *, reason: str) -> Iterator[dt.datetime]:
    """Start Django and enter the Scope over everyone, as whoever runs the machine. Audited. Yields the time."""
    context.start_django()
    from django.utils import timezone

    from samdrift.federation import boundary
    from samdrift.foundation import scoped

    at = timezone.now()
    with scoped.entered(boundary.everyone(reason=reason, actor="command line", at=at)):
        yield at


def day(name: str, *, help: str) -> Callable[[Command], Command]:
    """Make an option that is a day; a command reads it with `on_day`."""
    return click.option(name, "chosen_day", type=click.DateTime(["%Y-%m-%d"]), help=f"{help} Today where not given.")


def on_day(chosen: dt.datetime | None, *, at: dt.datetime) -> dt.date:
    """Return the day that was given, or the day it is in Denmark."""
    from samdrift.federation import boundary

    return chosen.date() if chosen else boundary.local_date(at)


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_rows(rows: Sequence[object], *, as_json: bool, columns: Sequence[str]) -> None:
    """Print frozen values as a table of `columns` (`person.name` is the name within), or whole as one JSON array."""
    if as_json:
        shown = [attrs.asdict(row) if attrs.has(type(row)) else row for row in rows]  # type: ignore[arg-type]
        click.echo(json.dumps(shown, default=str, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")  # an id that is cut short cannot be used
    for row in rows:
        # Text: what people wrote in brackets is no markup.
        table.add_row(*(Text(printable(_cell(operator.attrgetter(name)(row)))) for name in columns))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S%z")
    return str(value)


def instant(text: str | None, *, now: dt.datetime) -> dt.datetime | None:
    """Read `2026-11-23T14:00+01:00`, or `90m`, `24h`, `7d` for so long ago. Raises BadParameter."""
    if not text:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if text[-1] in units and text[:-1].isdecimal():
        return now - dt.timedelta(**{units[text[-1]]: int(text[:-1])})
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no time; write 2026-11-23T14:00+01:00, or 90m, 24h, 7d ago") from error
    return found if found.tzinfo else found.astimezone()
