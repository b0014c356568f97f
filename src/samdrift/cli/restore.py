"""Back from an archive."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import click

from samdrift.cli.context import Context, pass_context
from samdrift.cli.progress import progress_bar


@click.command("restore")
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was restored as JSON.")
@pass_context
def command(context: Context, archive: Path, folder: Path, as_json: bool) -> None:  # noqa: FBT001
    """Restore ARCHIVE into the empty folder FOLDER. Then run `samdrift check` with SAMDRIFT_DATA set to it.

    An archive from PostgreSQL is restored to the empty database that SAMDRIFT_DATABASE_URL names.
    """
    from samdrift.cli.archive import restore_archive

    with progress_bar("Restoring") as progress:
        restored = restore_archive(
            archive=archive, data=folder.resolve(), database_url=context.settings.database_url, progress=progress
        )
    if as_json:
        click.echo(json.dumps(attrs.asdict(restored), default=str))
    else:
        click.echo(
            f"{restored.files} files as of {restored.taken_at} in {folder}. Now: SAMDRIFT_DATA={folder} samdrift check"
        )
