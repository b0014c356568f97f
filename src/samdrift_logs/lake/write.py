"""Store batches: split by organisation, commit each organisation's part, and answer when it is on the disk.

Redelivery is harmless. Each table's log carries, in the same atomic commit as the rows, up to which journal sequence
of a partition its rows are stored (Delta transaction id `partition-<p>`). A row at or below that is stored already: it
is not written again, and counts as stored. The two tables of an organisation keep separate counts, because a crash may
fall between their commits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

import attrs
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from samdrift_logs.errors import InputRefused, StorageFailed
from samdrift_logs.events import EventBatch, RejectBatch
from samdrift_logs.lake import _storage, layout
from samdrift_logs.lake.store import Lake

SourceKey = tuple[UUID, UUID]


@attrs.frozen(kw_only=True)
class Written:
    """What is durably in the lake after one write. Keys are (organisation, source).

    `stored` and `rejected` count all rows of the batch, those that were stored by an earlier delivery too;
    `already` says how many these were.
    """

    stored: Mapping[SourceKey, int]
    rejected: Mapping[SourceKey, Mapping[str, int]]
    already: int
    commits: int


class OrganisationUnknown(StorageFailed):
    """Rows of organisations that have no tables. Keep them in the journal and write again after onboarding.

    The rows of every other organisation in the batch are stored; `written` counts them.
    """

    def __init__(self, organisations: Sequence[UUID], written: Written) -> None:
        self.organisations = tuple(organisations)
        self.written = written
        names = ", ".join(str(organisation) for organisation in organisations)
        super().__init__(
            f"no tables in the lake for {names}; onboard them (this creates the tables). "
            "Their lines stay in the journal until then"
        )


class LakeWriter:
    """Writes for one process. Each partition has one writer at a time (the journal's lease sees to that)."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._handles = {name: _storage.TableHandles(lake.root, name) for name in _storage.TABLES}

    def write(self, events: EventBatch, rejects: RejectBatch, *, partition: int, through: int) -> Written:
        """Store a batch and return when data, folders and log are flushed.

        The batch must hold every row of `partition` up to sequence `through` that was not written before; the order of
        calls follows the sequence. Raises OrganisationUnknown after the rest is stored; StorageFailed when the disk
        refuses (some organisations may be stored then: write the same again); InputRefused when an event_id does not
        fit the partition or lies beyond `through`.
        """
        parts = {
            "events": _checked(layout.to_file_columns(events.table), partition=partition, through=through),
            "rejects": _checked(layout.to_file_columns(rejects.table), partition=partition, through=through),
        }
        unknown: set[UUID] = set()
        already = commits = 0
        for name, rows in parts.items():
            for organisation, own in _by_organisation(rows):
                try:
                    table = self._handles[name].newest(organisation)
                except _storage.TableMissing:
                    if _storage.organisation_folder(self._lake.root, organisation).is_dir():
                        raise  # onboarded, but damaged: not the same advice
                    unknown.add(organisation)
                    continue
                fresh = _not_stored(table, own, partition=partition)
                already += own.num_rows - fresh.num_rows
                commits += _append(table, fresh, partition=partition, through=through)
        written = _counted(parts["events"], parts["rejects"], unknown, already=already, commits=commits)
        if unknown:
            raise OrganisationUnknown(sorted(unknown), written)
        return written


def _checked(rows: pa.Table, *, partition: int, through: int) -> pa.Table:
    if rows.num_rows:
        foreign = pc.unique(rows["partition"]).to_pylist()
        if foreign != [partition]:
            raise InputRefused(f"the batch is written as partition {partition} but has rows of {foreign}")
        last = pc.max(rows["sequence"]).as_py()
        if last > through:
            raise InputRefused(f"the batch is written through sequence {through} but has rows of {last}")
    return rows


def _by_organisation(rows: pa.Table) -> list[tuple[UUID, pa.Table]]:
    column = rows["organisation"]
    names = pc.unique(column.cast(pa.string())).to_pylist()
    if len(names) == 1:
        return [(_uuid(names[0]), rows)]
    return [(_uuid(name), rows.filter(pc.equal(column, pa.scalar(name)))) for name in names]


def _uuid(name: str | None) -> UUID:
    try:
        return UUID(name)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputRefused(f"{name!r} is not an organisation's id: a normaliser's fault") from error


def _not_stored(table: DeltaTable, rows: pa.Table, *, partition: int) -> pa.Table:
    stored = _storage.stored_version(table, _app_id(partition))
    return rows.filter(pc.greater(rows["sequence"], stored))


def _append(table: DeltaTable, rows: pa.Table, *, partition: int, through: int) -> int:
    """Write rows (one file per day) in one commit. Returns how many commits were needed: none without rows."""
    if not rows.num_rows:
        return 0
    folder = _storage.table_folder(table)
    actions = [_storage.write_file(folder, day=day, rows=part) for day, part in layout.days_of(rows)]
    _storage.commit(table, actions, txn=(_app_id(partition), through))
    return 1


def _app_id(partition: int) -> str:
    return f"partition-{partition}"


def _counted(events: pa.Table, rejects: pa.Table, unknown: set[UUID], *, already: int, commits: int) -> Written:
    stored = {key: count for *key_parts, count in _groups(events) if (key := _key(key_parts))[0] not in unknown}
    rejected: dict[SourceKey, Counter[str]] = {}
    for organisation, source, reason, count in _groups(rejects, "reason"):
        key = _key([organisation, source])
        if key[0] not in unknown:
            rejected.setdefault(key, Counter())[reason] += count
    return Written(stored=stored, rejected=rejected, already=already, commits=commits)


def _groups(rows: pa.Table, *more: str) -> list[tuple]:  # type: ignore[type-arg]
    keys = ["organisation", "source", *more]
    plain = pa.table({key: rows[key].cast(pa.string()) for key in keys})
    counted = plain.group_by(keys).aggregate([([], "count_all")])
    return list(zip(*(counted[name].to_pylist() for name in [*keys, "count_all"]), strict=True))


def _key(parts: Sequence[str]) -> SourceKey:
    return UUID(parts[0]), UUID(parts[1])
