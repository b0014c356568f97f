"""All rules over flat JSON lines, without an EventBatch between: what `Engine.evaluate_lines` runs.

The kernels of `kernel` read a chunk of lines into codes, new values are looked through once, candidates and remembered
verdicts are found by code; Python decides what is new. Whatever the reader finds odd, and every line in which a keyword
may stand, is returned by number for the slow path, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import hyperscan
import numpy as np
import numpy.typing as npt
import orjson

from samdrift_logs.detect.cells import Cell, canonical, cell_of, fold, text_of
from samdrift_logs.detect.dialect import Dialect
from samdrift_logs.detect.kernel import folding, matching, reading, tables
from samdrift_logs.detect.kernel.tables import N_KEYS, N_KINDS, N_VALUES, SEEDS, TEXT, TOKEN, VALUE_USED
from samdrift_logs.detect.kernel.words import PAD
from samdrift_logs.detect.literals import HyperscanScanner
from samdrift_logs.detect.plan import KEYWORDS, Plan
from samdrift_logs.detect.routing import FIELD_NAMES, Kind, belonging, field_names
from samdrift_logs.events import Value

CHUNK_LINES = 4_096
_KIND_FIELDS = ("channel", "eventid", "provider_name", "eventtype")
_MOST_SLOTS_EACH = 64  # on average; more room is made where a chunk needs it
_VERDICT_BYTES = 120


class LineMatch(NamedTuple):
    """A rule, by its number in the plan, is true of a line. `fields`: native name → value of what met it."""

    row: int
    rule: int
    fields: Mapping[str, Value]


class LinePlan:
    """The plan as arrays: slots, literals and what they concern. Made once per engine and dialect."""

    def __init__(self, plan: Plan, dialect: Dialect) -> None:
        self.plan = plan
        self.dialect = dialect
        self.slot_of: dict[str, int] = {}
        for name in (*_KIND_FIELDS, *map(canonical, sorted(dialect.exact))):
            self._slot(name)
        for rule in plan.rules:
            for name in rule.fields:
                self._slot(name)
        # A field that stands in for another is kept a second time, under the other's column.
        self.renamed: dict[tuple[str, str], int] = {}
        for source, target in {pair for names in FIELD_NAMES.values() for pair in names.items()}:
            if target in self.slot_of:
                self._slot(source)
                self.renamed[source, target] = self._slot(f"{target} < {source}")
        self.stand_ins = [
            (target, other, self._slot(f"{canonical(target)} < {other!r}"))
            for target, others in dialect.other_names
            for other in others
        ]
        self.rules = self._rules()
        self._keywords_of: dict[bytes, _Keywords] = {}

    def _slot(self, name: str) -> int:
        return self.slot_of.setdefault(name, len(self.slot_of))

    def _rules(self) -> matching.RulesTable:
        plan = self.plan
        self.first_literal: dict[str, int] = {}
        self.first_check: dict[str, int] = {}
        concerned: list[npt.NDArray[np.int32]] = []
        for name, column in plan.anchored.items():
            if name == KEYWORDS:
                continue
            self.first_literal[name] = len(concerned)
            concerned.extend(column.literal_rules)
            self.first_check[name] = len(concerned)
            concerned.extend(rules for _, rules in column.checks)
            concerned.append(column.always)
        widths = [len(rule.fields) for rule in plan.rules]
        is_anchored = np.zeros(len(self.slot_of), dtype=np.uint8)
        for name in self.first_literal:
            is_anchored[self.slot_of[name]] = 1
        return matching.RulesTable(
            route=plan.route_of_rule,
            is_keyword=np.array([rule.keywords for rule in plan.rules], dtype=np.uint8),
            slot_start=np.concatenate([[0], np.cumsum(widths)]).astype(np.int64),
            slots=np.array([self.slot_of[name] for rule in plan.rules for name in rule.fields], dtype=np.int32),
            unanchored=np.array([n for rules in plan.unanchored.values() for n in rules.tolist()], dtype=np.int32),
            literal_start=np.concatenate([[0], np.cumsum([len(each) for each in concerned])]).astype(np.int64),
            literal_rules=np.concatenate([np.empty(0, np.int32), *concerned]).astype(np.int32),
            is_anchored=is_anchored,
        )

    def keywords(self, is_open: npt.NDArray[np.bool_]) -> _Keywords:
        """Return what to look for in raw lines for rules anchored on keywords whose routes are open."""
        known = self._keywords_of.get(is_open.tobytes())
        if known is None:
            known = self._keywords_of[is_open.tobytes()] = self._make_keywords(is_open)
        return known

    def _make_keywords(self, is_open: npt.NDArray[np.bool_]) -> _Keywords:
        column = self.plan.anchored.get(KEYWORDS)
        if column is None:
            return _Keywords(None, None, [], np.empty(0, dtype=np.int32))
        always = [column.always, *(rules for _, rules in column.checks)]
        pieces: dict[bytes, list[npt.NDArray[np.int32]]] = {}
        for literal, rules in zip(column.literals, column.literal_rules, strict=True):
            routes = self.plan.route_of_rule[rules]
            routes = routes[is_open[routes]]
            if not len(routes):
                continue
            piece = _raw_piece(literal)
            if piece:
                pieces.setdefault(piece, []).append(routes)
            else:
                always.append(rules)
        routes_of = [np.unique(np.concatenate(each)) for each in pieces.values()]
        always_routes = np.unique(self.plan.route_of_rule[np.concatenate(always)])
        if not pieces:
            return _Keywords(None, None, [], always_routes)
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=list(pieces),
            ids=list(range(len(pieces))),
            elements=len(pieces),
            flags=hyperscan.HS_FLAG_CASELESS,
            literal=True,
        )
        return _Keywords(database, hyperscan.Scratch(database), routes_of, always_routes)


class _Keywords(NamedTuple):
    """`routes[i]` are the routes of the rules that piece i of the database concerns; `always` of those without any."""

    database: hyperscan.Database | None
    scratch: hyperscan.Scratch | None
    routes: list[npt.NDArray[np.int32]]
    always: npt.NDArray[np.int32]

    def scan(self, raw: bytes) -> tuple[list[int], list[int]]:
        """Return where each find ends, and which piece it is."""
        ends: list[int] = []
        found: list[int] = []

        def on_match(piece: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append(piece)
            ends.append(end)

        if self.database is not None:
            self.database.scan(raw, match_event_handler=on_match, scratch=self.scratch)
        return ends, found


def _raw_piece(literal: bytes) -> bytes:
    """Return the longest part of a literal that stands in JSON as it stands in the value, whatever wrote it."""
    plain = bytearray(byte if 0x20 <= byte < 0x7F and byte not in b'"\\/' else 0x20 for byte in literal)
    cut = bytes(byte if keep == byte else 0 for byte, keep in zip(literal, plain, strict=True))
    return max(cut.split(b"\0"), key=len)


class LineMemory:
    """One generation of what is remembered of lines of one dialect."""

    def __init__(self, plan: LinePlan) -> None:
        self.plan = plan
        self.counts = np.zeros(5, dtype=np.int64)
        self.keys = tables.make_keys()
        self.values = tables.make_values()
        self.kinds_table = tables.make_kinds()
        self.kinds: list[Kind] = []
        self.is_open = np.zeros((tables.MOST_KINDS, len(plan.plan.routes)), dtype=np.uint8)
        self.has_keywords = np.zeros(tables.MOST_KINDS, dtype=np.bool_)
        self.has_account = np.zeros(tables.MOST_KINDS, dtype=np.bool_)
        self.renames: dict[tuple[str, str], npt.NDArray[np.bool_]] = {
            pair: np.zeros(tables.MOST_KINDS, dtype=np.bool_) for pair in plan.renamed
        }
        self.key_names: list[str] = []
        self.last = np.full(len(plan.slot_of), -1, dtype=np.int32)
        self.learnt = 0
        self.found = _found_for(1 << 16, np.zeros(1 << 16, dtype=np.int32))
        self.hits = 0
        self.cells: dict[int, Cell] = {}
        numbers = len(plan.rules.slots) + len(plan.rules.route)
        self.verdicts = matching.make_verdicts(1 << 16, max(1 << 18, 4 * numbers))
        self.verdict_counts = np.zeros(2, dtype=np.int64)
        self.decided = 0
        self.places: dict[int, list[int]] = {}
        self.users: dict[tuple[int, int], int] = {}
        self.stamps = np.full(len(plan.rules.route), -1, dtype=np.int64)
        self.serial = 0
        self._columns = sorted(plan.slot_of, key=plan.slot_of.__getitem__)
        self.key_of_name = {name: self._named_key(name) for name in plan.dialect.exact}
        self.aliases = np.array(
            [
                (plan.slot_of[canonical(target)], slot, self.key_of_name[target])
                for target, _other, slot in plan.stand_ins
            ],
            dtype=np.int64,
        ).reshape(-1, 3)

    @property
    def size_bytes(self) -> int:
        """Return roughly what this generation holds."""
        used = int(self.counts[VALUE_USED]) + 60 * int(self.counts[N_VALUES])
        return used + 500 * len(self.cells) + _VERDICT_BYTES * int(self.verdict_counts[0])

    @property
    def is_full(self) -> bool:
        """Tell whether a table of names has no more room: then every new one is odd, and a new generation is due."""
        return bool(self.counts[N_KEYS] >= tables.MOST_KEYS - 1 or self.counts[N_KINDS] >= tables.MOST_KINDS - 1)

    def _named_key(self, name: str) -> int:
        buffer = np.frombuffer(name.encode() + b'"' + bytes(PAD), dtype=np.uint8)
        number = reading.key_number(buffer, 0, len(name.encode()), self.keys, self.counts, SEEDS)
        if number == -1:
            number = int(self.counts[N_KEYS]) - 1
        self.learn_keys()
        return int(number)

    def learn_keys(self) -> None:
        """Say of every new name where its values go."""
        for number in range(len(self.key_names), int(self.counts[N_KEYS])):
            begin = int(self.keys.start[number])
            raw = self.keys.bytes[begin : begin + int(self.keys.length[number])].tobytes()
            try:
                name = raw.decode()
            except UnicodeDecodeError:
                self.key_names.append("")
                self.keys.is_odd[number] = 1
                continue
            self.key_names.append(name)
            self._place_key(number, name)

    def _place_key(self, number: int, name: str) -> None:
        plan, keys = self.plan, self.keys
        found = canonical(name)
        if not name.isascii():
            keys.is_odd[number] |= 2
        if found in map(canonical, plan.dialect.exact) and name not in plan.dialect.exact:
            keys.is_odd[number] |= 1
        column = plan.slot_of.get(found)
        seconds = [(slot, plan.slot_of[canonical(target)]) for target, other, slot in plan.stand_ins if other == name]
        seconds += [(slot, plan.slot_of[target]) for (source, target), slot in plan.renamed.items() if source == found]
        if len(seconds) > 1:
            keys.is_odd[number] |= 1
        if column is not None:
            keys.slot[number] = keys.column[number] = column
        elif seconds:
            keys.slot[number], keys.column[number] = seconds.pop()
        if seconds:
            keys.second_slot[number], keys.second_column[number] = seconds[0]

    def learn_kinds(self) -> None:
        """Say of every new kind which routes are open to it."""
        plan, dialect = self.plan, self.plan.dialect
        for number in range(len(self.kinds), int(self.counts[N_KINDS])):
            values = [None if code < 0 else self.cell(code).value for code in self.kinds_table.codes[number].tolist()]
            category, service = dialect.logsource_of(values[0], values[1])
            kind = Kind(
                fold(dialect.product or ""),
                fold(category or dialect.category or ""),
                fold(service or dialect.service or ""),
                *(_word(value) for value in values),
            )
            self.kinds.append(kind)
            belongs = belonging(kind)
            self.is_open[number] = [belongs.answers(route) for route in plan.plan.routes]
            self.has_keywords[number] = bool(self.is_open[number, plan.plan.keyword_routes].any())
            self.has_account[number] = dialect.has_account(values[0], values[1])
            for pair in field_names(kind).items():
                if pair in self.renames:
                    self.renames[pair][number] = True

    def cell(self, code: int) -> Cell:
        """Return the Cell of a value."""
        cell = self.cells.get(code)
        if cell is None:
            start, length = int(self.values.start[code]), int(self.values.length[code])
            raw = self.values.bytes[start : start + length].tobytes()
            if self.values.column[code] & 3 != TEXT:
                cell = cell_of(orjson.loads(raw))
            elif b"\\" in raw:
                cell = cell_of(orjson.loads(b'"' + raw + b'"'))
            else:
                cell = cell_of(raw.decode())
            self.cells[code] = cell
        return cell

    def code_of(self, value: Value, column: int) -> int:
        """Return the code of a value made here rather than read."""
        written = orjson.dumps(value)
        raw, kind = (written[1:-1], TEXT) if type(value) is str else (written, TOKEN)
        buffer = np.frombuffer(raw + bytes(PAD), dtype=np.uint8)
        while True:
            code = int(reading.value_code(buffer, 0, len(raw), column * 4 + kind, self.values, self.counts, SEEDS))
            if code >= 0:
                return code
            self.grow_values(len(raw))

    def grow_values(self, more_bytes: int) -> None:
        """Make room for values."""
        used, used_bytes = int(self.counts[N_VALUES]), int(self.counts[VALUE_USED])
        self.values = tables.grown_values(self.values, used, used_bytes, more_bytes + (1 << 20))

    def grow_verdicts(self) -> None:
        """Make room for verdicts."""
        used, numbers = self.verdict_counts.tolist()
        old = self.verdicts
        fresh = matching.make_verdicts(2 * len(old.hash), 2 * len(old.pool))
        fresh.hash[:used], fresh.start[:used] = old.hash[:used], old.start[:used]
        fresh.pool[:numbers], fresh.verdict[:used] = old.pool[:numbers], old.verdict[:used]
        reading.fill_table(fresh.table, fresh.hash[:used])
        self.verdicts = fresh

    def learn_values(self) -> None:
        """Look through every new value of the columns that rules are anchored on, once."""
        first, after = self.learnt, int(self.counts[N_VALUES])
        if first == after:
            return
        self.learnt = after
        self._make_room_for_found(after)
        columns = self.values.column[first:after] >> 2
        order = np.argsort(columns, kind="stable")
        codes = (order + first).astype(np.int64)
        columns = columns[order]
        starts = np.flatnonzero(np.diff(columns, prepend=-1))
        ends = np.append(starts, len(columns))[1:]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            slot = int(columns[start])
            if self.plan.rules.is_anchored[slot]:
                self._learn_column(self._columns[slot], codes[start:end])

    def _make_room_for_found(self, codes: int) -> None:
        starts, counts, pool = self.found
        if codes > len(starts):
            fresh = _found_for(max(codes, 2 * len(starts)), pool)
            fresh.start[: len(starts)], fresh.count[: len(starts)] = starts, counts
            self.found = fresh

    def _learn_column(self, name: str, codes: npt.NDArray[np.int64]) -> None:
        column = self.plan.plan.anchored[name]
        first = self.plan.first_literal[name]
        owners: list[npt.NDArray[np.int64]] = []
        literals: list[npt.NDArray[np.int64]] = []
        if column.scanner is not None:
            assert isinstance(column.scanner, HyperscanScanner)
            size = int(self.values.length[codes].sum()) + len(codes) + 1
            out = np.empty(size, dtype=np.uint8)
            borders = np.empty(len(codes), dtype=np.int64)
            left_out = np.empty(len(codes), dtype=np.uint8)
            used = folding.fold_values(codes, self.values, out, borders, left_out)
            ends, hits = column.scanner.scan_text(out[:used].tobytes())
            if ends:
                place = np.searchsorted(borders, np.array(ends, dtype=np.int64))
                owners.append(codes[np.minimum(place, len(codes) - 1)])
                literals.append(np.array(hits, dtype=np.int64) + first)
            self._scan_left_out(column.scanner, codes[left_out != 0], first, owners, literals)
        first = self.plan.first_check[name]
        for number, (test, _rules) in enumerate(column.checks):
            met = np.array([code for code in codes.tolist() if test(self.cell(code))], dtype=np.int64)
            owners.append(met)
            literals.append(np.full(len(met), first + number, dtype=np.int64))
        if len(column.always):
            owners.append(codes)
            literals.append(np.full(len(codes), first + len(column.checks), dtype=np.int64))
        if owners:
            self._keep_found(np.concatenate(owners), np.concatenate(literals))

    def _scan_left_out(
        self,
        scanner: HyperscanScanner,
        codes: npt.NDArray[np.int64],
        first: int,
        owners: list[npt.NDArray[np.int64]],
        literals: list[npt.NDArray[np.int64]],
    ) -> None:
        texts: list[bytes] = []
        of_code: list[int] = []
        for code in codes.tolist():
            folded = self.cell(code).folded
            texts.extend(text.encode() for text in folded)
            of_code.extend([code] * len(folded))
        pairs = scanner.scan(texts) if texts else []
        owners.append(np.array([of_code[place] for place, _ in pairs], dtype=np.int64))
        literals.append(np.array([literal + first for _, literal in pairs], dtype=np.int64))

    def _keep_found(self, owners: npt.NDArray[np.int64], literals: npt.NDArray[np.int64]) -> None:
        if not len(owners):
            return
        order = np.argsort(owners, kind="stable")
        owners, literals = owners[order], literals[order]
        starts, counts, pool = self.found
        if self.hits + len(literals) > len(pool):
            pool = _grown(pool, max(2 * len(pool), self.hits + len(literals)))
            self.found = matching.Found(starts, counts, pool)
        pool[self.hits : self.hits + len(literals)] = literals
        distinct, first, count = np.unique(owners, return_index=True, return_counts=True)
        starts[distinct] = first + self.hits
        counts[distinct] = count
        self.hits += len(literals)

    def decide(self) -> None:
        """Ask the rules of all entries that are new."""
        used = int(self.verdict_counts[0])
        rules, slots, verdicts = self.plan.plan.rules, self.plan.rules, self.verdicts
        starts = verdicts.start[self.decided : used].tolist()
        answers = []
        for start in starts:
            rule = int(verdicts.pool[start])
            answers.append(rules[rule].test(self._cells_of(start, rule, slots.slot_start), ()))
        verdicts.verdict[self.decided : used] = answers
        self.decided = used

    def _cells_of(self, start: int, rule: int, slot_start: tables.Numbers) -> list[Cell | None]:
        width = int(slot_start[rule + 1] - slot_start[rule])
        codes = self.verdicts.pool[start + 1 : start + 1 + width].tolist()
        return [None if code < 0 else self.cell(code) for code in codes]

    def evidence(self, entry: int) -> tuple[int, list[int], list[Cell | None]]:
        """Return the rule of an entry, the places of the fields that met it, and its cells."""
        start = int(self.verdicts.start[entry])
        rule = int(self.verdicts.pool[start])
        cells = self._cells_of(start, rule, self.plan.rules.slot_start)
        places = self.places.get(entry)
        if places is None:
            places = self.places[entry] = self.plan.plan.rules[rule].evidence.places(cells)
        return rule, places, cells


def _found_for(codes: int, pool: tables.Codes) -> matching.Found:
    beside = np.zeros((codes, 2), dtype=np.int64)  # asked together
    return matching.Found(beside[:, 0], beside[:, 1], pool)


def _grown(array: npt.NDArray, size: int) -> npt.NDArray:  # type: ignore[type-arg]
    fresh = np.zeros(size, dtype=array.dtype)
    fresh[: len(array)] = array
    return fresh


def _word(value: Value) -> str:
    return "" if value is None or isinstance(value, tuple) else fold(text_of(value))


class Workspace:
    """Arrays for one chunk of lines, used again and again. `codes` is all -1 between chunks."""

    def __init__(self, plan: LinePlan) -> None:
        width = len(plan.slot_of)
        self.codes = np.full((CHUNK_LINES, width), -1, dtype=np.int32)
        self.state = np.zeros(CHUNK_LINES, dtype=np.uint8)
        self.kind = np.zeros(CHUNK_LINES, dtype=np.int32)
        self.slot_start = np.zeros(CHUNK_LINES, dtype=np.int64)
        self.slot_count = np.zeros(CHUNK_LINES, dtype=np.int64)
        # Every row could have every slot: room for all, of which only what is used is ever touched.
        self.slots = np.empty(CHUNK_LINES * (width + reading.SPARE_SLOTS), dtype=np.int32)
        self.slot_keys = np.empty(CHUNK_LINES * (width + reading.SPARE_SLOTS), dtype=np.int32)
        pairs = max(1 << 18, len(plan.rules.route))  # one row may be of interest to every rule
        self.pair_row = np.empty(pairs, dtype=np.int32)
        self.pair_entry = np.empty(pairs, dtype=np.int32)


class LineRun:
    """One chunk of lines on its way."""

    def __init__(self, plan: LinePlan, memory: LineMemory, space: Workspace, lines: Sequence[bytes]) -> None:
        if len(lines) > CHUNK_LINES:
            raise ValueError(f"a chunk has at most {CHUNK_LINES} lines, this one {len(lines)}")
        self._plan, self._memory, self._space = plan, memory, space
        self._count = len(lines)
        self._raw = b"\n".join(lines) + bytes(PAD)
        self._buffer = np.frombuffer(self._raw, dtype=np.uint8)
        lengths = np.fromiter(map(len, lines), dtype=np.int64, count=len(lines))
        self._ends = np.cumsum(lengths + 1) - 1
        self._starts = self._ends - lengths

    def run(self) -> tuple[list[LineMatch], npt.NDArray[np.int64]]:
        """Return the matches, and the rows that the slow path must look at."""
        try:
            return self._run()
        except BaseException:
            self._space.codes.fill(-1)  # nothing of a chunk that was cut short may stand in the next
            raise
        finally:
            self._memory.serial += self._count

    def _run(self) -> tuple[list[LineMatch], npt.NDArray[np.int64]]:
        space, count = self._space, self._count
        self._read()
        self._memory.learn_kinds()
        self._rename()
        self._add_accounts()
        self._memory.learn_values()
        self._look_for_keywords()
        matches = list(self._matches())
        odd = np.flatnonzero(space.state[:count] == reading.ODD)
        matching.clear_rows(count, space.codes, space.slots, space.slot_start, space.slot_count)
        return matches, odd

    def _read(self) -> None:
        plan, memory, space, dialect = self._plan, self._memory, self._space, self._plan.dialect
        required = np.array([plan.slot_of[canonical(name)] for name in dialect.required], dtype=np.int64)
        kind_slots = np.array([plan.slot_of[name] for name in _KIND_FIELDS], dtype=np.int64)
        message = plan.slot_of[canonical(dialect.message)] if dialect.message else -1
        row = 0
        space.slot_start[0] = 0
        while True:
            status, row = reading.read_lines(
                self._buffer, self._starts, self._ends, row, memory.serial, space.codes, space.state, space.slots,
                space.slot_keys, space.slot_start, space.slot_count, space.kind, memory.last, memory.keys,
                memory.values, memory.kinds_table, memory.counts, SEEDS, memory.aliases, required, kind_slots, message,
                dialect.message_most,
            )  # fmt: skip
            if status == reading.DONE:
                return
            if status == reading.NEW_KEY:
                memory.learn_keys()
            else:
                memory.grow_values(int(self._ends[row] - self._starts[row]) * 2 + 64)

    def _rows_of(self, kinds: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        state, kind = self._space.state[: self._count], self._space.kind[: self._count]
        return np.flatnonzero(kinds[np.maximum(kind, 0)] & (state != reading.ODD))

    def _rename(self) -> None:
        space = self._space
        for (source, target), kinds in self._memory.renames.items():
            if not kinds.any():
                continue
            slot, second = self._plan.slot_of[target], self._plan.renamed[source, target]
            rows = self._rows_of(kinds)
            rows = rows[(space.codes[rows, slot] < 0) & (space.codes[rows, second] >= 0)]
            space.codes[rows, slot] = space.codes[rows, second]
            for row in rows.tolist():
                begin, count = int(space.slot_start[row]), int(space.slot_count[row])
                there = space.slots[begin : begin + count]
                key = space.slot_keys[begin + int(np.flatnonzero(there == second)[0])]
                self._add_slot(row, slot, int(key))

    def _add_slot(self, row: int, slot: int, key: int) -> None:
        space = self._space
        end = int(space.slot_start[row] + space.slot_count[row])
        space.slots[end], space.slot_keys[end] = slot, key
        space.slot_count[row] += 1

    def _add_accounts(self) -> None:
        """Give 4688 the field that no renaming of one field could."""
        memory, space = self._memory, self._space
        if self._plan.dialect.account is None or not memory.has_account.any():
            return
        domain, name, target = (self._plan.slot_of[canonical(each)] for each in self._plan.dialect.account)
        rows = self._rows_of(memory.has_account)
        rows = rows[(space.codes[rows, target] < 0) & (space.codes[rows, name] >= 0)]
        key = memory.key_of_name[self._plan.dialect.account[2]]
        for row in rows.tolist():
            pair = int(space.codes[row, domain]), int(space.codes[row, name])
            code = memory.users.get(pair)
            if code is None:
                code = memory.users[pair] = self._account(pair, target)
            if code >= 0:
                space.codes[row, target] = code
                self._add_slot(row, target, key)

    def _account(self, pair: tuple[int, int], target: int) -> int:
        domain, name = (None if code < 0 else self._memory.cell(code).value for code in pair)
        if not name:
            return -1
        user = f"{domain}\\{name}" if domain and domain != "-" else name
        return self._memory.code_of(user, target)

    def _look_for_keywords(self) -> None:
        """Make odd every row in whose bytes a keyword of an open rule may stand."""
        plan, memory, space, count = self._plan, self._memory, self._space, self._count
        wanted: npt.NDArray[np.bool_] = memory.has_keywords[np.maximum(space.kind[:count], 0)]
        wanted = np.logical_and(wanted, space.state[:count] != reading.ODD)
        if not wanted.any():
            return
        unsure = np.flatnonzero(wanted & (space.state[:count] == reading.UNSURE))
        space.state[unsure] = reading.ODD
        keywords = plan.keywords(np.asarray(memory.is_open[: len(memory.kinds)].any(axis=0), dtype=np.bool_))
        if len(keywords.always):
            asked = np.asarray(memory.is_open[:, keywords.always].any(axis=1), dtype=np.bool_)
            space.state[:count][asked[np.maximum(space.kind[:count], 0)]] = reading.ODD
        ends, found = keywords.scan(self._raw)
        rows = np.searchsorted(self._ends, np.array(ends, dtype=np.int64)).tolist()
        for row, piece in {*zip(rows, found, strict=True)}:
            if wanted[row] and memory.is_open[space.kind[row], keywords.routes[piece]].any():
                space.state[row] = reading.ODD

    def _matches(self) -> Iterator[LineMatch]:
        memory, space = self._memory, self._space
        row = pairs = 0
        while True:
            status, row, pairs = matching.match_rows(
                row, self._count, memory.serial, space.codes, space.state, space.slots, space.slot_start,
                space.slot_count, space.kind, memory.is_open, self._plan.rules, memory.found, memory.verdicts,
                memory.verdict_counts, memory.stamps, space.pair_row, space.pair_entry, pairs, SEEDS,
            )  # fmt: skip
            if status == matching.MEMORY_FULL:
                memory.grow_verdicts()
                continue
            memory.decide()
            yield from self._true_pairs(pairs)
            pairs = 0
            if status == matching.FINISHED:
                return

    def _true_pairs(self, pairs: int) -> Iterator[LineMatch]:
        memory, space = self._memory, self._space
        entries, rows = space.pair_entry[:pairs], space.pair_row[:pairs]
        met = (memory.verdicts.verdict[entries] > 0) & (space.state[rows] != reading.ODD)
        for row, entry in zip(rows[met].tolist(), entries[met].tolist(), strict=True):
            rule, places, cells = memory.evidence(entry)
            yield LineMatch(row, rule, self._fields(row, rule, places, cells))

    def _fields(self, row: int, rule: int, places: Sequence[int], cells: Sequence[Cell | None]) -> dict[str, Value]:
        space, slot_start = self._space, self._plan.rules.slot_start
        begin, count = int(space.slot_start[row]), int(space.slot_count[row])
        there = slice(begin, begin + count)
        keys = dict(zip(space.slots[there].tolist(), space.slot_keys[there].tolist(), strict=True))
        fields: dict[str, Value] = {}
        for place in places:
            cell = cells[place]
            if cell is not None:
                slot = int(self._plan.rules.slots[slot_start[rule] + place])
                fields[self._memory.key_names[keys[slot]]] = cell.value
        return fields


class LineState:
    """What an engine keeps for one dialect: the plan as arrays, the generation, and the workspace."""

    def __init__(self, plan: Plan, dialect: Dialect) -> None:
        self._plan = LinePlan(plan, dialect)
        self._memory = LineMemory(self._plan)
        self._space = Workspace(self._plan)

    def start_generation_if_full(self, most_bytes: int) -> bool:
        """Forget everything where the memory is full; tell whether it was."""
        if self._memory.size_bytes <= most_bytes and not self._memory.is_full:
            return False
        self._memory = LineMemory(self._plan)
        return True

    def evaluate(self, lines: Sequence[bytes]) -> tuple[list[LineMatch], list[int]]:
        """Return the matches by row and rule, and the rows for the slow path."""
        matches: list[LineMatch] = []
        odd: list[int] = []
        for first in range(0, len(lines), CHUNK_LINES):
            found, left = self._evaluate_chunk(lines[first : first + CHUNK_LINES])
            matches.extend(each._replace(row=each.row + first) for each in found)
            odd.extend((left + first).tolist())
        matches.sort(key=lambda each: each[:2])
        return matches, odd

    def _evaluate_chunk(self, lines: Sequence[bytes]) -> tuple[list[LineMatch], npt.NDArray[np.int64]]:
        try:
            return LineRun(self._plan, self._memory, self._space, lines).run()
        except BaseException:
            # Cut short (Ctrl-C, no memory): half-learnt values would hide matches for ever, so all is forgotten.
            self._memory = LineMemory(self._plan)
            raise
