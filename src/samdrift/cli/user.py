"""The first people and organisations of an installation, from the command line of its machine."""

from __future__ import annotations

import datetime as dt

import click

from samdrift.cli.context import Context, pass_context


@click.group("user")
def command() -> None:
    """Make people and give them a role. For whoever runs the machine; all of it is audited."""


@command.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--organisation", required=True, metavar="NAME", help="The organisation's name or short name.")
@click.option("--role", required=True, help="spoc_agent, second_line_agent, analyst, ciso, administrator …")
@click.password_option("--password", help="Asked for where it is not given.")
@pass_context
def add(context: Context, email: str, name: str, organisation: str, role: str, password: str) -> None:
    """Make a person who can log in, with a role in an organisation from today."""
    context.start_django()
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.utils import timezone

    from samdrift.federation import boundary, operations, queries
    from samdrift.federation.rules import Role
    from samdrift.foundation import scoped

    if role not in Role.values:
        raise click.BadParameter(f"{role!r} is none; choose {', '.join(Role.values)}", param_hint="--role")
    try:
        validate_password(password)
    except ValidationError as error:
        raise click.BadParameter(" ".join(error.messages), param_hint="--password") from error
    at = timezone.now()
    scope = boundary.everyone(reason="make a user from the command line", actor="command line", at=at)
    with scoped.entered(scope):
        where = queries.organisation_named(name=organisation)
        user = operations.create_user(email=email, name=name, password=password, at=at)
        operations.add_membership(
            user=user, organisation=where.id, role=Role(role), from_date=boundary.local_date(at), at=at
        )
    click.echo(f"{email} is {Role(role).label} in {where.name}")


@command.command("load-organisations")
@pass_context
def load_organisations(context: Context) -> None:
    """Take up the 98 municipalities and the units of content/organisations, and publish content/catalogue."""
    context.start_django()
    from django.utils import timezone

    from samdrift.catalogue import operations as catalogue
    from samdrift.federation import boundary, operations
    from samdrift.foundation import scoped

    at: dt.datetime = timezone.now()
    scope = boundary.everyone(reason="take up the federation", actor="command line", at=at)
    with scoped.entered(scope):
        loaded = operations.load_organisations(folder=context.content / "organisations", at=at)
        published = catalogue.publish_catalogue(folder=context.content / "catalogue", at=at)
    click.echo(
        f"{loaded.municipalities} municipalities, {loaded.units} units and {loaded.ownerships} ownerships taken up; "
        f"{len(published.published)} service versions published"
    )
