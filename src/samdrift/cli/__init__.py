"""The command line: parse, call, render. The same operations as the pages and the API."""

from __future__ import annotations

import importlib
import sys

import click

from samdrift_logs.errors import SamdriftError

# name → module that holds a click command called `command`. Loaded on use, so that `samdrift scan` starts quickly.
COMMANDS = {
    "up": "samdrift.cli.up",
    "web": "samdrift.cli.web",
    "receive": "samdrift.cli.receive",
    "work": "samdrift.cli.work",
    "tasks": "samdrift.cli.tasks",
    "demo": "samdrift.cli.demo.command",
    "scan": "samdrift.cli.scan",
    "rules": "samdrift.cli.rules",
    "search": "samdrift.cli.search",
    "ledger": "samdrift.cli.ledger",
    "source": "samdrift.cli.source",
    "organisation": "samdrift.cli.organisation",
    "team": "samdrift.cli.team",
    "user": "samdrift.cli.user",
    "token": "samdrift.cli.token",
    "service": "samdrift.cli.service",
    "facts": "samdrift.cli.facts",
    "check": "samdrift.cli.check",
    "backup": "samdrift.cli.backup",
    "restore": "samdrift.cli.restore",
    "migrate": "samdrift.cli.migrate",
}


class Program(click.Group):
    """A group whose commands are imported when they are used, and whose anticipated errors are one clear line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return found

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SamdriftError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            if _is_of_the_database(error):
                raise click.ClickException(
                    f"the database cannot be used: {error}. Run `samdrift migrate`; then `samdrift check` says more"
                ) from error
            raise


def _is_of_the_database(error: Exception) -> bool:
    """Tell whether Django's database raised it, without importing Django for commands that do not need it."""
    django_db = sys.modules.get("django.db")
    return django_db is not None and isinstance(error, django_db.DatabaseError)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="samdrift", prog_name="samdrift")
def program() -> None:
    """Samdrift: shared it operation, service and security for municipalities and their joint units."""
