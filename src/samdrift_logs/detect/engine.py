"""All rules over one batch of events.

The steps, each vectorised over the batch: what kind each row is and which routes that opens; per anchored column the
new distinct values, looked through once; candidates, that is (row, rule) pairs where an anchor was found on an open
route; the verdict of each candidate, remembered by the values the rule reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from samdrift_logs.detect import collection
from samdrift_logs.detect.cells import Cell, cell_of
from samdrift_logs.detect.dialect import Dialect
from samdrift_logs.detect.memory import ABSENT, ColumnMemory, Memory
from samdrift_logs.detect.plan import KEYWORDS, Plan, PlannedRule, make_plan
from samdrift_logs.detect.routing import Kind, belonging
from samdrift_logs.detect.rules import Rule, RuleSet
from samdrift_logs.detect.view import BatchView
from samdrift_logs.events import EventBatch, FieldColumn, Value

if TYPE_CHECKING:
    from samdrift_logs.detect.lines import LineState

DEFAULT_MEMORY_BYTES = 400_000_000

Pairs = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
_NO_PAIRS: Pairs = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))


@attrs.frozen
class Match:
    """A rule is true of row `row` of the batch. `fields`: native name → value of what met the rule's conditions."""

    rule: Rule
    row: int
    fields: Mapping[str, Value]


@attrs.frozen
class LineMatches:
    """What `evaluate_lines` found, and the rows, ascending, that it leaves to the slow path."""

    matches: Sequence[Match]
    odd: Sequence[int]


class Engine:
    """Evaluates every rule of a RuleSet on batches. One per thread: it remembers values between batches.

    A new rule set is a new Engine; whoever holds the old one finishes its batch and takes the new one.
    """

    def __init__(
        self, ruleset: RuleSet, *, cache: Path | None = None, memory_bytes: int = DEFAULT_MEMORY_BYTES
    ) -> None:
        self.ruleset = ruleset
        with collection.paused():
            self._plan: Plan = make_plan(ruleset, cache=cache)
        self._memory = Memory()
        self._memory_bytes = memory_bytes
        self._line_states: dict[str, LineState] = {}
        self._open_routes: dict[Kind, npt.NDArray[np.bool_]] = {}
        self.generation = 0

    def evaluate(self, batch: EventBatch) -> list[Match]:
        """Return every match, ordered by row, then by the rule's place in the set. The batch is not changed."""
        if not len(batch) or not self._plan.rules:
            return []
        self._start_generation_if_full()
        with collection.paused():
            return self._matches(_Run(self._plan, self._memory, batch, self._routes_open))

    def evaluate_lines(self, lines: Sequence[bytes], dialect: Dialect) -> LineMatches:
        """Evaluate every rule on flat JSON lines, each as the normaliser behind `dialect` would read it.

        Lines that are not simply flat, and those in which a keyword may stand, come back as `odd` row numbers without
        any match: the caller normalises these and gives them to `evaluate`. Matches are ordered as those of `evaluate`.
        """
        # The kernels load here, not when rules are only listed or batches evaluated.
        from samdrift_logs.detect.lines import LineState

        if dialect.name not in self._line_states:
            self._line_states[dialect.name] = LineState(self._plan, dialect)
        state = self._line_states[dialect.name]
        if state.start_generation_if_full(self._memory_bytes):
            self.generation += 1
        with collection.paused():
            found, odd = state.evaluate(lines)
            rules = self._plan.rules
            return LineMatches([Match(rules[each.rule].rule, each.row, each.fields) for each in found], odd)

    def _matches(self, run: _Run) -> list[Match]:
        matches = [match for number, rows in run.candidates() for match in run.verdicts(number, rows)]
        matches.sort(key=lambda found: found[:2])
        return [Match(self._plan.rules[number].rule, row, run.fields_of(number, row)) for row, number in matches]

    def _start_generation_if_full(self) -> None:
        if self._memory.size_bytes > self._memory_bytes:
            self._memory = Memory()
            self.generation += 1

    def _routes_open(self, kinds: Sequence[Kind]) -> npt.NDArray[np.bool_]:
        """Return, per kind of event, which routes are open to it."""
        for kind in kinds:
            if kind not in self._open_routes:
                found = belonging(kind)
                self._open_routes[kind] = np.array([found.answers(route) for route in self._plan.routes], dtype=bool)
        return np.stack([self._open_routes[kind] for kind in kinds])


