"""Rules over files, without any server: what stands behind `samdrift scan`.

Event logs (.evtx), JSON (one object a line, an array, or one object) and lines of text, plain or gzipped, are read
file by file in batches of bounded size, normalised and evaluated exactly as in the pipeline. What cannot be read is
reported and counted, and the scan goes on. Nothing is written.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event as StopEvent
from uuid import UUID

import attrs

from samdrift_logs.detect.engine import Engine, LineMatches, Match
from samdrift_logs.detect.rules import Refusal, RuleSet
from samdrift_logs.errors import InputRefused
from samdrift_logs.events import RawBatch, Value
from samdrift_logs.events.sources import AUTO
from samdrift_logs.normalise import Normalised, normalise
from samdrift_logs.normalise.source_types import recognise
from samdrift_logs.runner.dialects import WINDOWS_JSON
from samdrift_logs.runner.log_files import LogFile, Unreadable, find_log_files, read_log_file

BATCH_LINES = 16_384
BATCH_BYTES = 16_000_000
MOST_REJECTS_LISTED = 1_000
_NOBODY = UUID(int=0)


@attrs.frozen(kw_only=True)
class ScanMatch:
    """One rule met by one event of a file.

    `record` is the record's number in an event log, `line` the line's in any other file; `event_at` is UTC, None where
    the event does not say.
    """

    rule_id: str
    title: str
    level: str
    tags: tuple[str, ...]
    event_at: dt.datetime | None
    file: str
    record: int | None
    line: int | None
    fields: Mapping[str, Value]


@attrs.frozen(kw_only=True)
class ScanReject:
    """A part of a file that could not be taken, and why."""

    file: str
    record: int | None
    line: int | None
    reason: str


@attrs.frozen(kw_only=True)
class ScanProgress:
    """How far a scan is. Bytes are those of the files on disk."""

    file: str
    bytes_done: int
    bytes_total: int
    events: int
    matches: int


@attrs.frozen(kw_only=True)
class ScanSummary:
    """What a scan did. `rejects` counts by reason; `rejected` lists the first thousand.

    `peak_memory_bytes` is the largest resident size of this process so far.
    """

    files: int
    events: int
    rejects: Mapping[str, int]
    rejected: Sequence[ScanReject]
    skipped: Sequence[str]
    rules: int
    refused: Sequence[Refusal]
    ruleset_version: str
    matches: int
    rules_matched: int
    events_per_s: float
    peak_memory_bytes: int
    elapsed_s: float
    interrupted: bool


@attrs.frozen
class _Source:
    type: str
    timezone: str


@attrs.frozen
class _OneSource:
    """A registry that knows one source only: the file at hand."""

    source: _Source

    def by_id(self, source: UUID) -> _Source | None:
        """Return the file's source."""
        return self.source


@attrs.frozen
class _Record:
    batch: RawBatch
    partition: int = 0
    sequence: int = 0


def scan(
    paths: Sequence[Path],
    rules: RuleSet,
    *,
    on_match: Callable[[ScanMatch], None],
    on_progress: Callable[[ScanProgress], None] = lambda _progress: None,
    stop: StopEvent | None = None,
    timezone: str = "UTC",
    cache: Path | None = None,
) -> ScanSummary:
    """Evaluate `rules` on every log file below `paths`; matches go to `on_match` as they are found.

    `timezone` is that of lines without one. When `stop` is set, the scan ends after the batch at hand and the summary
    says so. Raises InputRefused where a path does not exist or a folder cannot be listed.
    """
    files, skipped = find_log_files(paths)
    return _Scan(rules, files, skipped, on_match, on_progress, stop or StopEvent(), timezone, cache).run()


