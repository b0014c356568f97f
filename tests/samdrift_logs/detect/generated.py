"""Strategies for rules and events that meet each other often: few fields, few letters, every modifier."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

FIELDS = ("Alpha", "beta", "Gamma", "Delta")
SHORT = st.text(alphabet="aAbB/-\\ .æÆ1", max_size=4)
PATTERNED = st.text(alphabet="aAbB*?\\/-_%1 æ", max_size=6)
NUMBERS = st.sampled_from([0, 1, -1, 12, 1.5, 4688, 10**12])
INSTANTS = st.sampled_from(["2026-11-23T20:34:05Z", "2026-01-01 00:00:00", "2026-11-23T20:34:05+02:00", "1795466045"])
ADDRESSES = st.sampled_from(["10.0.0.1", "10.200.3.4", "fe80::1", "::ffff:10.0.0.9", "192.168.1.1", "10.0.0", ""])
REGEXES = st.sampled_from(
    [
        "a+b",
        "^a",
        "b$",
        "[ab]{2}",
        "A.b",
        "(a|b)1",
        "^$",
        "a(?!b)",
        "\\\\",
        ".",
        "abb",
        "(ab)+a",
        "(?i)bAb",
        "a(bb|b)b",
        "a?abb",
    ]
)
BASE64 = st.sampled_from(["YWI=", "YWJh", "YQ==", "YQBiAA==", "eGFi", "AABhAGI=", "QUI="])

SCALARS = st.one_of(SHORT, SHORT, NUMBERS, st.booleans(), st.none(), INSTANTS, ADDRESSES, BASE64)
VALUES = st.one_of(SCALARS, SCALARS, SCALARS, st.lists(SCALARS, max_size=3))
EVENTS = st.dictionaries(st.sampled_from((*FIELDS, "epsilon")), VALUES, max_size=5)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return one value or a list of up to three."""
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


TEXT_MODIFIERS = st.sampled_from(["", "|contains", "|startswith", "|endswith"])
TEXT_EXTRAS = st.sampled_from(["", "", "|cased", "|all", "|neq", "|windash", "|all|windash"])


@st.composite
def items(draw: st.DrawFn) -> tuple[str, Any]:
    """Return one `field|modifiers: values`."""
    field = draw(st.sampled_from(FIELDS))
    kind = draw(st.sampled_from(["text"] * 6 + ["plain"] * 2 + [
        "re", "cidr", "number", "time", "fieldref", "exists", "base64", "null"
    ]))  # fmt: skip
    if kind == "text":
        return field + draw(TEXT_MODIFIERS) + draw(TEXT_EXTRAS), draw(some(PATTERNED))
    if kind == "plain":
        return field, draw(some(st.one_of(PATTERNED, NUMBERS, st.booleans(), st.none())))
    if kind == "re":
        return field + "|re" + draw(st.sampled_from(["", "|i", "|m", "|s", "|i|s", "|all"])), draw(some(REGEXES))
    if kind == "cidr":
        return field + "|cidr", draw(some(st.sampled_from(["10.0.0.0/8", "fe80::/10", "192.168.1.1/32", "0.0.0.0/0"])))
    if kind == "number":
        return field + draw(st.sampled_from(["|gt", "|gte", "|lt", "|lte", "|gt|neq"])), draw(some(NUMBERS))
    if kind == "time":
        part = draw(st.sampled_from(["minute", "hour", "day", "week", "month", "year"]))
        compare = draw(st.sampled_from(["", "|gte", "|lt"]))
        return f"{field}|{part}{compare}", draw(some(st.sampled_from([0, 1, 11, 18, 20, 23, 34, 48, 2026])))
    if kind == "fieldref":
        return field + "|fieldref" + draw(st.sampled_from(["", "|startswith", "|contains", "|neq"])), draw(
            st.sampled_from(FIELDS)
        )
    if kind == "exists":
        return field + "|exists", draw(st.booleans())
    if kind == "base64":
        prefix = draw(st.sampled_from(["|base64", "|base64offset", "|wide|base64offset", "|wide|base64"]))
        return field + prefix + "|contains", draw(some(st.sampled_from(["a", "ab", "AB", "abab"])))
    return field, None


KEYWORDS = st.one_of(
    st.lists(
        st.text(alphabet="abAB1æ*", min_size=1, max_size=3).filter(lambda text: text.strip("*")), min_size=1, max_size=2
    ),
    st.builds(lambda value: {"|all": value}, st.lists(st.sampled_from(["a", "b", "1"]), min_size=2, max_size=2)),
)
MAPS = st.lists(items(), min_size=1, max_size=3).map(dict)
SELECTIONS = st.one_of(MAPS, MAPS, MAPS, st.lists(MAPS, min_size=1, max_size=2), KEYWORDS)

NAMES = ("sel_a", "sel_b", "filter_c", "_hidden")


@st.composite
def conditions(draw: st.DrawFn, names: tuple[str, ...], depth: int = 0) -> str:
    """Return a condition over these selections."""
    leaves = [*names]
    if any(name.startswith("sel_") for name in names):
        leaves += ["1 of sel_*", "all of sel_*"]
    if any(not name.startswith("_") for name in names):
        leaves += ["1 of them", "all of them"]
    if depth > 2 or draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(leaves))
    form = draw(st.sampled_from(["and", "or", "not", "and not"]))
    left = draw(conditions(names, depth + 1))
    if form == "not":
        return f"not ({left})"
    right = draw(conditions(names, depth + 1))
    joined = draw(st.sampled_from(["{} {} {}", "({} {} {})", "{} {} ({})"]))
    return joined.format(left, form, right)


@st.composite
def detections(draw: st.DrawFn) -> dict[str, Any]:
    """Return the detection part of a rule."""
    names = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)))
    parts: dict[str, Any] = {name: draw(SELECTIONS) for name in names}
    return {**parts, "condition": draw(conditions(names))}
