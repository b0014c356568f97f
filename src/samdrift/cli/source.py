"""Log sources from the command line."""

from __future__ import annotations

from uuid import UUID

import click

from samdrift.cli.acting import acting_as, as_options, print_rows
from samdrift.cli.context import Context, pass_context
from samdrift_logs.scope import Purpose

COLUMNS = (
    "organisation_name",
    "name",
    "type",
    "enabled",
    "last_received_at",
    "per_minute",
    "rejected",
    "is_silent",
    "id",
)


@click.group("source")
def command() -> None:
    """List, register and close log sources."""


@command.command("list")
@as_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def list_sources(context: Context, email: str, organisation: str, as_json: bool) -> None:  # noqa: FBT001
    """List the sources that a person may see, with their state."""
    with acting_as(context, email=email, organisation=organisation, purpose=Purpose.WATCH):
        from django.utils import timezone

        from samdrift.soc import queries

        found = queries.sources(at=timezone.now())
    print_rows(found.rows, as_json=as_json, columns=COLUMNS)


@command.command("register")
@click.argument("name")
@as_options
@click.option("--type", "source_type", default="auto", show_default=True, help="The normaliser, or auto.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Plain syslog from here is this source's.")
@click.option("--timezone", default="Europe/Copenhagen", show_default=True, help="Of lines without a zone.")
@click.option("--token", "with_token", is_flag=True, help="Issue a token for the bulk door; it is printed once.")
@pass_context
def register(
    context: Context,
    name: str,
    email: str,
    organisation: str,
    source_type: str,
    networks: tuple[str, ...],
    timezone: str,
    with_token: bool,  # noqa: FBT001 - click passes by name
) -> None:
    """Register a log source of the organisation that a person administers."""
    with acting_as(context, email=email, organisation=organisation, purpose=Purpose.ADMINISTRATION) as asking:
        from samdrift.soc import operations

        made = operations.register_source(
            organisation=asking.actor.organisation_id,
            name=name,
            source_type=source_type,
            networks=networks,
            timezone=timezone,
            with_token=with_token,
            at=asking.at,
        )
    click.echo(f"source {made.source}")
    if made.token:
        click.echo(f"token {made.token}  (shown this once)")


@command.command("revoke")
@click.argument("credential", type=click.UUID)
@as_options
@click.option("--reason", required=True, help="Why; it is written to the audit chain.")
@pass_context
def revoke(context: Context, credential: UUID, email: str, organisation: str, reason: str) -> None:
    """Close a token or certificate. Lines that come with it are refused within two seconds."""
    with acting_as(context, email=email, organisation=organisation, purpose=Purpose.ADMINISTRATION) as asking:
        from samdrift.soc import operations

        operations.revoke_credential(credential=credential, reason=reason, at=asking.at)
    click.echo("revoked")


@command.command("add-certificate")
@click.argument("source", type=click.UUID)
@click.argument("fingerprint")
@as_options
@pass_context
def add_certificate(context: Context, source: UUID, fingerprint: str, email: str, organisation: str) -> None:
    """Let a client certificate (its SHA-256 FINGERPRINT) be a source's, for syslog over TLS."""
    with acting_as(context, email=email, organisation=organisation, purpose=Purpose.ADMINISTRATION) as asking:
        from samdrift.soc import operations

        digest = fingerprint.rpartition("=")[2]  # openssl prints "sha256 Fingerprint=AA:BB:…"
        credential = operations.add_certificate(source=source, sha256=digest, at=asking.at)
    click.echo(f"credential {credential}")
