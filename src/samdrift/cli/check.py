"""Prove that an installation is whole: database, audit chains, facts, journal, ledger against lake, registry, rules."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from samdrift.cli.context import Context, pass_context
from samdrift_logs.errors import SamdriftError
from samdrift_logs.scope import Purpose

if TYPE_CHECKING:
    from samdrift_logs.scope import Scope


@attrs.frozen
class Checked:
    """One part: what was found, and what is wrong with it (nothing when it is whole)."""

    part: str
    found: str
    faults: Sequence[str]


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def command(context: Context, as_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Check that the installation is whole. Looks only; exit code 1 when anything is wrong.

    Works on a running system: it asks for a moment's silence to compare the ledger with the lake.
    """
    checked = list(_check_all(context))
    if as_json:
        click.echo(json.dumps([attrs.asdict(entry) for entry in checked], ensure_ascii=False))
    else:
        for entry in checked:
            click.echo(f"{'ok ' if not entry.faults else 'BAD'}  {entry.part:<16} {entry.found}")
            for fault in entry.faults:
                click.echo(f"       {fault}")
    if any(entry.faults for entry in checked):
        raise SystemExit(1)


def _check_all(context: Context) -> Iterator[Checked]:
    yield _part("database", lambda: _database(context))
    yield _part("audit chains", _audit_chains)
    yield _part("facts", _facts)
    yield _part("journal", lambda: _journal(context))
    yield _part("ledger and lake", lambda: _ledger_and_lake(context))
    yield _part("log sources", lambda: _sources(context))
    yield _part("rules", lambda: _rules(context))


def _part(name: str, check: Callable[[], Checked]) -> Checked:
    """Run one check; whatever it stumbles over is its fault, and the other parts are still checked."""
    try:
        return check()
    except SamdriftError as error:
        return Checked(name, "cannot be read", [str(error)])
    except Exception as error:  # a door: a damaged file may fail anywhere
        return Checked(name, "cannot be read", [f"{type(error).__name__}: {error}"])


def _database(context: Context) -> Checked:
    data, url = context.settings.data, context.settings.database_url
    if url.startswith("sqlite:") and not Path(url.removeprefix("sqlite:///")).exists():
        return Checked("database", "not there", [f"{data} holds no installation; set SAMDRIFT_DATA to one"])
    context.start_django()
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    faults = []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA integrity_check")
            faults += [row[0] for row in cursor.fetchall() if row[0] != "ok"]
            cursor.execute("PRAGMA foreign_key_check")
            faults += [f"{row[0]} row {row[1]} points to nothing in {row[2]}" for row in cursor.fetchall()]
        executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        faults.append(f"{len(waiting)} migration(s) are not applied; run `samdrift migrate`")
    return Checked("database", connection.vendor, faults)


def _audit_chains() -> Checked:
    from samdrift.federation import queries
    from samdrift.foundation import audit, scoped

    with scoped.entered(_everyone(Purpose.ADMINISTRATION)):
        chains = [audit.INSTALLATION, *(row.id for row in queries.organisations())]
    faults = [
        f"{fault.organisation}: entry {fault.sequence} {fault.what}"
        for chain in chains
        for fault in audit.verify(organisation=chain)
    ]
    return Checked("audit chains", f"{len(chains)} chains", faults)


def _facts() -> Checked:
    from samdrift.foundation import outbox, scoped

    with scoped.entered(_everyone(Purpose.OPERATION)):
        dead = outbox.dead()
    faults = [f"{entry.fact} of {entry.at:%Y-%m-%d %H:%M}Z is dead ({entry.id}): {entry.error}" for entry in dead]
    return Checked("facts", f"{len(dead)} dead deliveries", faults)


def _journal(context: Context) -> Checked:
    from samdrift_logs.journal import Journal

    folder = context.settings.data / "journal"
    if not folder.is_dir():
        return Checked("journal", "empty", [])
    journal, waiting, faults = Journal(folder), 0, []
    for partition in range(journal.partitions):
        reader = journal.reader(partition)
        after = reader.acknowledged
        while records := reader.read(after, 8 << 20):
            waiting += len(records)
            after = records[-1].sequence
        faults += [f"partition {partition}: {damage}" for damage in reader.damages]
        reader.close()
    return Checked("journal", f"{waiting} records wait to be stored", faults)


def _ledger_and_lake(context: Context) -> Checked:
    from samdrift.foundation import scoped
    from samdrift.soc import queries
    from samdrift_logs.journal import Quiet
    from samdrift_logs.lake import Gate, Lake

    lake = Lake(context.settings.data / "lake")
    owners = lake.organisations()
    if not owners:
        return Checked("ledger and lake", "no organisation has tables yet", [])
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    scope = _everyone(Purpose.WATCH).narrowed(owners)
    with Quiet(context.settings.data).held(), scoped.entered(scope):
        sums = queries.ledger_sums(since=dt.datetime(2020, 1, 1, tzinfo=dt.UTC), until=until)
        stored = {entry.organisation: (entry.rows, entry.rejects) for entry in Gate(lake).statistics(scope)}
    faults = [f"{entry.source_name}: {entry.missing} lines are missing" for entry in sums if entry.missing]
    for owner in owners:
        rows, rejects = stored.get(owner, (0, 0))
        counted = [entry for entry in sums if entry.organisation == owner]
        said = (sum(entry.stored for entry in counted), sum(entry.rejected for entry in counted))
        # The lake forgets days past their retention, which the ledger still tells of: it may have fewer, never more.
        if rows > said[0] or rejects > said[1]:
            faults.append(f"{owner}: the lake has {rows} events and {rejects} rejects, the ledger tells of {said}")
    total = sum(rows for rows, _ in stored.values())
    return Checked("ledger and lake", f"{total} events of {len(owners)} organisations", faults)


def _sources(context: Context) -> Checked:
    from samdrift_logs.events.sources import SourceRegistry

    path = context.settings.data / "sources.json"
    if not path.exists():
        return Checked("log sources", "none registered yet", [])
    registry = SourceRegistry.load(path)
    return Checked("log sources", f"{len(registry.sources)} sources, version {registry.version}", registry.conflicts)


def _rules(context: Context) -> Checked:
    from samdrift_logs.detect import load_rules

    loaded = load_rules(context.settings.rules)
    refused = [f"{refusal.file}:{refusal.line}: {refusal.reason}" for refusal in loaded.refused]
    faults = refused if loaded.rules else [*refused, "no rule is loaded: nothing is detected"]
    return Checked("rules", f"{len(loaded.rules)} rules, version {loaded.version[:12]}", faults)


def _everyone(purpose: Purpose) -> Scope:
    from django.utils import timezone

    from samdrift.federation import boundary

    return boundary.everyone(reason="check the installation", actor="command line", at=timezone.now(), purpose=purpose)
