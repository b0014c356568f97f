"""Log sources from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import click

from samdrift.cli.acting import acting_as, as_json_option, as_options, print_rows
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
CREDENTIAL_COLUMNS = ("source_name", "kind", "hint", "issued_at", "revoked_at", "source", "id")
NONE = "none"


@click.group("source")
def command() -> None:
    """List, register, change and close log sources."""


@command.command("list")
@as_options
@click.option("--credentials", is_flag=True, help="Their credentials (never the secrets), for an administrator.")
@as_json_option
@pass_context
def list_sources(context: Context, email: str, organisation: str, credentials: bool, as_json: bool) -> None:  # noqa: FBT001
    """List the sources that a person may see, with their state."""
    purpose = Purpose.ADMINISTRATION if credentials else Purpose.WATCH
    with acting_as(context, email=email, organisation=organisation, purpose=purpose) as asking:
        from samdrift.soc import queries

        found: Sequence[object] = queries.credentials() if credentials else queries.sources(at=asking.at).rows
    print_rows(found, as_json=as_json, columns=CREDENTIAL_COLUMNS if credentials else COLUMNS)


@command.command("register")
@click.argument("name")
@as_options
@click.option("--type", "source_type", default="auto", show_default=True, help="The normaliser, or auto.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Plain syslog from here is this source's.")
@click.option("--host", "hosts", multiple=True, metavar="GLOB", help="Of them, only lines of such hosts.")
@click.option("--subscription", type=click.UUID, help="The subscribed service it belongs to; its unit gets the cases.")
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
    hosts: tuple[str, ...],
    subscription: UUID | None,
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
            hosts=hosts,
            subscription=subscription,
            timezone=timezone,
            with_token=with_token,
            at=asking.at,
        )
    click.echo(f"source {made.source}")
    if made.token:
        click.echo(f"token {made.token}  (shown this once)")


@command.command("set")
@click.argument("source", type=click.UUID)
@as_options
@click.option("--subscription", metavar="ID", help="The subscribed service it belongs to, or none.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="In place of those there are; or none.")
@click.option("--host", "hosts", multiple=True, metavar="GLOB", help="In place of those there are; or none.")
@click.option("--on/--off", "enabled", default=None, help="Take its lines, or refuse them at the door.")
@click.option("--reason", default="", help="Why it is turned on or off; it is written to the audit chain.")
@pass_context
def set_source(
    context: Context,
    source: UUID,
    email: str,
    organisation: str,
    subscription: str | None,
    networks: tuple[str, ...],
    hosts: tuple[str, ...],
    enabled: bool | None,  # noqa: FBT001 - click passes by name
    reason: str,
) -> None:
    """Change what is given of a source (its id); the rest stays. The doors know within two seconds."""
    if subscription is None and not networks and not hosts and enabled is None:
        raise click.UsageError("say what to change: --subscription, --network, --host, --on or --off")
    if enabled is not None and not reason:
        raise click.UsageError("say why with --reason")
    bought = _id(subscription)
    with acting_as(context, email=email, organisation=organisation, purpose=Purpose.ADMINISTRATION) as asking:
        from django.db import transaction

        from samdrift.soc import operations

        with transaction.atomic():
            if subscription is not None:
                operations.set_subscription(source=source, subscription=bought, at=asking.at)
            if networks or hosts:
                operations.set_networks(source=source, networks=_given(networks), hosts=_given(hosts), at=asking.at)
            if enabled is not None:
                operations.set_enabled(source=source, enabled=enabled, reason=reason, at=asking.at)
    click.echo("set")


def _given(texts: tuple[str, ...]) -> Sequence[str] | None:
    """Return what replaces what there is; None leaves it."""
    return [text for text in texts if text != NONE] if texts else None


def _id(text: str | None) -> UUID | None:
    if text is None or text == NONE:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no id; `samdrift service list` has them", param_hint="--subscription"
        ) from error


@command.command("rotate")
@click.argument("source", type=click.UUID)
@as_options
@pass_context
def rotate(context: Context, source: UUID, email: str, organisation: str) -> None:
    """Make a new token for a source (its id) and revoke the others at once."""
    with acting_as(context, email=email, organisation=organisation, purpose=Purpose.ADMINISTRATION) as asking:
        from samdrift.soc import operations

        issued = operations.rotate_token(source=source, at=asking.at)
    click.echo(f"token {issued.token}  (shown this once)")


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
