"""Organisations from the command line: who there is, who owns which unit, who needs a second factor."""

from __future__ import annotations

import datetime as dt

import click

from samdrift.cli.acting import as_json_option, as_operator, day, on_day, print_rows
from samdrift.cli.context import Context, pass_context

COLUMNS = ("kind", "short_name", "name", "kommunekode", "mfa_required", "id")


@click.group("organisation")
def command() -> None:
    """List organisations, and say who owns whom. For whoever runs the machine; all of it is audited."""


@command.command("list")
@as_json_option
@pass_context
def list_organisations(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """List every organisation."""
    with as_operator(context, reason="list organisations from the command line"):
        from samdrift.federation import queries

        found = queries.organisations()
    print_rows(found, as_json=as_json, columns=COLUMNS)


@command.command("policy")
@click.argument("organisation")
@click.option("--mfa/--no-mfa", "mfa", required=True, default=None, help="Does everyone there need a second factor?")
@pass_context
def policy(context: Context, organisation: str, mfa: bool) -> None:  # noqa: FBT001
    """Say whether everyone in an organisation needs a second factor."""
    with as_operator(context, reason="set a policy from the command line") as at:
        from samdrift.federation import operations, queries

        where = queries.organisation_named(name=organisation)
        operations.set_policy(organisation=where.id, mfa_required=mfa, at=at)
    click.echo(f"{where.name}: {'a second factor is needed' if mfa else 'no second factor is needed'}")


@command.command("own")
@click.argument("unit")
@click.argument("municipality")
@day("--from", help="The first day.")
@pass_context
def own(context: Context, unit: str, municipality: str, chosen_day: dt.datetime | None) -> None:
    """Let a municipality own a part of a unit, whose watch then sees its logs."""
    with as_operator(context, reason="begin an ownership from the command line") as at:
        from samdrift.federation import operations, queries

        ownership = operations.begin_ownership(
            unit=queries.organisation_named(name=unit).id,
            municipality=queries.organisation_named(name=municipality).id,
            from_date=on_day(chosen_day, at=at),
            at=at,
        )
    click.echo(f"ownership {ownership}")


@command.command("disown")
@click.argument("unit")
@click.argument("municipality")
@click.option("--reason", required=True, help="Why; it is written to the audit chain.")
@day("--from", help="The first day without.")
@pass_context
def disown(context: Context, unit: str, municipality: str, reason: str, chosen_day: dt.datetime | None) -> None:
    """Let an ownership end. The unit's watch no longer sees the municipality's logs."""
    with as_operator(context, reason="end an ownership from the command line") as at:
        from samdrift.federation import operations, queries

        ownership = queries.ownership_between(
            unit=queries.organisation_named(name=unit).id,
            municipality=queries.organisation_named(name=municipality).id,
            at=at,
        )
        operations.end_ownership(ownership=ownership, to_date=on_day(chosen_day, at=at), reason=reason, at=at)
    click.echo("ended")
