"""Search over the lake for analysts: the query language, hits, histogram and top values."""

from samdrift_logs.search.control import SearchControl, SearchStopped
from samdrift_logs.search.engine import SearchRequest, SearchResult, search, stream
from samdrift_logs.search.hits import SearchHit
from samdrift_logs.search.parse import parse
from samdrift_logs.search.query import QueryError, render

__all__ = [
    "QueryError",
    "SearchControl",
    "SearchHit",
    "SearchRequest",
    "SearchResult",
    "SearchStopped",
    "parse",
    "render",
    "search",
    "stream",
]
