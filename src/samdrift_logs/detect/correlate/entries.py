"""What a correlation keeps of an event that met one of its rules, and how it is read out of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from samdrift_logs.detect.cells import canonical, cell_of, fold, text_of
from samdrift_logs.detect.routing import FIELD_NAMES
from samdrift_logs.events import SCHEMA, EventBatch, FieldColumn, Value

_COLUMNS = {field.name for field in SCHEMA}


class Entry(NamedTuple):
    """One event, or one alert of a correlation, that met rule number `rule` of a correlation.

    `at` is microseconds since 1970 (UTC). `part` tells apart the entries that one alert gives for several values; it is
    empty for an event. `values` are texts by the correlation's columns, None where the event lacks the field.
    """

    at: int
    event: str
    rule: int
    part: str
    values: tuple[str | None, ...]
    source: str
    host: str
    user: str


class FieldReader:
    """Texts of fields for some rows of a batch, by canonical name.

    A native field comes first, under any of its spellings; then a field that this kind of event has under another name
    (Image of a 4688); then the typed column of that name (src_ip, user, host …).
    """

    def __init__(self, batch: EventBatch) -> None:
        self._batch = batch
        self._native: dict[str, list[FieldColumn]] = {}
        for name, column in batch.native.items():
            self._native.setdefault(canonical(name), []).append(column)

    def texts(self, name: str, rows: Sequence[int]) -> list[str | None]:
        """Return the text of the field in each of the rows; None where it is absent, null or an empty list."""
        found = self._native_texts(name, rows)
        for (channel, code), renamed in FIELD_NAMES.items():
            for source, target in renamed.items():
                if target == name and source in self._native:
                    found = self._filled(found, rows, source, channel, code)
        if name in _COLUMNS and any(text is None for text in found):
            typed = self._batch.table[name].take(pa.array(rows, pa.int64())).to_pylist()
            found = [
                text if text is not None or value is None else str(value)
                for text, value in zip(found, typed, strict=True)
            ]
        return found

    def _filled(
        self, found: list[str | None], rows: Sequence[int], source: str, channel: str, code: str
    ) -> list[str | None]:
        others = self._native_texts(source, rows)
        channels = self._native_texts("channel", rows)
        codes = self._native_texts("eventid", rows)
        return [
            other if text is None and fold(at or "") == channel and number == code else text
            for text, other, at, number in zip(found, others, channels, codes, strict=True)
        ]

    def _native_texts(self, name: str, rows: Sequence[int]) -> list[str | None]:
        found: list[str | None] = [None] * len(rows)
        for column in self._native.get(name, ()):
            if not len(column.rows):
                continue
            places = np.searchsorted(column.rows, rows)
            for number, place in enumerate(places.tolist()):
                if found[number] is None and place < len(column.rows) and column.rows[place] == rows[number]:
                    found[number] = _text(column.values[column.codes[place]])
        return found


def _text(value: Value) -> str | None:
    if value is None or value == ():
        return None
    return ", ".join(cell_of(value).texts) if isinstance(value, tuple) else text_of(value)
