"""Every column once, and the batches that travel through the pipeline."""

from samdrift_logs.events.batch import EventBatch, FieldColumn, RawBatch, RejectBatch, Value, intern_fields
from samdrift_logs.events.columns import COLUMNS, REJECT_SCHEMA, SCHEMA, Column

__all__ = [
    "COLUMNS",
    "REJECT_SCHEMA",
    "SCHEMA",
    "Column",
    "EventBatch",
    "FieldColumn",
    "RawBatch",
    "RejectBatch",
    "Value",
    "intern_fields",
]
