"""What is remembered of values already seen: so that cost follows distinct values, not events.

Every distinct value of a column gets a number, its Cell and the rules it may concern, once. Verdicts are remembered per
rule by the numbers of the values it reads; numbers are given by comparing values, so a verdict is never trusted to a
hash. Memory is bounded: when a generation is full, the next batch starts an empty one.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from samdrift_logs.detect.cells import Cell, cell_of
from samdrift_logs.detect.plan import ColumnPlan, Rules
from samdrift_logs.events import Value

ABSENT = -1
_NOTHING: Rules = np.empty(0, dtype=np.int32)
_VERDICT_BYTES = 200


@attrs.define(eq=False)
class ColumnMemory:
    """The distinct values of one column: `cells[n]` and `rules[n]` belong to the value with number n."""

    plan: ColumnPlan | None
    cells: list[Cell] = attrs.field(factory=list)
    rules: list[Rules] = attrs.field(factory=list)
    size_bytes: int = 0
    _texts: dict[str, int] = attrs.field(factory=dict)
    _others: dict[tuple[type, str], int] = attrs.field(factory=dict)

    def numbers(self, values: Sequence[Value]) -> npt.NDArray[np.int64]:
        """Return the number of each value, learning those that are new."""
        texts, others = self._texts, self._others
        known = len(self.cells)
        numbers: list[int] = []
        for value in values:
            if type(value) is str:
                number = texts.setdefault(value, known)
            else:
                number = others.setdefault((type(value), repr(value)), known)
            if number == known:
                known += 1
                self.cells.append(cell_of(value))
            numbers.append(number)
        self._learn()
        return np.array(numbers, dtype=np.int64)

    def _learn(self) -> None:
        new = self.cells[len(self.rules) :]
        if not new:
            return
        self.rules.extend(self.plan.concerned(new) if self.plan is not None else [_NOTHING] * len(new))
        self.size_bytes += sum(cell.size_bytes for cell in new)


@attrs.define(eq=False)
class Memory:
    """One generation of remembered columns and verdicts."""

    columns: dict[str, ColumnMemory] = attrs.field(factory=dict)
    verdicts: dict[int, dict[tuple[int, ...], bool]] = attrs.field(factory=dict)
    remembered_verdicts: int = 0

    def column(self, name: str, plan: ColumnPlan | None) -> ColumnMemory:
        """Return the memory of a column."""
        if name not in self.columns:
            self.columns[name] = ColumnMemory(plan)
        return self.columns[name]

    @property
    def size_bytes(self) -> int:
        """Return roughly what this generation holds."""
        return sum(each.size_bytes for each in self.columns.values()) + self.remembered_verdicts * _VERDICT_BYTES
