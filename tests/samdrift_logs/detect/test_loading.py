"""Rule files to a RuleSet: loaded, or refused with file, line and reason."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from samdrift_logs.detect import Engine, load_rules
from samdrift_logs.detect.files import RuleFile
from samdrift_logs.detect.loader import parse_rules
from samdrift_logs.errors import InputRefused
from tests.samdrift_logs.detect.batches import make_batch, parse, parse_one, rows_matched, rule_text

HEAD = "title: T\nlogsource:\n  product: test\n"

# (name, file, line, part of the reason)
REFUSED = [
    ("not YAML", "title: [x\n", 2, "not YAML"),
    ("a tab", "title: x\n\tb: y\n", 2, "not YAML"),
    ("not a map", "- a\n- b\n", 1, "not a Sigma rule"),
    ("another file", "id: 1\nname: x\n", 1, "neither logsource nor detection"),
    ("no title", "logsource: {product: t}\ndetection: {s: {a: 1}, condition: s}\n", 1, "title"),
    ("no logsource", "title: x\ndetection: {s: {a: 1}, condition: s}\n", 1, "log source"),
    ("no detection", HEAD, 1, "detection"),
    ("no condition", HEAD + "detection:\n  s:\n    a: 1\n", 4, "condition"),
    ("bad id", "id: abc\n" + HEAD + "detection: {s: {a: 1}, condition: s}\n", 1, "UUID"),
    ("bad level", HEAD + "detection: {s: {a: 1}, condition: s}\nlevel: loud\n", 5, "level"),
    ("unknown selection", HEAD + "detection:\n  s:\n    a: 1\n  condition: s and t\n", 7, "'t'"),
    ("pattern that fits nothing", HEAD + "detection:\n  s:\n    a: 1\n  condition: 1 of x*\n", 7, "fits none"),
    ("broken condition", HEAD + "detection:\n  s:\n    a: 1\n  condition: s and\n", 7, "Expected"),
    ("aggregation", HEAD + "detection:\n  s:\n    a: 1\n  condition: s | count() > 5\n", 7, "pipe syntax"),
    ("unknown modifier", HEAD + "detection:\n  s:\n    b: 1\n    a|loud: 1\n  condition: s\n", 7, "loud"),
    ("bad regular expression", HEAD + "detection:\n  s:\n    b: 1\n    a|re: '('\n  condition: s\n", 7, "("),
    ("bad network", HEAD + "detection:\n  s:\n    a|cidr: 10.0.0.0/99\n  condition: s\n", 6, "CIDR"),
    ("placeholder", HEAD + "detection:\n  s:\n    a|expand: '%admins%'\n  condition: s\n", 6, "%admins%"),
    ("empty list", HEAD + "detection:\n  s:\n    b: 1\n    a: []\n  condition: s\n", 7, "empty list"),
    ("timeframe", HEAD + "detection:\n  s:\n    a: 1\n  timeframe: 5m\n  condition: s\n", 7, "timeframe"),
    ("key twice", HEAD + "detection:\n  s:\n    a: 1\n    a: 2\n  condition: s\n", 7, "stands twice"),
    ("contains with re", HEAD + "detection:\n  s:\n    a|re|contains: x\n  condition: s\n", 6, "re searches anywhere"),
    ("number too large", HEAD + "detection:\n  s:\n    a: 18446744073709551617\n  condition: s\n", 6, "too large"),
    ("keyword without text", HEAD + "detection:\n  s:\n    - '*'\n  condition: s\n", 5, "without any text"),
    ("wildcard in base64", HEAD + "detection:\n  s:\n    a|base64: 'x*'\n  condition: s\n", 6, "wildcards"),
    ("gt of text", HEAD + "detection:\n  s:\n    a|gt: x\n  condition: s\n", 6, "incompatible"),
    ("four windashes", HEAD + "detection:\n  s:\n    a|windash: '-a -b -c -d'\n  condition: s\n", 6, "three dash"),
    ("deprecated", HEAD + "status: deprecated\ndetection: {s: {a: 1}, condition: s}\n", 4, "deprecated"),
    ("old collection", "action: global\n" + HEAD, 1, "action"),
    ("correlation", "title: x\ncorrelation:\n  type: event_count\n", 2, "without rule references"),
    ("filter", "title: x\nlogsource: {product: t}\nfilter:\n  rules: []\n", 3, "exactly one condition"),
    ("stalling", HEAD + "detection:\n  s:\n    a|re: '(?!x)(a+)+$'\n  condition: s\n", 6, "could stall"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "line", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_wrong_rule_is_refused_with_its_line(content: str, line: int, reason: str) -> None:
    ruleset = parse(content)

    assert not ruleset.rules
    (refusal,) = ruleset.refused
    assert reason in refusal.reason
    assert (refusal.file, refusal.line) == ("rule0.yml", line)


def test_wrong_rule_leaves_the_others_of_its_file() -> None:
    good = rule_text({"s": {"a": 1}, "condition": "s"})

    ruleset = parse(f"{good}---\n{HEAD}---\n{rule_text({'s': {'a': 2}, 'condition': 's'})}")

    assert len(ruleset.rules) == 2
    assert [refusal.line for refusal in ruleset.refused] == [good.count("\n") + 2]


def test_id_taken_twice_is_refused_with_the_place_of_the_first() -> None:
    identity = "6e1f3b52-4bb5-4a8f-8a3d-3d5b5b1f0001"
    first = rule_text({"s": {"a": 1}, "condition": "s"}, id=identity)
    second = rule_text({"s": {"a": 2}, "condition": "s"}, id=identity)

    ruleset = parse(first, second)

    assert len(ruleset.rules) == 1
    assert "already taken by rule0.yml:1" in ruleset.refused[0].reason
    assert ruleset.refused[0].file == "rule1.yml"


def test_rule_without_id_keeps_its_id_as_long_as_it_stays_the_same() -> None:
    text = rule_text({"s": {"a": 1}, "condition": "s"})

    assert parse_one(text).id == parse_one(text + "description: other\n").id
    assert parse_one(text).id != parse_one(text.replace("a: 1", "a: 2")).id


def test_response_is_read_from_our_own_key_and_other_unknown_keys_are_ignored() -> None:
    rule = parse_one(
        rule_text(
            {"s": {"a": 1}, "condition": "s"},
            samdrift={"response": {"da": "Ring.", "en": "Call."}, "hits": [{"a": 1}], "misses": []},
            simulation=[{"type": "x"}],
        )
    )

    assert rule.response == {"da": "Ring.", "en": "Call."}


def test_byte_order_mark_and_windows_line_ends_are_read() -> None:
    content = rule_text({"s": {"a": "æ"}, "condition": "s"}).replace("\n", "\r\n").encode("utf-8-sig")

    ruleset = parse_rules([RuleFile("x.yml", content)])

    assert len(ruleset.rules) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \x00", b"&a [*a]", b"x: !!python/object:os.system {}", b""])
def test_strange_bytes_never_raise(content: bytes) -> None:
    ruleset = parse_rules([RuleFile("x.yml", content)])

    assert not ruleset.rules


def test_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    bomb = "title: x\nlogsource: {product: t}\n" + "\n".join(lines) + "\ndetection:\n  s: *a8\n  condition: s\n"

    ruleset = parse(bomb)

    assert not ruleset.rules
    assert len(ruleset.refused) == 1


def test_version_follows_content_not_place() -> None:
    one, two = (rule_text({"s": {"a": number}, "condition": "s"}) for number in (1, 2))

    assert parse(one, two).version == parse(two, one).version
    assert parse(one).version != parse(two).version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rules = tmp_path / "rules"
    (rules / "deep" / ".git").mkdir(parents=True)
    (rules / "one.yml").write_text(rule_text({"s": {"a": "x"}, "condition": "s"}, title="one"))
    (rules / "deep" / "two.yaml").write_text(rule_text({"s": {"a": "y"}, "condition": "s"}, title="two"))
    (rules / "deep" / ".git" / "three.yml").write_text("not a rule")
    (rules / "readme.md").write_text("not a rule")
    return rules


def test_folder_is_read_with_everything_below_it(folder: Path) -> None:
    ruleset = load_rules([folder])

    assert sorted(rule.title for rule in ruleset.rules) == ["one", "two"]
    assert not ruleset.refused


def test_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"nowhere: no such file or folder"):
        load_rules([tmp_path / "nowhere"])


def test_cached_rule_set_is_the_same(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_rules([folder], cache=tmp_path / "cache")
    monkeypatch.setattr("samdrift_logs.detect.loader.parse_rules", None)

    second = load_rules([folder], cache=tmp_path / "cache")

    assert second == first


def test_cache_is_left_aside_when_a_rule_changes(folder: Path, tmp_path: Path) -> None:
    before = load_rules([folder], cache=tmp_path / "cache")
    (folder / "one.yml").write_text(rule_text({"s": {"a": "z"}, "condition": "s"}, title="one"))

    after = load_rules([folder], cache=tmp_path / "cache")

    assert after.version != before.version


def test_damaged_or_foreign_cache_is_made_anew(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    expected = load_rules([folder], cache=cache)
    (kept,) = cache.glob("ruleset-*.pickle")

    kept.write_bytes(b"\x80\x05damaged")
    assert load_rules([folder], cache=cache) == expected
    kept.write_bytes(pickle.dumps("something else"))
    assert load_rules([folder], cache=cache) == expected
    kept.chmod(0o666)  # others could write it: it is not trusted
    assert load_rules([folder], cache=cache) == expected


def test_cached_literal_databases_find_the_same(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    ruleset = load_rules([folder])
    events = [{"a": "X"}, {"a": "y"}, {"a": "xy"}]

    first = rows_matched(Engine(ruleset, cache=cache), events)
    second = rows_matched(Engine(ruleset, cache=cache), events)
    for kept in cache.glob("literals-*"):
        kept.write_bytes(pickle.dumps({"a": b"no database"}))
    third = rows_matched(Engine(ruleset, cache=cache), events)

    assert first == second == third == [0, 1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_cache_folder_that_cannot_be_written_is_no_error(folder: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)

    assert load_rules([folder], cache=closed / "cache").rules


# ------------------------------------------------------------------ filters and values for expand

RULE = "title: Tool\nname: tool\nid: 6c1b7a7e-3a52-4a39-8f0d-2c1f2a4f7a01\n" + (
    "logsource: {product: test, category: process_creation}\ndetection: {s: {Image|endswith: '/tool'}, condition: s}\n"
)


def filter_text(rules: str, logsource: str = "{product: test}") -> str:
    return (
        f"title: Our own\nlogsource: {logsource}\nfilter:\n  rules: {rules}\n"
        "  ours: {User|startswith: 'adm_'}\n  condition: not ours\n"
    )


@pytest.mark.parametrize("rules", ["any", "[tool]", "tool", "[6c1b7a7e-3a52-4a39-8f0d-2c1f2a4f7a01]"])
def test_filter_is_added_to_the_rules_it_names(rules: str) -> None:
    ruleset = parse(filter_text(rules), RULE)

    assert not ruleset.refused
    assert ruleset.filters == ("Our own",)
    events = [{"Image": "/tool", "User": "adm_x"}, {"Image": "/tool", "User": "x"}, {"Image": "/tool"}]
    batch = make_batch(events, product="test", category="process_creation")
    assert [match.row for match in Engine(ruleset).evaluate(batch)] == [1, 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (filter_text("[tool, other]"), "names 'other', which is no id or name of a loaded rule"),
        (filter_text("[tool]", "{product: linux}"), "does not cover"),
        (filter_text("any", "{product: linux}"), "no rule has the log source"),
        (filter_text("any").replace("not ours", "not theirs"), "theirs"),
    ],
)
def test_filter_that_cannot_be_applied_is_refused_and_changes_nothing(text: str, reason: str) -> None:
    ruleset = parse(RULE, text)

    assert [refusal.file for refusal in ruleset.refused] == ["rule1.yml"]
    assert reason in ruleset.refused[0].reason
    assert ruleset.rules == parse(RULE).rules


EXPANDING = HEAD + "detection:\n  s:\n    User|%s: '%s'\n  condition: s\n"


@pytest.mark.parametrize(
    ("modifiers", "value", "expected"),
    [
        ("expand", "%admins%", ["adm_1", "ROOT"]),
        ("expand|contains", "x%admins%", ["xxadm_2y"]),
        ("cased|expand", "%admins%", ["adm_1"]),
        ("re|expand", "^%dots%$", ["a.b"]),
    ],
)
def test_expand_puts_in_the_values_of_another_file(modifiers: str, value: str, expected: list[str]) -> None:
    ruleset = parse("expand:\n  admins: ['adm_*', root]\n  dots: a.b\n", EXPANDING % (modifiers, value))

    assert [str(refusal) for refusal in ruleset.refused] == []
    users = ["adm_1", "ROOT", "xxadm_2y", "a.b", "axb", "nobody"]
    batch = make_batch([{"User": user} for user in users], product="test")
    assert [users[match.row] for match in Engine(ruleset).evaluate(batch)] == expected


def test_expand_without_values_is_refused_with_its_line() -> None:
    ruleset = parse("expand: {others: [x]}\n", EXPANDING % ("expand", "%admins%"))

    assert [(refusal.file, refusal.line) for refusal in ruleset.refused] == [("rule1.yml", 6)]
    assert "%admins%" in ruleset.refused[0].reason


@pytest.mark.parametrize("section", ["[a]", "{}", "{a: []}", "{a: {b: 1}}", "{a: [true]}"])
def test_values_for_expand_that_are_none_are_refused(section: str) -> None:
    ruleset = parse(f"expand: {section}\n")

    assert [refusal.reason.partition(":")[0] for refusal in ruleset.refused] == ["expand"]