_RoutesOpen = Callable[[Sequence[Kind]], npt.NDArray[np.bool_]]


class _Run:
    """One batch on its way through the plan."""

    def __init__(self, plan: Plan, memory: Memory, batch: EventBatch, routes_open: _RoutesOpen) -> None:
        self._plan = plan
        self._memory = memory
        self._batch = batch
        self._view = BatchView(batch)
        self._open = routes_open(self._view.kinds)
        self._numbers: dict[str, npt.NDArray[np.int64] | None] = {}
        self._every: dict[str, FieldColumn] | None = None
        self._cells_of_row: dict[int, list[tuple[str, Cell]]] = {}

    def candidates(self) -> Iterator[tuple[int, npt.NDArray[np.int32]]]:
        """Yield (rule, rows) where an anchor was found on an open route, each row at most once."""
        found = [self._anchored(name) for name in self._plan.anchored if name != KEYWORDS]
        if KEYWORDS in self._plan.anchored:
            found.extend(self._anchored_on_keywords())
        rows = np.concatenate([_NO_PAIRS[0], *(pair[0] for pair in found)])
        rules = np.concatenate([_NO_PAIRS[1], *(pair[1] for pair in found)])
        keys = np.unique(rules.astype(np.int64) * len(self._batch) + rows)
        rules, rows = keys // len(self._batch), (keys % len(self._batch)).astype(np.int32)
        starts = np.flatnonzero(np.diff(rules, prepend=-1))
        ends = np.append(starts, len(rules))[1:]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            yield int(rules[start]), rows[start:end]
        yield from self._unanchored()

    def _anchored(self, name: str) -> Pairs:
        column = self._view.column(name)
        if column is None:
            return _NO_PAIRS
        numbers = self._numbers_of(name)
        assert numbers is not None
        rows = np.flatnonzero(numbers != ABSENT).astype(np.int32)
        return self._expanded(rows, numbers[rows], self._memory.columns[name])

    def _anchored_on_keywords(self) -> Iterator[Pairs]:
        routes = self._plan.keyword_routes
        wanted = np.any(self._open[:, routes], axis=1)[self._view.kind_of_row]
        if not wanted.any():
            return
        memory = self._memory.column(KEYWORDS, self._plan.anchored[KEYWORDS])
        for column in self._every_column().values():
            kept = wanted[column.rows]
            if kept.any():
                places, codes = np.unique(column.codes[kept], return_inverse=True)
                numbers = memory.numbers([column.values[place] for place in places])
                yield self._expanded(column.rows[kept], numbers[codes.reshape(-1)], memory)

    def _expanded(self, rows: npt.NDArray[np.int32], numbers: npt.NDArray[np.int64], memory: ColumnMemory) -> Pairs:
        """Return the pairs (row, rule) that the rows' values concern and whose route is open."""
        distinct, place = np.unique(numbers, return_inverse=True)
        concerned = [memory.rules[number] for number in distinct.tolist()]
        counts = np.array([len(each) for each in concerned], dtype=np.int64)
        if not counts.any():
            return _NO_PAIRS
        place = place.reshape(-1)
        kept = counts[place] > 0
        rows, place = rows[kept], place[kept]
        starts = np.cumsum(counts) - counts
        lengths = counts[place]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rules = np.concatenate(concerned)[np.repeat(starts[place], lengths) + offsets]
        rows = np.repeat(rows, lengths)
        allowed = self._open[self._view.kind_of_row[rows], self._plan.route_of_rule[rules]]
        return rows[allowed], rules[allowed]

    def _unanchored(self) -> Iterator[tuple[int, npt.NDArray[np.int32]]]:
        for route, rules in self._plan.unanchored.items():
            rows = np.flatnonzero(self._open[:, route][self._view.kind_of_row]).astype(np.int32)
            for number in rules.tolist() if len(rows) else ():
                yield number, rows

    def verdicts(self, number: int, rows: npt.NDArray[np.int32]) -> Iterator[tuple[int, int]]:
        """Yield (row, rule) for each of the candidate rows of which the rule is true."""
        planned = self._plan.rules[number]
        if planned.keywords:
            found = self._named_cells(rows.tolist())
            for row in rows.tolist():
                if planned.test(self._cells(planned, row), [cell for _, cell in found[row]]):
                    yield row, number
            return
        known = self._memory.verdicts.setdefault(number, {})
        before = len(known)
        columns = [self._numbers_at(name, rows) for name in planned.fields]
        for row, key in zip(rows.tolist(), zip(*columns, strict=True), strict=True):
            verdict = known.get(key)
            if verdict is None:
                verdict = known[key] = planned.test(self._cells_by_number(planned, key), ())
            if verdict:
                yield row, number
        self._memory.remembered_verdicts += len(known) - before

    def _numbers_of(self, name: str) -> npt.NDArray[np.int64] | None:
        """Return the number of each row's value, ABSENT where it has none; None where no row has the field."""
        if name not in self._numbers:
            column = self._view.column(name)
            if column is None:
                self._numbers[name] = None
            else:
                memory = self._memory.column(name, self._plan.anchored.get(name))
                of_code = np.append(memory.numbers(column.values), ABSENT)
                self._numbers[name] = of_code[column.codes]
        return self._numbers[name]

    def _numbers_at(self, name: str, rows: npt.NDArray[np.int32]) -> list[int]:
        numbers = self._numbers_of(name)
        return [ABSENT] * len(rows) if numbers is None else numbers[rows].tolist()

    def _cells(self, planned: PlannedRule, row: int) -> list[Cell | None]:
        rows = np.array([row], dtype=np.int32)
        return self._cells_by_number(planned, [self._numbers_at(name, rows)[0] for name in planned.fields])

    def _cells_by_number(self, planned: PlannedRule, numbers: Sequence[int]) -> list[Cell | None]:
        columns = self._memory.columns
        return [
            None if number == ABSENT else columns[name].cells[number]
            for name, number in zip(planned.fields, numbers, strict=True)
        ]

    def _every_column(self) -> dict[str, FieldColumn]:
        if self._every is None:
            self._every = self._view.every_column()
        return self._every

    def _named_cells(self, rows: Sequence[int]) -> dict[int, list[tuple[str, Cell]]]:
        """Return every value of these rows with its native name, gathered once per row: what keywords look at."""
        new = np.array([row for row in rows if row not in self._cells_of_row], dtype=np.int32)
        self._cells_of_row.update((row, []) for row in new.tolist())
        for name, column in self._every_column().items() if len(new) else ():
            places = np.searchsorted(column.rows, new)
            places[places == len(column.rows)] = 0
            for row, place in zip(new.tolist(), places.tolist(), strict=True):
                if len(column.rows) and column.rows[place] == row:
                    self._cells_of_row[row].append((name, cell_of(column.values[column.codes[place]])))
        return self._cells_of_row

    def fields_of(self, number: int, row: int) -> dict[str, Value]:
        """Return the fields of a matching row that met a condition of the rule, under their native names."""
        planned = self._plan.rules[number]
        cells = self._cells(planned, row)
        fields: dict[str, Value] = {}
        for place in planned.evidence.places(cells):
            cell = cells[place]
            if cell is not None:
                fields[self._view.spelling(planned.fields[place], row)] = cell.value
        if planned.evidence.keywords:
            for name, cell in self._named_cells([row])[row]:
                if planned.evidence.met_by(cell):
                    fields[name] = cell.value
        return fields
