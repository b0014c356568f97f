"""The traps of Sigma, one named test each. What other engines got wrong is in docs/reference/sigma.md."""

from __future__ import annotations

from typing import Any

import pytest

from samdrift_logs.detect.regexes import PatternRefused, searcher
from tests.samdrift_logs.detect.batches import engine_for, make_batch, parse, rows_matched, rule_text


def matched(detection: str | dict[str, Any], *events: dict[str, Any], **rule: Any) -> list[int]:
    return rows_matched(engine_for(rule_text(detection, **rule)), events)


def test_case_plain_equality_ignores_case_and_re_does_not() -> None:
    assert matched("s: {a: PowerShell.EXE}\ncondition: s", {"a": "powershell.exe"}) == [0]
    assert matched("s: {a|re: PowerShell}\ncondition: s", {"a": "powershell"}) == []


def test_three_valued_logic_a_filter_on_an_absent_field_does_not_drop_the_event() -> None:
    detection = "s: {a: x}\nf: {SourceParentImage|endswith: .exe}\ncondition: s and not f"

    assert matched(detection, {"a": "x"}) == [0]


def test_missing_column_leaves_the_rest_of_the_rule_working() -> None:
    assert matched("s: [{a: x}, {nowhere: y}]\ncondition: s", {"a": "x"}) == [0]


def test_underscore_and_percent_are_literals() -> None:
    assert matched(
        "s: {a|endswith: '\\______.exe'}\ncondition: s", {"a": "c:\\abcdef.exe"}, {"a": "c:\\______.exe"}
    ) == [1]


def test_trailing_backslash_does_not_eat_the_wildcard() -> None:
    assert matched("s: {a|contains: '\\Temp\\'}\ncondition: s", {"a": "c:\\temp\\x"}, {"a": "\\temp*"}) == [0]


def test_star_alone_means_the_field_is_there() -> None:
    assert matched("s: {a: '*'}\ncondition: s", {"a": ""}, {"a": None}, {}) == [0]


def test_null_and_empty_text_are_two_things() -> None:
    assert matched("s: {a: null}\ncondition: s", {}, {"a": None}, {"a": ""}) == [0, 1]
    assert matched("s: {a: ''}\ncondition: s", {}, {"a": None}, {"a": ""}) == [2]


def test_numbers_compare_as_text_whatever_their_type() -> None:
    assert matched("s: {EventID: 4688}\ncondition: s", {"EventID": 4688}, {"EventID": "4688"}, {"EventID": 4689}) == [
        0,
        1,
    ]


def test_numbers_larger_than_64_bits_crash_nothing() -> None:
    assert matched("s: {a|gt: 5}\ncondition: s", {"a": 2**70}, {"a": -(2**70)}, {"a": str(2**200)}) == [0, 2]


def test_them_skips_names_with_an_underscore() -> None:
    assert matched("s: {a: 1}\n_t: {b: 1}\ncondition: all of them", {"a": 1}) == [0]


def test_a_pattern_that_names_nothing_is_refused_at_load() -> None:
    assert "fits none" in parse(rule_text("s: {a: 1}\ncondition: s or 1 of x*")).refused[0].reason


def test_list_is_or_all_is_and_list_of_maps_is_or_of_ands() -> None:
    assert matched("s: {a|contains: [x, y]}\ncondition: s", {"a": "x"}) == [0]
    assert matched("s: {a|contains|all: [x, y]}\ncondition: s", {"a": "x"}, {"a": "xy"}) == [1]
    assert matched("s: [{a: 1, b: 1}, {c: 1}]\ncondition: s", {"a": 1}, {"a": 1, "b": 1}, {"c": 1}) == [1, 2]


def test_keywords_look_at_any_value_and_at_the_message() -> None:
    engine = engine_for(rule_text("k: [session opened]\ncondition: k"))

    assert rows_matched(
        engine, [{"pid": 7}, {"x": "Session Opened"}, {}], message=["session opened for x", None, "y"]
    ) == [0, 1]


@pytest.mark.parametrize("name", ["Message", "message"])
def test_keywords_look_at_the_message_of_rows_whose_own_fields_hold_none(name: str) -> None:
    engine = engine_for(rule_text("k: [session opened]\ncondition: k"))
    events = [{name: "nothing"}, {"pid": 7}, {name: "session opened"}]

    assert rows_matched(engine, events, message=["nothing", "Session Opened", "other"]) == [1, 2]


def test_routing_a_rule_does_not_fire_on_another_channel() -> None:
    text = rule_text("s: {EventID: 1102}\ncondition: s", logsource={"product": "windows", "service": "security"})

    found = rows_matched(
        engine_for(text),
        [{"Channel": "Security", "EventID": 1102}, {"Channel": "System", "EventID": 1102}, {"EventID": 1102}],
        product="windows",
    )

    assert found == [0]


