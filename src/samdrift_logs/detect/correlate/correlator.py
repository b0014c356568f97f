"""The state of correlations: entries by organisation and group, the watermark, and what has been told.

Time is the event's own. An organisation's watermark is its newest event less the allowed lateness; what comes from
before it is not taken and is counted. Between the watermark and now anything may still come, in any order, and what
has been told is revised: opened, changed, withdrawn. Below the watermark nothing changes any more, so what can no
longer matter is forgotten. The result follows from the events alone: order within the lateness, the borders of batches,
events that come twice, and a restart from a snapshot change nothing.
"""

from __future__ import annotations

import bisect
import datetime as dt
import enum
import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

import attrs
import numpy as np
import numpy.typing as npt
import orjson

from samdrift_logs.detect.cells import canonical, fold
from samdrift_logs.detect.correlate import episodes
from samdrift_logs.detect.correlate.correlation import Bounds, Correlation, Kind, Number
from samdrift_logs.detect.correlate.entries import Entry, FieldReader
from samdrift_logs.detect.correlate.episodes import Episode
from samdrift_logs.detect.correlate.measures import number_in
from samdrift_logs.detect.engine import Match
from samdrift_logs.detect.rules import RuleSet
from samdrift_logs.errors import InputRefused
from samdrift_logs.events import EventBatch

DEFAULT_LATENESS = dt.timedelta(minutes=15)
# A sender's clock may be ahead by this much; an event from further ahead is taken as of when we received it.
CLOCK_AHEAD = dt.timedelta(minutes=5)
SHOWN_EVENTS = 50
_MOST_HANDED_ON = 200  # entries that one alert gives to a correlation over it
_FORMAT = 1
_NEVER = -(1 << 62)
_FOR_EVER = 1 << 62
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Change(enum.StrEnum):
    """What became of a correlation's alert."""

    OPENED = "opened"
    CHANGED = "changed"  # more, or earlier, events belong to it
    WITHDRAWN = "withdrawn"  # a late event showed that it was not so, or that it began at another time


@attrs.frozen(kw_only=True)
class CorrelationMatch:
    """A correlation is true of a group. The same `id` may come again with another `change`; the last one counts.

    `value` is what was measured, as text. `count` is how many events belong to it, `events` the ids of the first of
    them (of a chain: of the alerts). `at` is when it became true; it and the group are what `id` is made of.
    """

    id: UUID
    change: Change
    organisation: UUID
    correlation: Correlation
    group: Mapping[str, str]
    at: dt.datetime
    first_at: dt.datetime
    last_at: dt.datetime
    value: str
    count: int
    events: tuple[str, ...]
    source: str
    host: str
    user: str
    is_silent: bool


@attrs.frozen
class Count:
    """How often something happened to what a correlation was fed. `what` is late, evicted, no group, clock ahead …"""

    organisation: UUID
    rule: str
    what: str
    count: int


@attrs.frozen
class _Told:
    """What was told of an episode. `handed_on` are the values that correlations over this one were given."""

    first: int
    last: int
    value: str
    count: int
    events: tuple[str, ...]
    source: str
    host: str
    user: str
    group: tuple[str, ...]
    handed_on: tuple[tuple[str | None, ...], ...]


@attrs.define
class _Group:
    """One group of one correlation. No episode begins up to `until`; `judged` is where proximity has come to."""

    entries: list[Entry] = attrs.field(factory=list)
    until: int = _NEVER
    judged: int = _NEVER
    told: dict[int, _Told] = attrs.field(factory=dict)
    due: int = _FOR_EVER


Moments = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
_Key = tuple[str, ...]
_Place = tuple[int, _Key]


@attrs.define
class _Organisation:
    newest: int = _NEVER
    settled: int = _NEVER
    groups: dict[_Place, _Group] = attrs.field(factory=dict)  # in the order of last use
    due: list[tuple[int, int, _Key]] = attrs.field(factory=list)
    size: int = 0


@attrs.frozen
class _Feed:
    """Where matches of a rule, or alerts of a correlation, go: which correlation, as which of its rules."""

    correlation: int
    rule: int


