"""An EventBatch as rules see it: fields under canonical names, and the kind of each row.

Several native spellings of one field, and fields that a kind of event has under another name (NewProcessName for
Image), become one column; the first that a row has counts.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from samdrift_logs.detect.cells import canonical, fold, text_of
from samdrift_logs.detect.routing import Kind, field_names
from samdrift_logs.events import EventBatch, FieldColumn, Value

_MESSAGE = "message"
Rows = npt.NDArray[np.int32]


@attrs.frozen(eq=False)
class Column:
    """A field over the batch: `codes[row]` is a place in `values`, or -1 where the row lacks it."""

    codes: Rows
    values: list[Value]


class BatchView:
    """Columns of one batch by canonical name, made when first asked for."""

    def __init__(self, batch: EventBatch) -> None:
        self._batch = batch
        self._spellings: dict[str, list[str]] = {}
        for name in batch.native:
            self._spellings.setdefault(canonical(name), []).append(name)
        self._columns: dict[str, Column | None] = {}
        self.kinds, self.kind_of_row = self._kinds()
        self._renamed = self._renamings()

    def column(self, name: str) -> Column | None:
        """Return the column of that canonical name; None where no row has it."""
        if name not in self._columns:
            self._columns[name] = self._made(name)
        return self._columns[name]

    def spelling(self, name: str, row: int) -> str:
        """Return the native name under which the row has the field of this canonical name."""
        for native, _ in self._parts(name):
            rows = self._batch.native[native].rows
            place = int(np.searchsorted(rows, row))
            if place < len(rows) and rows[place] == row:
                return native
        return name

    def every_column(self) -> dict[str, FieldColumn]:
        """Return each native column, and the message of the rows whose native fields hold none: what keywords read."""
        columns = dict(self._batch.native)
        message = _sparse(self._batch.table[_MESSAGE])
        natives = [self._batch.native[native].rows for native in self._spellings.get(_MESSAGE, ())]
        if natives:
            message = _without_rows(message, np.concatenate(natives))
        if len(message.rows):
            columns[_MESSAGE] = _merged(columns[_MESSAGE], message) if _MESSAGE in columns else message
        return columns

    def _made(self, name: str) -> Column | None:
        parts = self._parts(name)
        if not parts:
            return None
        codes = np.full(len(self._batch), -1, dtype=np.int32)
        values: list[Value] = []
        for native, kinds in parts:
            part = self._batch.native[native]
            free = codes[part.rows] < 0
            if kinds is not None:
                free &= np.isin(self.kind_of_row[part.rows], kinds)
            codes[part.rows[free]] = part.codes[free] + len(values)
            values.extend(part.values)
        return Column(codes, values)

    def _parts(self, name: str) -> list[tuple[str, list[int] | None]]:
        """Return native names that hold a field; with the kinds of row for which they do, None for all."""
        parts: list[tuple[str, list[int] | None]] = [(native, None) for native in self._spellings.get(name, ())]
        for source, kinds in self._renamed.get(name, {}).items():
            parts.extend((native, kinds) for native in self._spellings.get(source, ()))
        return parts

    def _renamings(self) -> dict[str, dict[str, list[int]]]:
        renamed: dict[str, dict[str, list[int]]] = {}
        for number, kind in enumerate(self.kinds):
            for source, target in field_names(kind).items():
                renamed.setdefault(target, {}).setdefault(source, []).append(number)
        return renamed

    def _kinds(self) -> tuple[list[Kind], Rows]:
        """Return the distinct kinds of event in the batch and, per row, the place of its kind."""
        table = self._batch.table
        texts: list[list[str]] = []
        codes: list[Rows] = []
        for name in ("product", "category", "service"):
            self._add_table_column(table[name], texts, codes)
        self._add_native_column("channel", texts, codes)
        if "eventid" in self._spellings:
            self._add_native_column("eventid", texts, codes)
        else:
            self._add_table_column(table["event_code"], texts, codes)
        self._add_native_column("provider_name", texts, codes)
        self._add_native_column("eventtype", texts, codes)
        stacked = np.stack(codes, axis=1) if len(self._batch) else np.empty((0, len(codes)), dtype=np.int32)
        distinct, of_row = np.unique(stacked, axis=0, return_inverse=True)
        kinds = [Kind(*(texts[place][code] for place, code in enumerate(each))) for each in distinct]
        return kinds, of_row.reshape(-1).astype(np.int32)

    def _add_table_column(self, array: pa.ChunkedArray, texts: list[list[str]], codes: list[Rows]) -> None:
        column = _sparse(array)
        dense = np.zeros(len(self._batch), dtype=np.int32)
        dense[column.rows] = column.codes + 1
        texts.append([""] + [fold(str(value)) for value in column.values])
        codes.append(dense)

    def _add_native_column(self, name: str, texts: list[list[str]], codes: list[Rows]) -> None:
        dense = np.zeros(len(self._batch), dtype=np.int32)
        words = [""]
        for native in self._spellings.get(name, ()):
            column = self._batch.native[native]
            free = dense[column.rows] == 0
            dense[column.rows[free]] = column.codes[free] + len(words)
            words.extend(_word(value) for value in column.values)
        texts.append(words)
        codes.append(dense)


def _word(value: Value) -> str:
    return "" if value is None or isinstance(value, tuple) else fold(text_of(value))


def _sparse(array: pa.ChunkedArray) -> FieldColumn:
    """Return an Arrow column of text as a FieldColumn; nulls are absent."""
    combined = array.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        combined = pa.concat_arrays(combined.chunks) if combined.num_chunks else pa.array([], array.type)
    encoded = combined if pa.types.is_dictionary(combined.type) else combined.dictionary_encode()
    indices = encoded.indices
    rows = np.flatnonzero(np.asarray(indices.is_valid())).astype(np.int32)
    codes = indices.drop_null().to_numpy(zero_copy_only=False).astype(np.int32)
    return FieldColumn(rows, codes, encoded.dictionary.to_pylist())


def _without_rows(column: FieldColumn, rows: npt.NDArray[np.int32]) -> FieldColumn:
    kept = ~np.isin(column.rows, rows)
    return FieldColumn(rows=column.rows[kept], codes=column.codes[kept], values=column.values)


def _merged(one: FieldColumn, other: FieldColumn) -> FieldColumn:
    """Return both as one column; no row is in both."""
    rows = np.concatenate([one.rows, other.rows])
    order = np.argsort(rows, kind="stable")
    codes = np.concatenate([one.codes, other.codes + np.int32(len(one.values))])
    return FieldColumn(rows=rows[order], codes=codes[order], values=[*one.values, *other.values])
