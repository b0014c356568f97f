"""Any query reads back as it is written; any value is only a value; search finds what a plain filter finds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from samdrift_logs.lake import Gate, Lake, LakeWriter
from samdrift_logs.search import QueryError, SearchRequest, parse, render, search
from samdrift_logs.search.columns import KINDS, is_column
from samdrift_logs.search.compile import compile_query
from samdrift_logs.search.query import (
    And,
    Compare,
    Everything,
    Exists,
    Field,
    Match,
    Node,
    Not,
    Or,
    Text,
    Wild,
    pattern,
)
from tests.samdrift_logs.lake.rows import ODENSE, event, events, rejects, watch
from tests.samdrift_logs.search import naive

names = st.sampled_from(sorted(KINDS)) | st.text(min_size=1, max_size=12).filter(bool)
fields = names.map(lambda name: Field(name, native=not is_column(name))) | names.map(
    lambda name: Field(name, native=True)
)
pieces = st.lists(st.text(max_size=8) | st.sampled_from(list(Wild)), max_size=4).map(lambda some: pattern(*some))
terms = st.one_of(
    st.just(Everything()),
    pieces.filter(lambda value: value not in ((), (Wild.ANY,))).map(Text),
    st.builds(Match, fields, pieces.filter(lambda value: value != (Wild.ANY,))),
    st.builds(Exists, fields),
    st.builds(Compare, fields, st.sampled_from([">", ">=", "<", "<="]), st.text(min_size=1, max_size=8)),
)


def joined(kind: type[And] | type[Or], parts: list[Node]) -> Node:
    flat = [one for part in parts for one in (part.parts if isinstance(part, kind) else [part])]
    return kind(tuple(flat))


queries = st.recursive(
    terms,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, min_size=2, max_size=3).map(lambda parts: joined(And, parts))
        | st.lists(inner, min_size=2, max_size=3).map(lambda parts: joined(Or, parts))
    ),
    max_leaves=8,
)


@given(queries)
def test_render_then_parse_gives_the_same_query(query: Node) -> None:
    assert parse(render(query)) == query


@given(st.text(max_size=60) | st.lists(st.sampled_from(list(' ()":*?<>=![]{}\\abTOANDOR1.')), max_size=30).map("".join))
def test_parse_of_anything_gives_a_query_or_says_where(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as error:
        assert 0 <= error.position <= len(text)
        assert error.reason
    else:
        assert parse(render(query)) == query


@given(queries)
def test_compile_puts_no_value_into_the_sql(query: Node) -> None:
    try:
        condition = compile_query(query)
    except QueryError:
        return
    free = condition.sql
    for name in sorted(condition.parameters, key=len, reverse=True):
        free = free.replace(f"${name}", "")

    assert set(free) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_ ()<>=,.:[]~'\"0123456789|")
    assert free.count("'") % 2 == 0
    assert ";" not in free and "--" not in free


ALPHABET = "abÅåæß_ .\\\"'%~*?-/:;$()1\n\u0130\U0001f600"
words = st.text(ALPHABET, max_size=6)
rows = st.fixed_dictionaries(
    {},
    optional={
        "user": words,
        "host": words,
        "message": words,
        "raw": words | st.binary(max_size=5),
        "dst_port": st.integers(0, 9),
        "src_ip": st.sampled_from(["10.0.0.1", "10.0.1.1", "10.1.0.1", "fe80::1", "x"]),
        "fields": st.dictionaries(
            st.sampled_from(["User", "a/b", "n~", 'q"']),
            words | st.integers(-2, 12) | st.booleans() | st.none() | st.lists(words, max_size=2),
            max_size=3,
        ),
    },
)
searchable = st.sampled_from(["user", "host", "message", "dst_port", "src_ip", "ip"]).map(
    lambda n: Field(n, native=False)
)
native = st.sampled_from(["User", "a/b", "n~", 'q"']).map(lambda name: Field(name, native=True))
values = st.lists(words | st.sampled_from(list(Wild)), max_size=3).map(lambda some: pattern(*some))
numbers = st.integers(-1, 12).map(str)
conditions = st.one_of(
    values.filter(lambda value: value not in ((), (Wild.ANY,))).map(Text),
    st.builds(Match, searchable | native, values | numbers.map(lambda text: (text,))),
    st.builds(
        Match, st.just(Field("src_ip", native=False)), st.sampled_from([("10.0.0.0/16",), ("10.0.0.1",), ("fe80::/9",)])
    ),
    st.builds(Exists, searchable | native),
    st.builds(Compare, searchable | native, st.sampled_from([">", ">=", "<", "<="]), numbers | words.filter(bool)),
)
asked = st.recursive(
    conditions,
    lambda inner: inner.map(Not) | st.lists(inner, min_size=2, max_size=2).map(lambda two: joined(And, two))
    | st.lists(inner, min_size=2, max_size=2).map(lambda two: joined(Or, two)),
    max_leaves=4,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(some=st.lists(rows, min_size=1, max_size=12), query=st.lists(asked, min_size=6, max_size=6))
def test_search_equals_a_plain_filter(some: list[dict], query: list[Node]) -> None:
    stored = [event(number, **row) for number, row in enumerate(some, start=1)]
    with tempfile.TemporaryDirectory() as folder:
        gate = _gate_with(Path(folder), stored)
        for one in query:
            try:
                expected = [row["event_id"] for row in reversed(stored) if naive.matches(one, row)]
            except naive.Refused:
                with pytest.raises(QueryError):
                    search(gate=gate, scope=watch(ODENSE), request=SearchRequest(query=render(one)))
                continue
            found = search(gate=gate, scope=watch(ODENSE), request=SearchRequest(query=render(one)))
            assert [hit.event_id for hit in found.hits] == expected, render(one)


def _gate_with(folder: Path, stored: list[dict]) -> Gate:
    lake = Lake(folder / "lake")
    lake.create(ODENSE)
    LakeWriter(lake).write(events(stored), rejects([]), partition=0, through=len(stored))
    return Gate(lake)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_any_text_as_a_value_matches_itself_only(text: str) -> None:
    stored = [event(1, user=text), event(2, user=text + "x"), event(3)]
    with tempfile.TemporaryDirectory() as folder:
        gate = _gate_with(Path(folder), stored)
        query = render(Match(Field("user", native=False), pattern(text)))
        found = search(gate=gate, scope=watch(ODENSE), request=SearchRequest(query=query))
    assert [hit.event_id for hit in found.hits] == ["0-1-0"]
