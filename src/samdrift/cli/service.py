"""The catalogue from the command line: what a unit offers and a municipality subscribes to."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import click

from samdrift.cli.acting import as_json_option, as_operator, day, on_day, print_rows
from samdrift.cli.context import Context, pass_context

LEVELS = ("bronze", "silver", "gold")
COLUMNS = ("slug", "service.da", "level_class", "unit_name", "municipality_name", "from_date", "to_date", "id")


@click.group("service")
def command() -> None:
    """Offer services and subscribe to them. For whoever runs the machine; all of it is audited."""


@command.command("offer")
@click.argument("slug")
@click.option("--unit", required=True, metavar="NAME", help="Who offers it.")
@click.option(
    "--to", "receivers", multiple=True, metavar="NAME", help="A municipality; all that own the unit, if none."
)
@day("--from", help="The first day.")
@pass_context
def offer(context: Context, slug: str, unit: str, receivers: tuple[str, ...], chosen_day: dt.datetime | None) -> None:
    """Let a unit offer a common service (SLUG, as `service list --common` has it) to municipalities."""
    with as_operator(context, reason="offer a service from the command line") as at:
        from samdrift.catalogue import operations
        from samdrift.federation import queries

        offering_unit = queries.organisation_named(name=unit)
        named = [queries.organisation_named(name=name) for name in receivers]
        municipalities = named or queries.owners_of(unit=offering_unit.id, at=at)
        offering = operations.offer_service(
            unit=offering_unit.id,
            slug=slug,
            municipalities=[municipality.id for municipality in municipalities],
            from_date=on_day(chosen_day, at=at),
            at=at,
        )
    click.echo(f"offering {offering}")


@command.command("subscribe")
@click.argument("slug")
@click.option("--unit", required=True, metavar="NAME", help="Who offers it.")
@click.option("--municipality", required=True, metavar="NAME", help="Who subscribes to it.")
@click.option("--level", required=True, type=click.Choice(LEVELS), help="The level decides the deadlines.")
@click.option("--local-name", default="", help="What the municipality calls it.")
@day("--from", help="The first day.")
@pass_context
def subscribe(
    context: Context,
    slug: str,
    unit: str,
    municipality: str,
    level: str,
    local_name: str,
    chosen_day: dt.datetime | None,
) -> None:
    """Put a municipality's subscription to a service in force. Give its id to the log sources that it covers."""
    with as_operator(context, reason="subscribe to a service from the command line") as at:
        from samdrift.catalogue import operations
        from samdrift.catalogue import queries as catalogue
        from samdrift.federation import queries

        subscription = operations.subscribe(
            municipality=queries.organisation_named(name=municipality).id,
            offering=catalogue.offering_of(unit=queries.organisation_named(name=unit).id, slug=slug),
            level_class=level,
            from_date=on_day(chosen_day, at=at),
            local_name=local_name,
            at=at,
        )
    click.echo(f"subscription {subscription}")


@command.command("end")
@click.argument("subscription", type=click.UUID)
@click.option("--reason", required=True, help="Why; it is written to the audit chain.")
@day("--from", help="The first day without.")
@pass_context
def end(context: Context, subscription: UUID, reason: str, chosen_day: dt.datetime | None) -> None:
    """Let a subscription end."""
    with as_operator(context, reason="end a subscription from the command line") as at:
        from samdrift.catalogue import operations

        to_date = on_day(chosen_day, at=at)
        operations.end_subscription(subscription=subscription, to_date=to_date, reason=reason, at=at)
    click.echo("ended")


@command.command("list")
@click.option("--common", is_flag=True, help="The common services there are, instead of subscriptions.")
@as_json_option
@pass_context
def list_services(context: Context, common: bool, as_json: bool) -> None:  # noqa: FBT001
    """List subscriptions, or the common services that units offer."""
    with as_operator(context, reason="list services from the command line"):
        from samdrift.catalogue import queries

        if common:
            print_rows(queries.services(), as_json=as_json, columns=("slug", "name.da", "family", "version"))
        else:
            print_rows(queries.subscriptions(), as_json=as_json, columns=COLUMNS)
