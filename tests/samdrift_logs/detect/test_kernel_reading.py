"""The compiled reader of lines against its twin in plain Python."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.detect.dialect import Dialect
from samdrift_logs.detect.kernel import plain, reading
from samdrift_logs.detect.lines import CHUNK_LINES, LineMemory, LinePlan, LineRun, Workspace
from samdrift_logs.detect.plan import make_plan
from tests.samdrift_logs.detect.batches import parse, rule_text

NAMES = ("Alpha", "beta", "EventID", "Gamma ray", "Ærø")
PLAN = LinePlan(
    make_plan(parse(*(rule_text({"sel": {name: "never"}, "condition": "sel"}, title=name) for name in NAMES))),
    Dialect(name="test", product="test"),
)
SPACE = Workspace(PLAN)


class _Reader(LineRun):
    """Reads, and shows what was read."""

    def fields(self) -> list[dict[str, object] | None]:
        self._read()
        return [self._row(row) for row in range(self._count)]

    def _row(self, row: int) -> dict[str, object] | None:
        space, memory = self._space, self._memory
        if space.state[row] == reading.ODD:
            assert space.slot_count[row] == 0
            return None
        begin, count = space.slot_start[row], space.slot_count[row]
        slots, keys = space.slots[begin : begin + count].tolist(), space.slot_keys[begin : begin + count].tolist()
        return {
            memory.key_names[key]: memory.cell(int(space.codes[row, slot])).value
            for slot, key in zip(slots, keys, strict=True)
        }


def read_both(lines: Sequence[bytes]) -> tuple[list[object], list[object]]:
    """Return what the kernel and what the twin read of the columns that rules ask for."""
    SPACE.codes.fill(-1)
    compiled = _Reader(PLAN, LineMemory(PLAN), SPACE, lines).fields()
    return compiled, [_asked(plain.read_line(line)) for line in lines]


def _asked(fields: plain.Fields | None) -> object:
    if fields is None:
        return None
    spellings = [name.lower().replace(" ", "") for name in fields]
    asked = {name.lower().replace(" ", "") for name in (*NAMES, "Channel", "Provider_Name", "EventType")}
    if any(spellings.count(name) > 1 for name in asked):
        return None  # two spellings of one column
    return {name: value for name, value in fields.items() if name.lower().replace(" ", "") in asked}


KEYS = st.one_of(st.sampled_from([*NAMES, "alpha", "other", "Channel", ""]), st.text(max_size=40))
SCALARS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["C:\\Windows\\x.exe", '"', "\\", "/", "\n\t\r\b\f", "\x00", "\u212a", "\ud7ff", "😀"]),
    st.sampled_from(["a" * 31, "a" * 32]),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
VALUES = st.one_of(SCALARS, SCALARS, SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(KEYS, SCALARS, max_size=2))
OBJECTS = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=8),
    st.dictionaries(KEYS, SCALARS, max_size=8),
    st.dictionaries(KEYS, SCALARS, max_size=8),
)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """Return an object written in one of the ways there are, and sometimes damaged."""
    fields = draw(OBJECTS)
    ascii_only = draw(st.booleans())
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :\t")]))
    line = bytearray(json.dumps(fields, ensure_ascii=ascii_only, separators=separators).encode("utf-8", "replace"))
    damage = draw(st.sampled_from(["none", "none", "none", "cut", "replace", "insert", "twice", "around"]))
    place = draw(st.integers(0, len(line)))
    if damage == "cut":
        del line[place:]
    elif damage == "replace" and place < len(line):
        line[place] = draw(st.sampled_from(b'"\\{}[],:0-.eEu\x00\x1f\x7f\x80\xc3\xff \n'))
    elif damage == "insert":
        line[place:place] = draw(st.sampled_from([b'"', b"\\", b"\\u00e", b"\\ud800", b"\xed\xa0\x80", b","]))
    elif damage == "twice":
        line[-1:] = b',"Alpha":1,"Alpha":2}'
    elif damage == "around":
        line[:] = b" \t" + bytes(line) + b" \r\n"
    return bytes(line)


@given(st.lists(st.one_of(written(), written(), st.binary(max_size=60)), min_size=1, max_size=12))
def test_the_kernel_reads_what_its_twin_reads(lines: list[bytes]) -> None:
    compiled, twin = read_both(lines)

    assert compiled == twin


@given(st.lists(OBJECTS.filter(bool), min_size=2, max_size=4), st.integers(0, 400))
def test_a_line_that_ends_early_takes_nothing_of_the_next(objects: list[dict[str, object]], cut: int) -> None:
    whole = [json.dumps(each).encode() for each in objects]
    lines = [whole[0][: min(cut, len(whole[0]) - 1)], *whole[1:]]

    compiled, twin = read_both(lines)

    assert compiled[0] is None
    assert compiled == twin


ODD_LINES = {
    "nested": b'{"Alpha":{"beta":1}}',
    "list": b'{"Alpha":["x"]}',
    "key twice": b'{"other":1,"other":1}',
    "column twice": b'{"Alpha":"x","alpha":"y"}',
    "escaped key": b'{"Al\\u0070ha":"x"}',
    "no quote": b'{"Alpha":"x}',
    "lone quote": b'"',
    "escape at the end": b'{"Alpha":"x\\',
    "surrogate": b'{"Alpha":"\\ud83d\\ude00"}',
    "lone surrogate": b'{"Alpha":"\\ud800"}',
    "bad utf-8": b'{"Alpha":"\xff"}',
    "bad utf-8 in an unasked field": b'{"other":"\xc3"}',
    "overlong utf-8": b'{"Alpha":"\xc0\xaf"}',
    "control character": b'{"Alpha":"a\x01b"}',
    "NUL": b'{"Alpha":"a\x00b"}',
    "wrong escape": b'{"Alpha":"\\x41"}',
    "huge number": b'{"Alpha":123456789012345678901234567890}',
    "exponent": b'{"Alpha":1e3}',
    "leading zero": b'{"Alpha":01}',
    "plus": b'{"Alpha":+1}',
    "NaN": b'{"Alpha":NaN}',
    "trailing comma": b'{"Alpha":1,}',
    "two objects": b'{"Alpha":1}{"Alpha":2}',
    "empty": b"",
    "not an object": b"[1]",
    "byte order mark": b'\xef\xbb\xbf{"Alpha":1}',
    "too many fields": b"{" + b",".join(b'"f%d":1' % n for n in range(1001)) + b"}",
}


@pytest.mark.parametrize("line", ODD_LINES.values(), ids=ODD_LINES.keys())
def test_whatever_is_odd_is_left_to_the_slow_path(line: bytes) -> None:
    compiled, twin = read_both([b'{"Alpha":"before"}', line, b'{"Alpha":"after"}'])

    assert compiled == [{"Alpha": "before"}, None, {"Alpha": "after"}]
    assert compiled == twin


def test_more_names_than_the_table_holds_are_odd_and_nothing_is_lost() -> None:
    read = _read_in_chunks(LineMemory(PLAN), [b'{"Alpha":"x","name%d":1}' % number for number in range(6_000)])

    assert len(read) == 6_000
    assert set(map(str, read)) == {"None", "{'Alpha': 'x'}"}
    assert 4_000 < sum(each is not None for each in read) < 4_097


def test_values_grow_past_every_table() -> None:
    memory = LineMemory(PLAN)
    long = b'{"Alpha":"%s"}' % (b"y" * 9_000_000)
    lines = [b'{"Alpha":"value %d %s"}' % (number, b"x" * 300) for number in range(80_000)]

    read = _read_in_chunks(memory, [*lines, long, b'{"Alpha":"last"}', lines[3]])

    assert read[:80_000] == [{"Alpha": f"value {number} {'x' * 300}"} for number in range(80_000)]
    assert read[80_000:] == [{"Alpha": "y" * 9_000_000}, {"Alpha": "last"}, read[3]]


def test_a_chunk_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        LineRun(PLAN, LineMemory(PLAN), SPACE, [b"{}"] * (CHUNK_LINES + 1))


def _read_in_chunks(memory: LineMemory, lines: Sequence[bytes]) -> list[dict[str, object] | None]:
    read: list[dict[str, object] | None] = []
    for first in range(0, len(lines), CHUNK_LINES):
        SPACE.codes.fill(-1)
        chunk = lines[first : first + CHUNK_LINES]
        read += _Reader(PLAN, memory, SPACE, chunk).fields()
        memory.serial += len(chunk)
    return read
