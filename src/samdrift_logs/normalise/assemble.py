"""Turn events (one mapping each) into columns: the typed table and the native fields.

Events of one kind have the same fields in the same order, so rows are grouped by that shape and turned column by
column: Python touches a column, not each value of each row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from samdrift_logs.events import SCHEMA, FieldColumn, Value

Rows = npt.NDArray[np.int32]
_TEXT_OR_NULL = ({str}, {str, type(None)})
_INT64 = 2**63


def intern_by_shape(events: Sequence[Mapping[str, Any]]) -> dict[str, FieldColumn]:
    """Return sparse, dictionary-encoded columns; the same result as `events.intern_fields`, faster on like events.

    A list becomes a tuple and an object inside one its JSON text.
    """
    return {
        name: _field_column([rows for rows, _ in parts], list(chain.from_iterable(values for _, values in parts)))
        for name, parts in _by_name(events).items()
    }


def typed_column(name: str, parts: Sequence[tuple[Rows, Sequence[Any]]], length: int) -> pa.Array:
    """Return one typed column of `length` rows from the parts that set it; the other rows are null."""
    kind = SCHEMA.field(name).type
    values = _array([value for _, part in parts for value in part], kind)
    place = np.full(length, -1, dtype=np.int64)
    start = 0
    for rows, part in parts:
        place[rows] = np.arange(start, start + len(part))
        start += len(part)
    if len(values) == length and (length == 0 or bool((place == np.arange(length)).all())):
        return values
    return values.take(pa.array(place, mask=place < 0))


def columns_by_name(events: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[Rows, Sequence[Any]]]]:
    """Return for each name the rows that have it, in groups of like events, with their values."""
    return _by_name(events)


def _by_name(events: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[Rows, Sequence[Any]]]]:
    shapes: dict[tuple[str, ...], list[int]] = {}
    for row, event in enumerate(events):
        shape = tuple(event)
        rows = shapes.get(shape)
        if rows is None:
            shapes[shape] = [row]
        else:
            rows.append(row)
    found: dict[str, list[tuple[Rows, Sequence[Any]]]] = {}
    for shape, members in shapes.items():
        rows_of_shape = np.asarray(members, dtype=np.int32)
        for name, values in zip(shape, zip(*[events[row].values() for row in members], strict=True), strict=True):
            found.setdefault(name, []).append((rows_of_shape, values))
    return found


def _field_column(rows_parts: Sequence[Rows], values: Sequence[Any]) -> FieldColumn:
    if len(rows_parts) == 1:
        rows, order = rows_parts[0], None
    else:
        rows = np.concatenate(rows_parts)
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
    codes, distinct = _encode(values)
    return FieldColumn(rows=rows, codes=codes if order is None else codes[order], values=distinct)


def _encode(values: Sequence[Any]) -> tuple[npt.NDArray[np.int32], list[Value]]:
    kinds = set(map(type, values))
    if kinds in _TEXT_OR_NULL:
        return _encode_arrow(pa.array(values, pa.string()))
    if kinds == {int} and min(values) >= -_INT64 and max(values) < _INT64:
        return _encode_arrow(pa.array(values, pa.int64()))
    known: dict[tuple[type, Value], int] = {}
    frozen = [freeze(value) for value in values] if kinds & {list, dict} else values
    codes = [known.setdefault((type(value), value), len(known)) for value in frozen]
    return np.asarray(codes, dtype=np.int32), [value for _, value in known]


def _encode_arrow(array: pa.Array) -> tuple[npt.NDArray[np.int32], list[Value]]:
    encoded = pc.dictionary_encode(array, null_encoding="encode")
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def freeze(value: Any) -> Value:
    """Return a value as `events.Value`: a list as a tuple, an object within it as JSON text."""
    if type(value) is list:
        return tuple(freeze(item) for item in value)
    if type(value) is dict:
        return orjson.dumps(value).decode()
    return value


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return values as one Arrow array; what does not fit the type becomes text where text is wanted, else null."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    try:
        array = pa.array(values, plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError, TypeError):
        array = pa.array(list(_fitted(values, plain)), plain)
    return array.dictionary_encode() if pa.types.is_dictionary(kind) else array


def _fitted(values: Iterable[Any], kind: pa.DataType) -> Iterable[Any]:
    for value in values:
        if pa.types.is_string(kind):
            yield value if value is None or type(value) is str else _as_text(value)
        else:
            try:
                pa.scalar(value, kind)
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError, TypeError):
                yield None
            else:
                yield value


def _as_text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return orjson.dumps(value, default=str).decode()
