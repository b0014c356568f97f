"""Links on the search page write queries that mean what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from samdrift.web import querying
from samdrift_logs import search

NOW = datetime(2026, 11, 23, 12, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "narrowed"),
    [
        ("", 'user:"svc"'),
        ("mimikatz", 'mimikatz user:"svc"'),
        ("a OR b", '(a OR b) user:"svc"'),
        ("a ELLER b", '(a ELLER b) user:"svc"'),
    ],
)
def test_added(query: str, narrowed: str) -> None:
    assert querying.added(query, "user", "svc") == narrowed


@given(st.text(min_size=1), st.text(min_size=1))
def test_term_is_read_as_the_value_it_was_made_of(field: str, value: str) -> None:
    try:
        read = search.parse(querying.term(field, value))
    except search.QueryError:
        pytest.skip("a name that no field can have")

    assert search.parse(search.render(read)) == read


def test_excluded_is_not() -> None:
    assert querying.excluded("a", "Target Name", 'say "hi"') == 'a NOT "Target Name":"say ""hi"""'


def test_time_range_back_from_now() -> None:
    read = querying.time_range(QueryDict("range=1h"), now=NOW)

    assert (read.since, read.until, read.chosen) == (NOW - timedelta(hours=1), NOW, "1h")


def test_time_range_with_ends_is_copenhagen_time() -> None:
    read = querying.time_range(QueryDict("since=2026-11-23T10:00&until=2026-11-23T11:30:15"), now=NOW)

    assert read.since == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert read.until_local == "2026-11-23T11:30:15"


@pytest.mark.parametrize(
    "given", ["since=2026-11-23T12:00&until=2026-11-23T11:00", "since=yesterday", "since=2026-13-40T99:00"]
)
def test_time_range_that_cannot_be(given: str) -> None:
    with pytest.raises(querying.RangeRefused):
        querying.time_range(QueryDict(given), now=NOW)