class _Scan:
    def __init__(
        self,
        rules: RuleSet,
        files: Sequence[LogFile],
        skipped: Sequence[str],
        on_match: Callable[[ScanMatch], None],
        on_progress: Callable[[ScanProgress], None],
        stop: StopEvent,
        timezone: str,
        cache: Path | None,
    ) -> None:
        self._rules = rules
        self._files = files
        self._skipped = skipped
        self._bytes_total = sum(file.size_bytes for file in files)
        self._on_match = on_match
        self._on_progress = on_progress
        self._stop = stop
        self._timezone = timezone
        self._engine = Engine(rules, cache=cache)
        self._reasons: Counter[str] = Counter()
        self._rejected: list[ScanReject] = []
        self._events = self._matches = self._files_done = self._bytes_done = 0
        self._matched: set[str] = set()

    def run(self) -> ScanSummary:
        """Scan every file."""
        started = time.perf_counter()
        for file in self._files:
            if self._stop.is_set():
                break
            self._scan_file(file)
            self._bytes_done += file.size_bytes
            self._files_done += not self._stop.is_set()
            self._report(file, 0)
        elapsed = time.perf_counter() - started
        return ScanSummary(
            files=self._files_done,
            events=self._events,
            rejects=dict(self._reasons.most_common()),
            rejected=self._rejected,
            skipped=self._skipped,
            rules=len(self._rules),
            refused=self._rules.refused,
            ruleset_version=self._rules.version,
            matches=self._matches,
            rules_matched=len(self._matched),
            events_per_s=round(self._events / elapsed, 1) if elapsed else 0.0,
            peak_memory_bytes=peak_memory_bytes(),
            elapsed_s=round(elapsed, 3),
            interrupted=self._stop.is_set(),
        )

    def _scan_file(self, file: LogFile) -> None:
        try:
            for batch in self._batches(file):
                self._evaluate(file, batch)
                self._report(file, batch.bytes_read)
                if self._stop.is_set():
                    return
        except InputRefused as problem:
            self._reject(file, None, problem.reason)
        except OSError as problem:
            self._reject(file, None, f"cannot be read: {problem.strerror}")

    def _batches(self, file: LogFile) -> Iterator[_FileBatch]:
        lines: list[bytes] = []
        places: list[int] = []
        size = bytes_read = 0
        for item in read_log_file(file):
            if isinstance(item, Unreadable):
                self._reject(file, item.place, item.reason)
                continue
            lines.append(item.content)
            places.append(item.place)
            size += len(item.content)
            bytes_read = item.bytes_read
            if len(lines) >= BATCH_LINES or size >= BATCH_BYTES:
                yield _FileBatch(lines, places, bytes_read)
                lines, places, size = [], [], 0
        if lines:
            yield _FileBatch(lines, places, bytes_read)

    def _evaluate(self, file: LogFile, batch: _FileBatch) -> None:
        """Tell every match of a batch, in the order of its lines. Flat Windows JSON goes straight to the engine."""
        flat = _flat_rows(file, batch.lines)
        found = self._engine.evaluate_lines([batch.lines[row] for row in flat], WINDOWS_JSON) if flat else NO_MATCHES
        told = [_Told(flat[match.row], match) for match in found.matches]
        self._events += len(flat) - len(found.odd)
        left = {*range(len(batch.lines))}.difference(flat).union(flat[row] for row in found.odd)
        told += self._by_normaliser(file, batch, sorted(left))
        # Parts of correlations are no finding by themselves.
        told = [each for each in told if each.match.rule.id not in self._rules.silent]
        told.sort(key=lambda each: each.row)  # stable: the rules of a row stay in their order
        instants = self._instants(file, batch, sorted({each.row for each in told}))
        for each in told:
            self._tell(file, each.match, batch.places[each.row], instants.get(each.row))

    def _by_normaliser(self, file: LogFile, batch: _FileBatch, rows: Sequence[int]) -> list[_Told]:
        if not rows:
            return []
        normalised = self._normalised(file, batch, rows)
        for reject in normalised.rejects.table.select(["event_id", "reason"]).to_pylist():
            self._reject(file, batch.places[rows[_row_in(reject["event_id"])]], reject["reason"])
        events = normalised.events
        self._events += len(events)
        place_of = [rows[_row_in(event_id)] for event_id in events.table["event_id"].to_pylist()]
        return [_Told(place_of[match.row], match) for match in self._engine.evaluate(events)]

    def _instants(self, file: LogFile, batch: _FileBatch, rows: Sequence[int]) -> dict[int, dt.datetime | None]:
        """Return when the events of these rows happened: read only of those that matched."""
        if not rows:
            return {}
        table = self._normalised(file, batch, rows).events.table.select(["event_id", "event_at"])
        return {rows[_row_in(each["event_id"])]: each["event_at"] for each in table.to_pylist()}

    def _normalised(self, file: LogFile, batch: _FileBatch, rows: Sequence[int]) -> Normalised:
        raw = RawBatch(
            organisation=_NOBODY,
            source=_NOBODY,
            door="scan",
            peer=file.name,
            received_at=file.modified_at,
            lines=[batch.lines[row] for row in rows],
        )
        return normalise([_Record(raw)], _OneSource(_Source(file.source_type, self._timezone)))

    def _tell(self, file: LogFile, match: Match, place: int, event_at: dt.datetime | None) -> None:
        self._matches += 1
        self._matched.add(match.rule.id)
        self._on_match(
            ScanMatch(
                rule_id=match.rule.id,
                title=match.rule.title,
                level=match.rule.level,
                tags=match.rule.tags,
                event_at=event_at,
                file=file.name,
                record=place if file.is_event_log else None,
                line=None if file.is_event_log else place,
                fields=match.fields,
            )
        )

    def _reject(self, file: LogFile, place: int | None, reason: str) -> None:
        self._reasons[reason.partition(":")[0]] += 1
        if len(self._rejected) < MOST_REJECTS_LISTED:
            record, line = (place, None) if file.is_event_log else (None, place)
            self._rejected.append(ScanReject(file=file.name, record=record, line=line, reason=reason))

    def _report(self, file: LogFile, bytes_read: int) -> None:
        self._on_progress(
            ScanProgress(
                file=file.name,
                bytes_done=self._bytes_done + min(bytes_read, file.size_bytes),
                bytes_total=self._bytes_total,
                events=self._events,
                matches=self._matches,
            )
        )


NO_MATCHES = LineMatches((), ())


@attrs.frozen
class _Told:
    """A match, and the row of the batch it is of."""

    row: int
    match: Match


@attrs.frozen
class _FileBatch:
    lines: Sequence[bytes]
    places: Sequence[int]
    bytes_read: int


def _flat_rows(file: LogFile, lines: Sequence[bytes]) -> list[int]:
    """Return the rows that the normaliser for flat Windows JSON would read."""
    if file.source_type == WINDOWS_JSON.name:
        return list(range(len(lines)))
    if file.source_type != AUTO:
        return []
    return [row for row, line in enumerate(lines) if recognise(line) == WINDOWS_JSON.name]


def _row_in(event_id: str) -> int:
    return int(event_id.rsplit("-", 1)[1])


def peak_memory_bytes() -> int:
    """Return the largest resident size of this process so far."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
