"""Search over the lake for analysts: the query language, hits, histogram and top values."""

from samdrift_logs.search.aggregate import (
    Bucket,
    FieldCount,
    Histogram,
    TopValues,
    ValueCount,
    histogram,
    native_fields,
    top_values,
)
from samdrift_logs.search.compile import MESSAGES as _COMPILE_MESSAGES
from samdrift_logs.search.control import SearchControl, SearchStopped
from samdrift_logs.search.engine import SearchRequest, SearchResult, search, stream
from samdrift_logs.search.hits import SearchHit
from samdrift_logs.search.lookup import event_by_id, events_around, events_by_id
from samdrift_logs.search.parse import MESSAGES as _PARSE_MESSAGES
from samdrift_logs.search.parse import parse
from samdrift_logs.search.query import QueryError, render

# Every template of a QueryError, for translation
QUERY_MESSAGES = (*_PARSE_MESSAGES, *_COMPILE_MESSAGES)

__all__ = [
    "QUERY_MESSAGES",
    "Bucket",
    "FieldCount",
    "Histogram",
    "QueryError",
    "SearchControl",
    "SearchHit",
    "SearchRequest",
    "SearchResult",
    "SearchStopped",
    "TopValues",
    "ValueCount",
    "event_by_id",
    "events_around",
    "events_by_id",
    "histogram",
    "native_fields",
    "parse",
    "render",
    "search",
    "stream",
    "top_values",
]
