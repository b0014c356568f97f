"""Teams from the command line."""

from __future__ import annotations

import click

from samdrift.cli.acting import as_json_option, as_operator, print_rows
from samdrift.cli.context import Context, pass_context

LINES = ("1st", "2nd", "onsite", "soc")


@click.group("team")
def command() -> None:
    """Make and list teams, which take cases and tickets. For whoever runs the machine; all of it is audited."""


@command.command("add")
@click.argument("name")
@click.option("--organisation", required=True, metavar="NAME", help="The organisation's name or short name.")
@click.option("--line", required=True, type=click.Choice(LINES), help="Which line of support it is.")
@pass_context
def add(context: Context, name: str, organisation: str, line: str) -> None:
    """Make a team. A case opens its ticket at the 2nd line of the unit, and the municipality's 1st line follows it."""
    with as_operator(context, reason="make a team from the command line") as at:
        from samdrift.federation import operations, queries
        from samdrift.federation.rules import Line

        where = queries.organisation_named(name=organisation)
        team = operations.add_team(organisation=where.id, name=name, line=Line(line), at=at)
    click.echo(f"team {team}")


@command.command("list")
@click.option("--organisation", required=True, metavar="NAME", help="The organisation's name or short name.")
@as_json_option
@pass_context
def list_teams(context: Context, organisation: str, as_json: bool) -> None:  # noqa: FBT001
    """List an organisation's teams."""
    with as_operator(context, reason="list teams from the command line"):
        from samdrift.federation import queries

        found = queries.teams(organisation=queries.organisation_named(name=organisation).id)
    print_rows(found, as_json=as_json, columns=("organisation_name", "name", "line", "id"))
