"""One consistent archive of a running system."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import click

from samdrift.cli.context import Context, pass_context
from samdrift.cli.progress import progress_bar


@click.command("backup")
@click.argument("archive", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was archived as JSON.")
@pass_context
def command(context: Context, archive: Path, as_json: bool) -> None:  # noqa: FBT001
    """Write everything (database, journal, ledger, lake, keys) to ARCHIVE, while the system runs.

    The archive holds the secret key and every log: keep it as safe as the system itself.
    """
    import datetime as dt

    from samdrift.cli.archive import write_archive

    with progress_bar("Archiving") as progress:
        archived = write_archive(
            data=context.settings.data,
            database_url=context.settings.database_url,
            archive=archive.resolve(),
            at=dt.datetime.now(dt.UTC),
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(attrs.asdict(archived), default=str))
    else:
        click.echo(
            f"{archived.files} files, {archived.size_bytes / 1e6:.1f} MB in {archived.path}; the doors waited "
            f"{archived.silence_s * 1000:.0f} ms"
        )
