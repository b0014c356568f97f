"""When a stage fails on a batch: find the lines it fails on, set them aside as rejects, and go on with the others.

The readers of `normalise` reject a bad line themselves. This is for what nobody foresaw: a fault of ours must cost the
lines that it meets and no others, and those keep their bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from samdrift_logs.journal import JournalRecord

MAX_BAD_LINES = 32  # of one record; more, and all its lines are set aside
Probe = Callable[[Sequence[JournalRecord]], object]


def without_bad_lines(records: Sequence[JournalRecord], probe: Probe) -> tuple[list[JournalRecord], int]:
    """Return the records with every line on which `probe` raises moved to their rejects, and how many those were."""
    if not _failure(probe, records):
        return list(records), 0
    if len(records) > 1:
        half = len(records) // 2
        front, bad_front = without_bad_lines(records[:half], probe)
        back, bad_back = without_bad_lines(records[half:], probe)
        return front + back, bad_front + bad_back
    record = records[0]
    bad = _bad_lines(record, range(len(record.batch.lines)), probe)
    if len(bad) > MAX_BAD_LINES:
        reason = next(iter(bad.values()))
        bad = dict.fromkeys(range(len(record.batch.lines)), reason)
    return [_set_aside(record, bad)], len(bad)


def _bad_lines(record: JournalRecord, rows: range, probe: Probe) -> dict[int, str]:
    if not rows:
        return {}
    lines = [record.batch.lines[row] for row in rows]
    tried = attrs.evolve(record, batch=attrs.evolve(record.batch, lines=lines, rejects=()))
    failure = _failure(probe, [tried])
    if not failure:
        return {}
    if len(rows) == 1:
        return {rows[0]: failure}
    half = len(rows) // 2
    found = _bad_lines(record, rows[:half], probe)
    if len(found) <= MAX_BAD_LINES:
        found |= _bad_lines(record, rows[half:], probe)
    return found or dict.fromkeys(rows, failure)  # it fails on the lines together and on none alone


def _set_aside(record: JournalRecord, bad: dict[int, str]) -> JournalRecord:
    batch = record.batch
    lines = [line for row, line in enumerate(batch.lines) if row not in bad]
    aside = [(batch.lines[row], reason) for row, reason in sorted(bad.items())]
    return attrs.evolve(record, batch=attrs.evolve(batch, lines=lines, rejects=[*batch.rejects, *aside]))


def _failure(probe: Probe, records: Sequence[JournalRecord]) -> str | None:
    try:
        probe(records)
    except Exception as error:
        return f"a stage failed on it: {type(error).__name__}: {error}"
    return None
