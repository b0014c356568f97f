"""Tokens of the REST API from the command line.

Whoever holds a token is the person it speaks for. So nobody makes one for somebody else from the pages: it is made by
whoever runs the machine, and audited.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import click

from samdrift.cli.acting import as_json_option, as_operator, print_rows
from samdrift.cli.context import Context, pass_context
from samdrift_logs.scope import Purpose

OF_PEOPLE = [purpose.value for purpose in Purpose if purpose is not Purpose.OPERATION]
COLUMNS = ("person.email", "name", "expires_at", "last_used_at", "revoked_at", "id")


@click.group("token")
def command() -> None:
    """Issue, revoke and list tokens of the REST API. For whoever runs the machine; all of it is audited."""


@command.command("issue")
@click.argument("email")
@click.option("--organisation", required=True, metavar="NAME", help="Where the person is a member.")
@click.option("--name", required=True, help="What the token is for.")
@click.option(
    "--purpose", "purposes", required=True, multiple=True, type=click.Choice(OF_PEOPLE), help="What it opens."
)
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650), help="For how long.")
@pass_context
def issue(context: Context, email: str, organisation: str, name: str, purposes: tuple[str, ...], days: int) -> None:
    """Issue a token that speaks for a person, and never opens more than their roles do. It is printed once."""
    with as_operator(context, reason="issue a token from the command line") as at:
        from samdrift.federation import operations, queries

        issued = operations.issue_token(
            user=queries.person_by_email(email=email).id,
            organisation=queries.organisation_named(name=organisation).id,
            name=name,
            purposes=[Purpose(purpose) for purpose in purposes],
            at=at,
            expires_at=at + dt.timedelta(days=days),
        )
    click.echo(f"id {issued.id}")
    click.echo(f"token {issued.secret}  (shown this once)")


@command.command("revoke")
@click.argument("token", type=click.UUID)
@click.option("--reason", required=True, help="Why; it is written to the audit chain.")
@pass_context
def revoke(context: Context, token: UUID, reason: str) -> None:
    """Make a token (its id) useless at once."""
    with as_operator(context, reason="revoke a token from the command line") as at:
        from samdrift.federation import operations

        operations.revoke_token(token=token, reason=reason, at=at)
    click.echo("revoked")


@command.command("list")
@click.option("--organisation", required=True, metavar="NAME", help="The organisation's name or short name.")
@as_json_option
@pass_context
def list_tokens(context: Context, organisation: str, as_json: bool) -> None:  # noqa: FBT001
    """List an organisation's tokens, the newest first. The secrets are nowhere."""
    with as_operator(context, reason="list tokens from the command line"):
        from samdrift.federation import queries

        found = queries.tokens(organisation=queries.organisation_named(name=organisation).id)
    print_rows(found, as_json=as_json, columns=COLUMNS)