class Correlator:
    """Evaluates the correlations of a rule set over matches. For one thread; no input or output.

    Args:
        ruleset: whose correlations are evaluated.
        lateness: how much older than the newest event of its organisation an event may be. None waits for `finish`:
            for files, where everything is there.
        max_entries: most events kept per organisation; the groups unused for longest are forgotten first.
        max_group: most events kept per group; never fewer than four times what the condition asks for.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        lateness: dt.timedelta | None = DEFAULT_LATENESS,
        max_entries: int = 200_000,
        max_group: int = 5_000,
    ) -> None:
        self.correlations = tuple(ruleset.correlations)
        self._silent = ruleset.silent
        self._lateness = None if lateness is None else lateness // _MICROSECOND
        self._max_entries = max_entries
        self._max_group = [max(max_group, _asked_for(correlation)) for correlation in self.correlations]
        self._organisations: dict[str, _Organisation] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._feeds: dict[str, list[_Feed]] = {}
        for number, correlation in enumerate(self.correlations):
            for place, rule in enumerate(correlation.rules):
                self._feeds.setdefault(rule, []).append(_Feed(number, place))
        self._signatures = _signatures(self.correlations)
        self._out: list[CorrelationMatch] = []

    def feed(self, matches: Sequence[Match], batch: EventBatch) -> list[CorrelationMatch]:
        """Take the matches of a batch and return what they open, change or withdraw. The batch moves time on."""
        if not len(batch) or not self.correlations:
            return []
        at, ahead = _times(batch)
        names, of_row = _organisations(batch)
        newest = self._newest_by_row(at, names, of_row)
        touched: dict[str, dict[_Place, None]] = {}
        for row, number, entry in self._entries(matches, batch, at):
            organisation = names[of_row[row]]
            if ahead[row]:
                self._counts[organisation, self.correlations[number].id, "clock ahead"] += 1
            if self._lateness is not None and entry.at < newest[row] - self._lateness:
                self._counts[organisation, self.correlations[number].id, "late"] += 1
            elif (place := self._add(organisation, number, entry)) is not None:
                touched.setdefault(organisation, {})[place] = None
        for organisation, places in touched.items():
            self._judge(organisation, places)
        for organisation in names:
            self._settle(organisation, self._watermark(organisation))
        return self._taken()

    def advance(self, now: dt.datetime) -> list[CorrelationMatch]:
        """Move time on where nothing comes: as if every organisation had sent an event at `now`."""
        for name, organisation in self._organisations.items():
            organisation.newest = max(organisation.newest, (now - _EPOCH) // _MICROSECOND)
            self._settle(name, self._watermark(name))
        return self._taken()

    def finish(self) -> list[CorrelationMatch]:
        """Return what only the end of time decides. Nothing can be fed afterwards that is not late."""
        for name, organisation in self._organisations.items():
            organisation.newest = _FOR_EVER
            self._settle(name, _FOR_EVER)
        return self._taken()

    @property
    def counts(self) -> list[Count]:
        """Return what was not taken or was forgotten, by organisation and correlation."""
        return [Count(UUID(name), rule, what, number) for (name, rule, what), number in sorted(self._counts.items())]

    @property
    def size(self) -> int:
        """Return how many entries are kept, of all organisations."""
        return sum(organisation.size for organisation in self._organisations.values())

    # ------------------------------------------------------------------ entries

    def _newest_by_row(self, at: Moments, names: Sequence[str], of_row: Codes) -> Moments:
        """Return per row the newest event of its organisation so far, and remember it. So batches' borders are none."""
        newest = np.empty_like(at)
        for code, name in enumerate(names):
            organisation = self._organisations.setdefault(name, _Organisation())
            rows = np.flatnonzero(of_row == code)
            newest[rows] = np.maximum(np.maximum.accumulate(at[rows]), organisation.newest)
            organisation.newest = int(newest[rows[-1]])
        return newest

    def _watermark(self, name: str) -> int:
        if self._lateness is None:
            return _NEVER
        return self._organisations[name].newest - self._lateness

    def _entries(self, matches: Sequence[Match], batch: EventBatch, at: Moments) -> list[tuple[int, int, Entry]]:
        """Return (row, correlation, entry) for each match that a correlation asks for, in the order of the rows."""
        rows_of: dict[str, list[int]] = {}
        for match in matches:
            if match.rule.id in self._feeds:
                rows_of.setdefault(match.rule.id, []).append(match.row)
        reader = FieldReader(batch)
        found: list[tuple[int, int, Entry]] = []
        for rule, rows in rows_of.items():
            about = [reader.texts(name, rows) for name in ("event_id", "source", "host", "user")]
            for feed in self._feeds[rule]:
                fields = self.correlations[feed.correlation].reads[feed.rule]
                columns = [reader.texts(field, rows) for field in fields]
                for place, row in enumerate(rows):
                    event, source, host, user = (texts[place] or "" for texts in about)
                    values = tuple(column[place] for column in columns)
                    entry = Entry(int(at[row]), event, feed.rule, "", values, source, host, user)
                    found.append((row, feed.correlation, entry))
        found.sort(key=lambda each: each[:2])
        return found

    def _key(self, number: int, entry: Entry) -> _Key | None:
        """Return the group of an entry, without case; None where the event lacks a field of the group."""
        values = entry.values[: len(self.correlations[number].group_by)]
        return None if any(value is None for value in values) else tuple(fold(value or "") for value in values)

    def _add(self, name: str, number: int, entry: Entry) -> _Place | None:
        """Put an entry in its place. None where it has no group or is there already."""
        correlation = self.correlations[number]
        key = self._key(number, entry)
        if key is None:
            self._counts[name, correlation.id, "no group"] += not entry.part
            return None
        organisation = self._organisations[name]
        group = organisation.groups.pop((number, key), None) or _Group()
        organisation.groups[number, key] = group
        place = bisect.bisect_left(group.entries, entry[:4], key=lambda each: each[:4])
        if place < len(group.entries) and group.entries[place][:4] == entry[:4]:
            return None
        if correlation.kind.is_numeric and number_in(entry.values[_measured_place(correlation)]) is None:
            self._counts[name, correlation.id, "no number"] += 1
        group.entries.insert(place, entry)
        organisation.size += 1
        self._evict(name, number, key, group)
        self._schedule(organisation, number, key, group)
        return number, key

    def _evict(self, name: str, number: int, key: _Key, group: _Group) -> None:
        organisation = self._organisations[name]
        correlation = self.correlations[number]
        if len(group.entries) > self._max_group[number]:
            surplus = max(1, len(group.entries) // 10)
            del group.entries[:surplus]
            organisation.size -= surplus
            self._counts[name, correlation.id, "evicted"] += surplus
            for began in group.told:  # what has been told stays: it can no longer be judged anew
                group.until = max(group.until, began + correlation.span_us)
            group.told.clear()
        while organisation.size > self._max_entries and len(organisation.groups) > 1:
            place = next(iter(organisation.groups))
            forgotten = organisation.groups.pop(place)
            organisation.size -= len(forgotten.entries)
            self._counts[name, self.correlations[place[0]].id, "evicted"] += len(forgotten.entries)
            forgotten.entries.clear()  # whoever is judging it just now goes on with nothing

    # ------------------------------------------------------------------ time

    def _schedule(self, organisation: _Organisation, number: int, key: _Key, group: _Group) -> None:
        """Say at which watermark this group is to be looked at next."""
        correlation = self.correlations[number]
        oldest = group.entries[0].at
        if correlation.slides:
            due = oldest + 2 * correlation.span_us
        elif isinstance(correlation.condition, Bounds):
            due = oldest + correlation.span_us
        else:
            place = bisect.bisect_right(group.entries, group.judged, key=lambda each: each.at)
            waiting = place < len(group.entries)
            due = group.entries[place].at + correlation.span_us if waiting else oldest + 2 * correlation.span_us
        due += correlation.delay_us + 1
        if due < group.due:
            group.due = due
            heapq.heappush(organisation.due, (due, number, key))

    def _settle(self, name: str, watermark: int) -> None:
        """Go on to a watermark, group by group in the order in which they fall due, so that chains see it in time."""
        organisation = self._organisations[name]
        while organisation.due and organisation.due[0][0] <= watermark:
            due, number, key = heapq.heappop(organisation.due)
            group = organisation.groups.get((number, key))
            if group is None or group.due != due:
                continue  # forgotten, or looked at before
            organisation.settled = max(organisation.settled, due)
            group.due = _FOR_EVER
            correlation = self.correlations[number]
            if not correlation.slides:
                self._judge(name, {(number, key): None})
            elif correlation.delay_us:
                self._retire(name, number, group, self._final(name, number))
            else:  # no chain ends here, so it may be retired as far as time will go
                self._retire(name, number, group, watermark)
            if not group.entries:
                organisation.groups.pop((number, key), None)
            else:
                self._schedule(organisation, number, key, group)
        organisation.settled = max(organisation.settled, watermark)

    # ------------------------------------------------------------------ judging

    def _judge(self, name: str, places: Iterable[_Place]) -> None:
        """Judge groups and, after them, the groups of correlations over them that they touch."""
        waiting = sorted(places)
        while waiting:
            number, key = waiting.pop(0)
            group = self._organisations[name].groups.get((number, key))
            if group is None:
                continue
            correlation = self.correlations[number]
            if correlation.slides:
                handed_on = self._judge_sliding(name, number, key, group)
            elif isinstance(correlation.condition, Bounds):
                handed_on = self._judge_windows(name, number, key, group)
            else:
                handed_on = self._judge_proximity(name, number, key, group)
            waiting = sorted({*waiting, *handed_on})

    def _judge_sliding(self, name: str, number: int, key: _Key, group: _Group) -> list[_Place]:
        correlation, final = self.correlations[number], self._final(name, number)
        self._retire(name, number, group, final)
        since = final - correlation.span_us
        found = {
            episode.at: self._telling(number, episode)
            for episode in episodes.sliding(correlation, group.entries, after=group.until, since=since)
        }
        touched: list[_Place] = []
        for began in sorted(group.told.keys() - found.keys()):
            touched += self._tell(name, number, key, began, Change.WITHDRAWN, group.told.pop(began))
        for began, told in found.items():
            before = group.told.get(began)
            group.told[began] = told
            if before is None:
                touched += self._tell(name, number, key, began, Change.OPENED, told)
            elif before != told:
                touched += self._tell(name, number, key, began, Change.CHANGED, told, before)
        return touched

    def _retire(self, name: str, number: int, group: _Group, final: int) -> None:
        """Set down what can no longer change, and forget the entries that no window reaches. Judges nothing anew."""
        span = self.correlations[number].span_us
        for began in [began for began in group.told if began < final - span]:
            group.until = max(group.until, began + span)
            del group.told[began]
        self._forget(name, group, final - 2 * span)

    def _judge_windows(self, name: str, number: int, key: _Key, group: _Group) -> list[_Place]:
        correlation, final = self.correlations[number], self._final(name, number)
        touched: list[_Place] = []
        while group.entries and group.entries[0].at + correlation.span_us < final:
            began = group.entries[0].at
            group.until = began + correlation.span_us
            entries = episodes.within(group.entries, began, group.until)
            episode = episodes.window(correlation, entries)
            self._forget(name, group, group.until + 1)
            if episode is not None:
                touched += self._tell(name, number, key, began, Change.OPENED, self._telling(number, episode))
        return touched

    def _judge_proximity(self, name: str, number: int, key: _Key, group: _Group) -> list[_Place]:
        correlation, final = self.correlations[number], self._final(name, number)
        touched: list[_Place] = []
        for began in sorted({entry.at for entry in group.entries if entry.at > group.judged}):
            if began + correlation.span_us >= final:
                break
            group.judged = began
            if began <= group.until:
                continue
            episode = episodes.proximity(correlation, group.entries, began)
            if episode is not None:
                group.until = began + correlation.span_us
                touched += self._tell(name, number, key, began, Change.OPENED, self._telling(number, episode))
        self._forget(name, group, final - 2 * correlation.span_us)
        return touched

    def _final(self, name: str, number: int) -> int:
        """Return the instant before which nothing this correlation is made of can change."""
        return self._organisations[name].settled - self.correlations[number].delay_us

    def _forget(self, name: str, group: _Group, before: int) -> None:
        count = bisect.bisect_left(group.entries, before, key=lambda entry: entry.at)
        del group.entries[:count]
        self._organisations[name].size -= count

    # ------------------------------------------------------------------ telling

    def _telling(self, number: int, episode: Episode) -> _Told:
        correlation = self.correlations[number]
        first, last = episode.entries[0], episode.entries[-1]
        events = tuple(dict.fromkeys(entry.event for entry in episode.entries))
        handed_on: tuple[tuple[str | None, ...], ...] = ()
        if correlation.id in self._feeds:
            handed_on = tuple(dict.fromkeys(entry.values for entry in episode.entries))[:_MOST_HANDED_ON]
        return _Told(
            first=first.at,
            last=last.at,
            value=_written(episode.value),
            count=len(events),
            events=events[:SHOWN_EVENTS],
            source=last.source,
            host=last.host,
            user=last.user,
            group=tuple(value or "" for value in first.values[: len(correlation.group_by)]),
            handed_on=handed_on,
        )

    def _tell(
        self,
        name: str,
        number: int,
        key: _Key,
        began: int,
        change: Change,
        told: _Told,
        before: _Told | None = None,
    ) -> list[_Place]:
        """Tell of an episode, and hand it on to the correlations over this one. Returns their groups."""
        correlation = self.correlations[number]
        organisation = UUID(name)
        alert = uuid5(organisation, f"{correlation.id}\n{json.dumps(key)}\n{began}")
        self._out.append(
            CorrelationMatch(
                id=alert,
                change=change,
                organisation=organisation,
                correlation=correlation,
                group=dict(zip(correlation.group_by, told.group, strict=True)),
                at=_instant(began),
                first_at=_instant(told.first),
                last_at=_instant(told.last),
                value=told.value,
                count=told.count,
                events=told.events,
                source=told.source,
                host=told.host,
                user=told.user,
                is_silent=correlation.id in self._silent,
            )
        )
        old = told if change is Change.WITHDRAWN else before
        touched: list[_Place] = []
        for feed in self._feeds.get(correlation.id, ()):
            for values in old.handed_on if old else ():
                touched += self._take_back(name, feed, self._handed(number, feed, alert, began, values, told))
            for values in told.handed_on if change is not Change.WITHDRAWN else ():
                place = self._add(name, feed.correlation, self._handed(number, feed, alert, began, values, told))
                if place is not None:
                    touched.append(place)
        return touched

    def _handed(
        self, number: int, feed: _Feed, alert: UUID, began: int, values: tuple[str | None, ...], told: _Told
    ) -> Entry:
        inner, outer = self.correlations[number], self.correlations[feed.correlation]
        places = {canonical(name): place for place, name in enumerate(inner.columns)}
        taken = tuple(values[places[field]] for field in outer.reads[feed.rule])
        part = json.dumps(taken, ensure_ascii=False)
        return Entry(began, str(alert), feed.rule, part, taken, told.source, told.host, told.user)

    def _take_back(self, name: str, feed: _Feed, entry: Entry) -> list[_Place]:
        key = self._key(feed.correlation, entry)
        group = self._organisations[name].groups.get((feed.correlation, key)) if key is not None else None
        if group is None or key is None:
            return []
        place = bisect.bisect_left(group.entries, entry[:4], key=lambda each: each[:4])
        if place == len(group.entries) or group.entries[place][:4] != entry[:4]:
            return []
        del group.entries[place]
        self._organisations[name].size -= 1
        return [(feed.correlation, key)]

    def _taken(self) -> list[CorrelationMatch]:
        out, self._out = self._out, []
        return out

    # ------------------------------------------------------------------ snapshot

    def snapshot(self) -> bytes:
        """Return the whole state as JSON. `restore` of it in another process goes on as if nothing had happened."""
        return orjson.dumps(
            {
                "format": _FORMAT,
                "organisations": {
                    name: {
                        "newest": organisation.newest,
                        "settled": organisation.settled,
                        "groups": [
                            [
                                self._signatures[number],
                                key,
                                group.until,
                                group.judged,
                                [tuple(entry) for entry in group.entries],
                                [[began, *attrs.astuple(told)] for began, told in group.told.items()],
                            ]
                            for (number, key), group in organisation.groups.items()
                        ],
                    }
                    for name, organisation in self._organisations.items()
                },
                "counts": [[*place, count] for place, count in sorted(self._counts.items())],
            }
        )

    def restore(self, snapshot: bytes) -> None:
        """Take up a snapshot in place of the present state.

        Correlations that were changed since begin anew; what they had kept is counted as evicted. Raises InputRefused
        when the snapshot is none of ours.
        """
        try:
            stored = orjson.loads(snapshot)
            if stored["format"] != _FORMAT:
                raise InputRefused("the state of correlations was written by another version: remove it to begin anew")
            organisations, counts = self._restored(stored)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
            raise InputRefused(f"the state of correlations is damaged: {problem}: remove it to begin anew") from problem
        self._organisations, self._counts = organisations, counts

    def _restored(self, stored: Any) -> tuple[dict[str, _Organisation], Counter[tuple[str, str, str]]]:
        numbers = {signature: number for number, signature in enumerate(self._signatures)}
        counts = Counter({(name, rule, what): count for name, rule, what, count in stored["counts"]})
        organisations: dict[str, _Organisation] = {}
        for name, kept in stored["organisations"].items():
            organisation = organisations[str(UUID(name))] = _Organisation(kept["newest"], kept["settled"])
            for signature, key, until, judged, entries, told in kept["groups"]:
                number = numbers.get(signature)
                if number is None:
                    counts[name, signature.partition("/")[0], "evicted"] += len(entries)
                    continue
                group = _Group(
                    entries=[_entry(each) for each in entries],
                    until=until,
                    judged=judged,
                    told={began: _told(each) for began, *each in told},
                )
                organisation.groups[number, tuple(key)] = group
                organisation.size += len(group.entries)
                if group.entries:
                    self._schedule(organisation, number, tuple(key), group)
        return organisations, counts


def _entry(stored: Sequence[Any]) -> Entry:
    at, event, rule, part, values, source, host, user = stored
    return Entry(at, event, rule, part, tuple(values), source, host, user)


def _told(stored: Sequence[Any]) -> _Told:
    first, last, value, count, events, source, host, user, group, handed_on = stored
    handed = tuple(tuple(values) for values in handed_on)
    return _Told(first, last, value, count, tuple(events), source, host, user, tuple(group), handed)


def _organisations(batch: EventBatch) -> tuple[list[str], Codes]:
    """Return the organisations that have a row in the batch, and per row the place of its own."""
    encoded = batch.table["organisation"].combine_chunks().cast("string").dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()


def _times(batch: EventBatch) -> tuple[Moments, npt.NDArray[np.bool_]]:
    """Return per row when it happened, in microseconds, and whether its sender's clock was ahead of ours."""
    received = batch.table["received_at"].cast("int64").to_numpy()
    said = batch.table["event_at"].cast("int64")
    known = said.is_valid().to_numpy()
    event = said.fill_null(0).to_numpy()
    ahead = known & (event > received + CLOCK_AHEAD // _MICROSECOND)
    return np.where(known & ~ahead, event, received), ahead


def _asked_for(correlation: Correlation) -> int:
    if not isinstance(correlation.condition, Bounds) or correlation.kind not in (Kind.EVENT_COUNT, Kind.VALUE_COUNT):
        return 0
    return 4 * max(int(threshold) for _, threshold in correlation.condition.comparisons)


def _measured_place(correlation: Correlation) -> int:
    return correlation.place_of(correlation.measured[0])


def _signatures(correlations: Sequence[Correlation]) -> list[str]:
    """Return per correlation a text that changes with its meaning or that of what it is made of. Innermost first."""
    known: dict[str, str] = {}
    for each in correlations:
        meaning = (
            each.kind, each.rules, each.span_us, each.condition, each.group_by, each.measured, each.percentile,
            each.columns, each.reads, each.delay_us, [known.get(rule) for rule in each.rules],
        )  # fmt: skip
        known[each.id] = f"{each.id}/{hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]}"
    return [known[each.id] for each in correlations]


def _written(value: Number) -> str:
    return str(value) if isinstance(value, int) or value.denominator == 1 else f"{float(value):.6g}"


def _instant(microseconds: int) -> dt.datetime:
    return _EPOCH + microseconds * _MICROSECOND