def test_4688_has_image_and_parent_image() -> None:
    text = rule_text(
        "s: {Image|endswith: '\\whoami.exe', ParentImage|endswith: '\\cmd.exe'}\ncondition: s",
        logsource={"product": "windows", "category": "process_creation"},
    )
    engine = engine_for(text)
    event = {
        "Channel": "Security",
        "EventID": 4688,
        "NewProcessName": "C:\\Whoami.exe",
        "ParentProcessName": "C:\\cmd.exe",
    }
    batch = make_batch([event, {**event, "EventID": 4689}], product="windows")

    (match,) = engine.evaluate(batch)

    assert match.row == 0
    assert dict(match.fields) == {"NewProcessName": "C:\\Whoami.exe", "ParentProcessName": "C:\\cmd.exe"}


def test_4688_has_its_subjects_logon_id_where_it_has_none_of_its_own() -> None:
    text = rule_text(
        "s: {LogonId: '0x3e7'}\ncondition: s", logsource={"product": "windows", "category": "process_creation"}
    )
    event = {"Channel": "Security", "EventID": 4688, "SubjectLogonId": "0x3e7"}
    events = [event, {**event, "LogonId": "0x1"}, {**event, "SubjectLogonId": "0x1"}, {**event, "EventID": 4689}]

    assert rows_matched(engine_for(text), events, product="windows") == [0]


def test_field_names_with_spaces_and_other_case() -> None:
    assert matched(
        "s: {ThreatName: x, Provider_Name: y}\ncondition: s", {"Threat Name": "x", "provider_name": "y"}
    ) == [0]


def test_windash_only_before_a_word_and_every_dash() -> None:
    detection = "s: {a|contains|windash: ' -enc'}\ncondition: s"
    events = [{"a": f"x {dash}enc"} for dash in "-/–—―"]

    assert matched(detection, *events, {"a": "x enc"}, {"a": "x +enc"}) == [0, 1, 2, 3, 4]


def test_base64offset_trims_both_ends_and_modifiers_apply_in_order() -> None:
    detection = "s: {a|wide|base64offset|contains: 'IEX'}\ncondition: s"

    assert matched(detection, {"a": "cwBJAEUAWAAg"}, {"a": "SUVY"}) == [0]


def test_re_searches_anywhere_and_dot_stops_at_a_newline() -> None:
    assert matched("s: {a|re: 'b.d'}\ncondition: s", {"a": "abcde"}, {"a": "b\nd"}) == [0]


def test_unicode_both_sides_fold_the_same_way() -> None:
    assert matched("s: {a|contains: 'ÅÆØ'}\ncondition: s", {"a": "blåæøgrød"}, {"a": "BLÅÆØ"}) == [0, 1]
    assert matched("s: {a|startswith: 'İx'}\ncondition: s", {"a": "i̇xy"}, {"a": "İxy"}) == [0, 1]


def test_lone_surrogates_in_values_stop_nothing() -> None:
    assert matched("s: {a|contains: x}\nt: {a|re: 'x'}\ncondition: s and t", {"a": "\ud800x"}, {"a": "\udfff"}) == [0]


def test_fieldref_is_false_when_either_side_is_absent() -> None:
    assert matched("s: {a|fieldref: b}\ncondition: s", {"a": "x"}, {"b": "x"}, {}, {"a": "x", "b": "x"}) == [3]


def test_cidr_of_both_versions_and_a_bad_address_is_false() -> None:
    detection = "s: {a|cidr: [10.0.0.0/8, '2001:db8::/32']}\ncondition: s"

    assert matched(detection, {"a": "10.1.2.3"}, {"a": "2001:DB8::5"}, {"a": "127.0.0.1"}, {"a": "x"}) == [0, 1]


def test_a_regular_expression_cannot_stall() -> None:
    import time

    started = time.perf_counter()
    assert matched("s: {a|re: '^(a+)+$'}\ncondition: s", {"a": "a" * 50_000 + "!"}) == []
    assert matched("s: {a|re: '(?=a)a*b'}\ncondition: s", {"a": "a" * 2_000_000}) == []

    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("pattern", [r"(?!x)(a+)+$", r"(?=(a*)*)b", r"(a+)+\1"])
def test_a_regular_expression_that_could_stall_is_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused, match="could stall"):
        searcher(pattern, "")


def test_one_true_and_one_point_zero_are_three_values() -> None:
    assert matched("s: {a: 1}\ncondition: s", {"a": 1}, {"a": True}, {"a": 1.0}, {"a": (1, True)}, {"a": (True,)}) == [
        0,
        2,
        3,
    ]


def test_a_list_selection_with_all_shares_nothing_between_rules() -> None:
    engine = engine_for(
        rule_text("s: {a|contains: [x, y]}\ncondition: s", title="or"),
        rule_text("s: {a|contains|all: [x, y]}\ncondition: s", title="and"),
    )

    titles = [match.rule.title for match in engine.evaluate(make_batch([{"a": "x"}], product="test"))]

    assert titles == ["or"]
