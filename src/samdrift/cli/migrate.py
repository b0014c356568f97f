"""Bring the database to this version's shape."""

from __future__ import annotations

import click

from samdrift.cli.context import Context, pass_context


def migrate_database(context: Context, *, verbosity: int = 0) -> None:
    """Apply migrations. Raises ClickException with what to do when the database cannot be read."""
    context.settings.data.mkdir(parents=True, exist_ok=True)
    context.start_django()
    from django.core.management import call_command
    from django.db import DatabaseError

    try:
        call_command("migrate", interactive=False, verbosity=verbosity)
        call_command("createcachetable", verbosity=0)
    except DatabaseError as error:
        raise click.ClickException(
            f"the database {context.settings.database_url.split('@')[-1]} cannot be used: {error}. If the file is "
            "damaged, restore the newest backup with `samdrift restore` into an empty folder."
        ) from error


@click.command("migrate")
@pass_context
def command(context: Context) -> None:
    """Bring the database to this version's shape."""
    migrate_database(context, verbosity=1)
