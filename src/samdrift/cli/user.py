"""People and their roles, from the command line of the machine that Samdrift runs on."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import click

from samdrift.cli.acting import as_json_option, as_operator, day, on_day, print_rows
from samdrift.cli.context import Context, pass_context


@click.group("user")
def command() -> None:
    """Make people and give them roles. For whoever runs the machine; all of it is audited."""


@command.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--organisation", required=True, metavar="NAME", help="The organisation's name or short name.")
@click.option("--role", required=True, help="spoc_agent, second_line_agent, analyst, ciso, administrator …")
@click.option("--team", default="", metavar="NAME", help="The organisation's team that they work in.")
@click.password_option("--password", help="Asked for where it is not given.")
@pass_context
def add(context: Context, email: str, name: str, organisation: str, role: str, team: str, password: str) -> None:
    """Make a person who can log in, with a role in an organisation from today."""
    context.start_django()
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.db import transaction

    from samdrift.federation import operations

    try:
        validate_password(password)
    except ValidationError as error:
        raise click.BadParameter(" ".join(error.messages), param_hint="--password") from error
    with as_operator(context, reason="make a user from the command line") as at, transaction.atomic():
        user = operations.create_user(email=email, name=name, password=password, at=at)
        said = _give_role(user, organisation=organisation, role=role, team=team, at=at)
    click.echo(f"{email} is {said}")


@command.command("role")
@click.argument("email")
@click.option("--organisation", required=True, metavar="NAME", help="The organisation's name or short name.")
@click.option("--role", required=True, help="One more role; the others stay.")
@click.option("--team", default="", metavar="NAME", help="The organisation's team that they work in.")
@pass_context
def role(context: Context, email: str, organisation: str, role: str, team: str) -> None:
    """Give an existing person one more role, there or in another organisation, from today."""
    with as_operator(context, reason="give a role from the command line") as at:
        from samdrift.federation import queries

        person = queries.person_by_email(email=email)
        said = _give_role(person.id, organisation=organisation, role=role, team=team, at=at)
    click.echo(f"{email} is {said}")


@command.command("leave")
@click.argument("membership", type=click.UUID)
@click.option("--reason", required=True, help="Why; it is written to the audit chain.")
@day("--from", help="The first day without.")
@pass_context
def leave(context: Context, membership: UUID, reason: str, chosen_day: dt.datetime | None) -> None:
    """End one role of a person (its id is in `user list`). Sessions and tokens give nothing from then on."""
    with as_operator(context, reason="end a membership from the command line") as at:
        from samdrift.federation import operations

        to_date = on_day(chosen_day, at=at)
        operations.end_membership(membership=membership, to_date=to_date, reason=reason, at=at)
    click.echo("ended")


@command.command("list")
@click.option("--organisation", required=True, metavar="NAME", help="The organisation's name or short name.")
@as_json_option
@pass_context
def list_members(context: Context, organisation: str, as_json: bool) -> None:  # noqa: FBT001
    """List who works in an organisation today, one line a role."""
    with as_operator(context, reason="list members from the command line") as at:
        from samdrift.federation import queries

        found = queries.members(organisation=queries.organisation_named(name=organisation).id, at=at)
    print_rows(found, as_json=as_json, columns=("person.name", "person.email", "role", "team.name", "from_date", "id"))


def _give_role(user: UUID, *, organisation: str, role: str, team: str, at: dt.datetime) -> str:
    from samdrift.federation import boundary, operations, queries
    from samdrift.federation.rules import Role

    if role not in Role.values:
        raise click.BadParameter(f"{role!r} is none; choose {', '.join(Role.values)}", param_hint="--role")
    where = queries.organisation_named(name=organisation)
    operations.add_membership(
        user=user,
        organisation=where.id,
        role=Role(role),
        team=queries.team_named(organisation=where.id, name=team).id if team else None,
        from_date=boundary.local_date(at),
        at=at,
    )
    return f"{Role(role).label} in {where.name}"


@command.command("load-organisations")
@pass_context
def load_organisations(context: Context) -> None:
    """Take up the 98 municipalities and the units of content/organisations, and publish content/catalogue."""
    with as_operator(context, reason="take up the federation") as at:
        from samdrift.catalogue import operations as catalogue
        from samdrift.federation import operations

        loaded = operations.load_organisations(folder=context.content / "organisations", at=at)
        published = catalogue.publish_catalogue(folder=context.content / "catalogue", at=at)
    click.echo(
        f"{loaded.municipalities} municipalities, {loaded.units} units and {loaded.ownerships} ownerships taken up; "
        f"{len(published.published)} service versions published"
    )
