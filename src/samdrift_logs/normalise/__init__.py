"""Journal records → events: every accepted line becomes an event or a reject with its reason, never nothing.

One folder per source type; `source_types.py` finds them, `reading.py` says what a reader gives, `assemble.py` makes
the columns.
"""

from samdrift_logs.normalise.batches import Normalised, RecordCount, normalise
from samdrift_logs.normalise.reading import Event, Origin
from samdrift_logs.normalise.source_types import SourceType, source_types

__all__ = ["Event", "Normalised", "Origin", "RecordCount", "SourceType", "normalise", "source_types"]
