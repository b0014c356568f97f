"""Facts that a process could not act on, from the command line."""

from __future__ import annotations

from uuid import UUID

import click

from samdrift.cli.acting import as_json_option, as_operator, print_rows
from samdrift.cli.context import Context, pass_context


@click.group("facts")
def command() -> None:
    """Find deliveries of facts that are dead, and try them again. For whoever runs the machine; audited."""


@command.command("list")
@as_json_option
@pass_context
def list_dead(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """List the dead deliveries: tried again and again for about ten minutes, and given up."""
    with as_operator(context, reason="list dead facts from the command line"):
        from samdrift.foundation import outbox

        found = outbox.dead()
    print_rows(found, as_json=as_json, columns=("at", "fact", "handler", "error", "id"))


@command.command("revive")
@click.argument("delivery", type=click.UUID)
@pass_context
def revive(context: Context, delivery: UUID) -> None:
    """Try a dead delivery again, from the first attempt. `samdrift tasks` does so within a second."""
    with as_operator(context, reason="revive a fact from the command line") as at:
        from samdrift.foundation import outbox

        outbox.revive(delivery=delivery, now=at)
    click.echo("will be tried again")
