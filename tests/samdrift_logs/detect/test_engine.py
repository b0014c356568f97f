"""What the engine promises besides semantics: order, bounds, independence of batches, and its parts' twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.detect import Engine, Logsource, Rule, RuleSet
from samdrift_logs.detect.anchors import anchor_of
from samdrift_logs.detect.cells import fold
from samdrift_logs.detect.expressions import Position, Text
from samdrift_logs.detect.literals import HyperscanScanner, PlainScanner, literal_bytes
from samdrift_logs.detect.regexes import PatternRefused, necessary_literal, searcher
from samdrift_logs.events import EventBatch, FieldColumn
from tests.samdrift_logs.detect.batches import engine_for, make_batch, parse, parse_one, rows_matched, rule_text

CONTAINS_X = rule_text("s: {a|contains: x}\ncondition: s", title="x")


def test_matches_come_by_row_then_by_rule() -> None:
    engine = engine_for(rule_text("s: {b: '*'}\ncondition: s", title="b"), CONTAINS_X)

    found = engine.evaluate(make_batch([{"a": "x", "b": 1}, {"a": "y"}, {"a": "xx"}, {"b": 2}], product="test"))

    assert [(match.row, match.rule.title) for match in found] == [(0, "b"), (0, "x"), (2, "x"), (3, "b")]


def test_match_carries_the_fields_that_met_the_rule_under_their_native_names() -> None:
    engine = engine_for(
        rule_text(
            "s: {image|endswith: x.exe, User: [a, b]}\nf: {Company: z}\nk: [needle]\ncondition: (s or k) and not f"
        )
    )

    (match,) = engine.evaluate(
        make_batch([{"Image": "c:\\x.exe", "User": "A", "Company": "q", "d": "needles"}], product="test")
    )

    assert dict(match.fields) == {"Image": "c:\\x.exe", "User": "A", "d": "needles"}


def test_empty_batch_and_empty_rule_set() -> None:
    assert engine_for(CONTAINS_X).evaluate(make_batch([], product="test")) == []
    assert Engine(parse()).evaluate(make_batch([{"a": 1}])) == []


def test_values_in_the_dictionary_that_no_row_has_match_nothing() -> None:
    batch = make_batch([{"a": "y"}], product="test")
    column = FieldColumn(np.array([0], np.int32), np.array([1], np.int32), ["x", "y"])

    assert engine_for(CONTAINS_X).evaluate(EventBatch(batch.table, {"a": column})) == []


def test_native_spellings_of_one_field_fill_each_other() -> None:
    found = rows_matched(engine_for(CONTAINS_X), [{"A": "x"}, {"a": "x"}, {"A": "y", "a": "x"}, {"b": "x"}])

    assert found == [0, 1]


@pytest.mark.parametrize("memory_bytes", [0, 20_000, 400_000_000])
def test_memory_is_bounded_and_forgetting_changes_nothing(memory_bytes: int) -> None:
    engine = Engine(parse(CONTAINS_X), memory_bytes=memory_bytes)

    for number in range(40):
        events = [{"a": f"{'x' if row % 7 == 0 else 'y'}-{number}-{row}"} for row in range(50)]
        assert rows_matched(engine, events) == list(range(0, 50, 7))

    assert (engine.generation > 0) == (memory_bytes < 400_000_000)


def test_two_engines_share_nothing() -> None:
    other = engine_for(rule_text("s: {a|contains: y}\ncondition: s"))
    engine = engine_for(CONTAINS_X)
    events = [{"a": "x"}, {"a": "y"}]

    assert (rows_matched(engine, events), rows_matched(other, events)) == ([0], [1])


def test_rules_for_other_sources_see_nothing() -> None:
    assert rows_matched(engine_for(CONTAINS_X), [{"a": "x"}], product="other") == []


def test_anchor_is_the_rarer_side_of_an_and() -> None:
    rule = parse_one(rule_text("s: {EventID: 1, CommandLine|contains: mimikatz}\ncondition: s"))

    anchor = anchor_of(rule.expression)

    assert anchor is not None
    assert [atom.field for atom in anchor.atoms] == ["commandline"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "detection",
    ["s: {a: 1}\ncondition: not s", "s: {a: null}\ncondition: s", "s: {a: 1}\nt: {b: null}\ncondition: s or t"],
)
def test_rules_that_may_be_true_of_nothing_have_no_anchor(detection: str) -> None:
    assert anchor_of(parse_one(rule_text(detection)).expression) is None


TEXTS = st.text(alphabet="abAB\x00\x02æ.", max_size=6)


@given(
    literals=st.lists(st.tuples(TEXTS.filter(bool), st.sampled_from(list(Position))), min_size=1, max_size=6),
    values=st.lists(TEXTS, min_size=1, max_size=6),
)
def test_hyperscan_finds_what_its_plain_twin_finds(literals: list[tuple[str, Position]], values: list[str]) -> None:
    wanted = list(dict.fromkeys(literal_bytes(text, position) for text, position in literals))
    encoded = [value.encode() for value in values]

    hits = set(HyperscanScanner.compiled(wanted).scan(encoded))

    assert hits == set(PlainScanner(wanted).scan(encoded))


@given(
    rules=st.lists(
        st.tuples(st.text("ab\x00\x01\x02", min_size=1, max_size=3), st.sampled_from(["", "|contains", "|endswith"]))
    ),
    values=st.lists(st.text("ab\x00\x01\x02", max_size=5), min_size=1, max_size=5),
)
def test_control_characters_in_rules_and_values_are_ordinary(rules: list[tuple[str, str]], values: list[str]) -> None:
    expressions = [Text("a", _POSITIONS[modifier], text) for text, modifier in rules]
    made = [
        Rule(
            id=str(number), title=str(number), level="low", tags=(), status="", description="",
            logsource=Logsource(product="test"), expression=expression, file="x", line=1,
        )
        for number, expression in enumerate(expressions)
    ]  # fmt: skip
    engine = Engine(RuleSet(rules=made, refused=(), version="x"))

    found = {
        (match.rule.id, match.row) for match in engine.evaluate(make_batch([{"a": v} for v in values], product="test"))
    }

    tests = {"": str.__eq__, "|contains": str.__contains__, "|endswith": str.endswith}
    assert found == {
        (str(number), row)
        for number, (text, modifier) in enumerate(rules)
        for row, value in enumerate(values)
        if tests[modifier](value, text)
    }


_POSITIONS = {"": Position.EQUALS, "|contains": Position.CONTAINS, "|endswith": Position.ENDS}


@given(st.text(max_size=8), st.text(max_size=8))
def test_folding_goes_letter_by_letter(one: str, two: str) -> None:
    assert fold(one + two) == fold(one) + fold(two) == "".join(letter.lower() for letter in one + two).replace("ς", "ς")


PATTERNS = [
    ("abc", "", "abc"),
    ("^ABC$", "", "abc"),
    ("a(bc)+d", "", "bc"),
    ("x(?:abc|abd)yz", "", "xab"),
    ("ab?cde", "", "cde"),
    ("[a]bc.{2,}def", "", "abc"),
    ("(a|b)", "", ""),
    ("(xyz)?", "", ""),
    ("(xyz){2,3}", "", "xyz"),
    (r"\\\\share\\x", "", "\\\\share\\x"),
    ("passwords", "i", "word"),
    ("x[[:alpha:]]abc", "", ""),
    ("(?i)stop", "", "top"),
    ("Æbler", "i", "bler"),
    ("Æbler", "", "æbler"),
    ("(?P<a>", "", ""),
    (r"\p{Greek}abc", "", ""),
]


@pytest.mark.parametrize(("pattern", "flags", "literal"), PATTERNS)
def test_literal_that_a_pattern_cannot_do_without(pattern: str, flags: str, literal: str) -> None:
    assert necessary_literal(pattern, flags) == literal


@given(
    pattern=st.text(alphabet="abSk.?*+|()[]^\\{1,}:", max_size=10),
    flags=st.sampled_from(["", "i", "s", "m"]),
    text=st.text(alphabet="abABsSkKſ\u212a.(\n1", max_size=12),
)
def test_every_match_of_a_pattern_holds_its_literal(pattern: str, flags: str, text: str) -> None:
    try:
        found = searcher(pattern, flags)(text)
    except PatternRefused:
        return

    assert not found or necessary_literal(pattern, flags) in fold(text)
