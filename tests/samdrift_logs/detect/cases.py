"""Detection semantics as data, each form of Sigma 2.1 at least once: (name, detection, events that match, that do not).

Independent of any engine: the engine and the reference evaluator are both held to it.
"""

# ruff: noqa: E501 - a table, one case a line
from __future__ import annotations

from typing import Any

import attrs

SELECTION = "condition: selection\n"


@attrs.frozen
class Case:
    """One detection and what it must and must not match."""

    name: str
    detection: str
    hits: tuple[dict[str, Any], ...]
    misses: tuple[dict[str, Any], ...]


def case(name: str, detection: str, *, hits: list[dict[str, Any]], misses: list[dict[str, Any]]) -> Case:
    """Return a case; a detection without condition has `selection` alone."""
    text = detection if "condition:" in detection else f"selection:\n  {detection}\ncondition: selection"
    return Case(name, text, tuple(hits), tuple(misses))


CASES = [
    # plain values
    case("equals ignores case", "a: Abc", hits=[{"a": "ABC"}, {"a": "abc"}], misses=[{"a": "abcd"}, {"a": "xabc"}, {}]),
    case("equals ignores case beyond ASCII", "a: ÆRØ", hits=[{"a": "ærø"}, {"a": "Ærø"}], misses=[{"a": "aero"}]),
    case("Greek sigma folds the same inside and at the end", "a|contains: ΟΔΟΣ", hits=[{"a": "οδοσ x"}, {"a": "ΟΔΟΣ"}], misses=[{"a": "οδο"}]),
    case("field names ignore case and spaces", "ThreatName: x", hits=[{"Threat Name": "x"}, {"threatname": "x"}], misses=[{"Threat": "x"}]),
    case("underscore and percent are literals", "a: '___%'", hits=[{"a": "___%"}], misses=[{"a": "abcd"}, {"a": "___x"}]),
    case("number equals number and text", "a: 4688", hits=[{"a": 4688}, {"a": "4688"}, {"a": 4688.0}], misses=[{"a": 4689}, {"a": "46880"}]),
    case("text equals number", "a: '4688'", hits=[{"a": 4688}], misses=[{"a": 4689}]),
    case("negative and fractional numbers", "a: [-1, 1.5]", hits=[{"a": -1}, {"a": "-1"}, {"a": 1.5}, {"a": "1.5"}], misses=[{"a": 1}, {"a": 15}]),
    case("numbers beyond 64 bits", "a: '18446744073709551617'", hits=[{"a": "18446744073709551617"}, {"a": 18446744073709551617}], misses=[{"a": "1"}]),
    case("true is the text true", "a: true", hits=[{"a": True}, {"a": "true"}, {"a": "True"}], misses=[{"a": False}, {"a": 1}, {"a": "1"}]),
    case("the text false is false", "a: 'False'", hits=[{"a": False}, {"a": "FALSE"}], misses=[{"a": True}, {"a": 0}]),
    case("null is absent or null", "a: null", hits=[{}, {"a": None}, {"b": "x"}], misses=[{"a": ""}, {"a": "-"}, {"a": 0}]),
    case("an empty list is null", "a: null", hits=[{"a": []}], misses=[{"a": [""]}]),
    case("empty text is present and empty", "a: ''", hits=[{"a": ""}], misses=[{}, {"a": None}, {"a": " "}]),
    case("list of values is OR", "a: [x, y, 3]", hits=[{"a": "X"}, {"a": "y"}, {"a": 3}], misses=[{"a": "z"}, {}]),
    case("null in a list of values", "a: [null, x]", hits=[{}, {"a": "x"}], misses=[{"a": "y"}]),
    case("map is AND", "selection:\n  a: x\n  b: y\ncondition: selection", hits=[{"a": "x", "b": "y"}], misses=[{"a": "x"}, {"b": "y"}, {"a": "x", "b": "z"}]),
    case("list of maps is OR of ANDs", "selection:\n  - a: x\n    b: y\n  - c: z\ncondition: selection", hits=[{"a": "x", "b": "y"}, {"c": "z"}], misses=[{"a": "x"}, {"b": "y", "c": "q"}]),
    case("list of maps and a keyword", "selection:\n  - a: x\n  - wörd\ncondition: selection", hits=[{"a": "x"}, {"q": "the WÖRD here"}], misses=[{"a": "y"}]),
    case("a value that is a list matches by any element", "a: x", hits=[{"a": ["q", "X"]}], misses=[{"a": ["q", "xx"]}]),
    # wildcards and escapes
    case("star inside", "a: 'ab*yz'", hits=[{"a": "abyz"}, {"a": "AB..\n..YZ"}], misses=[{"a": "xabyz"}, {"a": "abyzx"}]),
    case("question mark is one character", "a: 'a?c'", hits=[{"a": "abc"}, {"a": "aÆc"}, {"a": "a\nc"}], misses=[{"a": "ac"}, {"a": "abbc"}]),
    case("star alone is presence", "a: '*'", hits=[{"a": "x"}, {"a": ""}, {"a": 0}], misses=[{}, {"a": None}]),
    case("several stars are one", "a: '**x**'", hits=[{"a": "x"}, {"a": "axb"}], misses=[{"a": "y"}]),
    case("question mark alone", "a: '?'", hits=[{"a": "x"}], misses=[{"a": ""}, {"a": "xy"}, {}]),
    case("question mark and star", "a: '?*'", hits=[{"a": "x"}, {"a": "xy"}], misses=[{"a": ""}]),
    case("escaped star is a star", "a: 'a\\*c'", hits=[{"a": "a*c"}], misses=[{"a": "abc"}]),
    case("escaped question mark", "a: 'a\\?c'", hits=[{"a": "a?c"}], misses=[{"a": "abc"}]),
    case("two backslashes and a star: backslash, wildcard", "a: 'c:\\\\*'", hits=[{"a": "c:\\x"}, {"a": "c:\\"}], misses=[{"a": "c:x"}, {"a": "c:*"}]),
    case("two backslashes are one", "a: 'c:\\\\x'", hits=[{"a": "c:\\x"}], misses=[{"a": "c:\\\\x"}]),
    case("one backslash is itself", "a: 'c:\\x'", hits=[{"a": "c:\\x"}], misses=[{"a": "c:x"}]),
    case("three backslashes and a star are plain", "a: 'c\\\\\\*'", hits=[{"a": "c\\*"}], misses=[{"a": "c\\x"}]),
    case("three backslashes are two", "a: 'c\\\\\\x'", hits=[{"a": "c\\\\x"}], misses=[{"a": "c\\x"}]),
    case("four backslashes are two", "a: '\\\\\\\\srv'", hits=[{"a": "\\\\srv"}], misses=[{"a": "\\srv"}]),
    case("a trailing backslash does not eat the added wildcard", "a|contains: '\\temp\\'", hits=[{"a": "c:\\TEMP\\x"}], misses=[{"a": "c:\\temp"}]),
    case("a trailing backslash with startswith", "a|startswith: 'c:\\'", hits=[{"a": "C:\\x"}], misses=[{"a": "c:x"}, {"a": "xc:\\"}]),
    case("glob parts do not overlap", "a: 'ab*ba'", hits=[{"a": "abba"}], misses=[{"a": "aba"}]),
    case("the separator of our own scan in a value", "a: 'x'", hits=[{"a": "x"}], misses=[{"a": "y\x01x\x01z"}, {"a": "x\x01"}]),
    case("regular expression characters in a glob are plain", "a: 'a.b*(c'", hits=[{"a": "a.b (c"}], misses=[{"a": "axb (c"}]),
    # text positions
    case("contains", "a|contains: b c", hits=[{"a": "aB Cd"}, {"a": "b c"}], misses=[{"a": "bc"}, {}]),
    case("startswith", "a|startswith: ab", hits=[{"a": "ABc"}, {"a": "ab"}], misses=[{"a": "xab"}]),
    case("endswith", "a|endswith: '\\x.exe'", hits=[{"a": "c:\\X.EXE"}], misses=[{"a": "c:\\x.exe "}, {"a": "x.exe"}]),
    case("contains with a wildcard inside", "a|contains: 'x*y'", hits=[{"a": "1x2y3"}], misses=[{"a": "yx"}]),
    case("contains a number", "a|contains: '12'", hits=[{"a": 4123}], misses=[{"a": 4213}]),
    case("all is AND over values", "a|contains|all: [x, y]", hits=[{"a": "y-x"}], misses=[{"a": "x"}, {"a": "y"}]),
    case("all over a list value", "a|contains|all: [x, y]", hits=[{"a": ["x", "y"]}], misses=[{"a": ["x", "z"]}]),
    case("all without another modifier", "a|all: ['*x*', '*y*']", hits=[{"a": "xy"}], misses=[{"a": "x"}]),
    case("cased equals", "a|cased: Abc", hits=[{"a": "Abc"}], misses=[{"a": "abc"}, {"a": "ABC"}]),
    case("cased contains", "a|contains|cased: Abc", hits=[{"a": "xAbcx"}], misses=[{"a": "xabcx"}]),
    case("cased glob", "a|cased: 'A*c'", hits=[{"a": "Axc"}], misses=[{"a": "axc"}, {"a": "AxC"}]),
    # negation
    case("neq", "a|neq: x", hits=[{"a": "y"}, {}, {"a": None}], misses=[{"a": "X"}]),
    case("neq with a list is none of them", "a|neq: [x, y]", hits=[{"a": "z"}], misses=[{"a": "x"}, {"a": "y"}]),
    case("contains and neq", "a|contains|neq: x", hits=[{"a": "y"}], misses=[{"a": "axa"}]),
    case("neq with a number", "a|neq: 5", hits=[{"a": 6}, {"a": "6"}], misses=[{"a": 5}, {"a": "5"}]),
    case("fieldref and neq", "a|fieldref|neq: b", hits=[{"a": "x", "b": "y"}, {"a": "x"}], misses=[{"a": "x", "b": "X"}]),
    # presence
    case("exists", "a|exists: true", hits=[{"a": "x"}, {"a": None}, {"a": ""}], misses=[{}, {"b": "x"}]),
    case("exists false", "a|exists: false", hits=[{}, {"b": "x"}], misses=[{"a": "x"}, {"a": None}]),
    # regular expressions
    case("re is an unanchored search, with case", "a|re: 'b+c'", hits=[{"a": "abbcd"}], misses=[{"a": "aBBc"}, {"a": "c"}]),
    case("re anchors", "a|re: '^ab$'", hits=[{"a": "ab"}, {"a": "ab\n"}], misses=[{"a": "xab"}, {"a": "ab\nc"}]),
    case("re i", "a|re|i: 'b+C'", hits=[{"a": "aBBcd"}], misses=[{"a": "x"}]),
    case("re m", "a|re|m: '^b$'", hits=[{"a": "a\nb\nc"}], misses=[{"a": "ab"}]),
    case("re s", "a|re|s: 'a.b'", hits=[{"a": "a\nb"}], misses=[{"a": "ab"}]),
    case("re without s", "a|re: 'a.b'", hits=[{"a": "axb"}], misses=[{"a": "a\nb"}]),
    case("re with several flags", "a|re|i|m|s: '^A.b$'", hits=[{"a": "x\na\nB\ny"}], misses=[{"a": "x"}]),
    case("re backslashes are the expression's own", "a|re: 'c:\\\\\\d'", hits=[{"a": "c:\\7"}], misses=[{"a": "c:7"}]),
    case("re in a list", "a|re: ['^x', 'y$']", hits=[{"a": "x1"}, {"a": "1y"}], misses=[{"a": "1x"}]),
    case("re with all", "a|re|all: ['x', 'y']", hits=[{"a": "yx"}], misses=[{"a": "x"}]),
    case("re on a number", "a|re: '^4[67]'", hits=[{"a": 4688}], misses=[{"a": 4588}]),
    case("re with look-ahead", "a|re: 'a(?!b)'", hits=[{"a": "ac"}], misses=[{"a": "ab"}]),
    case("re star and question mark are not wildcards", "a|re: 'ab*?c'", hits=[{"a": "ac"}, {"a": "abbc"}], misses=[{"a": "axc"}]),
    # addresses
    case("cidr", "a|cidr: 10.0.0.0/8", hits=[{"a": "10.1.2.3"}, {"a": "::ffff:10.1.2.3"}], misses=[{"a": "11.0.0.1"}, {"a": "10.1"}, {"a": "-"}, {}]),
    case("cidr of version 6", "a|cidr: 'fe80::/10'", hits=[{"a": "fe80::1"}, {"a": "FE80:0:0::1"}, {"a": "fe80::1%eth0"}], misses=[{"a": "::1"}, {"a": "10.0.0.1"}]),
    case("cidr list", "a|cidr: [10.0.0.0/8, 192.168.0.0/16]", hits=[{"a": "192.168.9.9"}], misses=[{"a": "192.169.0.1"}]),
    # numbers
    case("gt", "a|gt: 5", hits=[{"a": 6}, {"a": "6"}, {"a": 5.5}, {"a": " 7 "}], misses=[{"a": 5}, {"a": "x"}, {}, {"a": None}, {"a": "0x10"}]),
    case("gte", "a|gte: 5", hits=[{"a": 5}, {"a": "5.0"}], misses=[{"a": 4.9}]),
    case("lt", "a|lt: 5", hits=[{"a": 4}, {"a": -10}], misses=[{"a": 5}, {"a": ""}, {"a": True}]),
    case("lte", "a|lte: 5", hits=[{"a": 5}, {"a": "1e0"}], misses=[{"a": 6}]),
    case("comparisons with values beyond 64 bits are exact", "a|gt: 9007199254740991", hits=[{"a": "18446744073709551617"}, {"a": 9007199254740992}], misses=[{"a": "9007199254740991"}]),
    # parts of instants
    case("minute", "a|minute: 34", hits=[{"a": "2026-11-23T20:34:05Z"}], misses=[{"a": "2026-11-23T20:35:05Z"}, {"a": "34"}, {"a": "x"}]),
    case("hour", "a|hour: 20", hits=[{"a": "2026-11-23 20:34:05.123"}, {"a": "2026-11-23T21:34:05.1234567+01:00"}], misses=[{"a": "2026-11-23T19:34:05Z"}]),
    case("day", "a|day: 23", hits=[{"a": "2026-11-23T20:34:05Z"}], misses=[{"a": "2026-11-24T20:34:05Z"}]),
    case("week", "a|week: 48", hits=[{"a": "2026-11-23"}], misses=[{"a": "2026-11-22"}]),
    case("month", "a|month: 11", hits=[{"a": "2026-11-23T20:34:05Z"}], misses=[{"a": "2026-12-23T20:34:05Z"}]),
    case("year", "a|year: 2026", hits=[{"a": "2026-11-23T20:34:05Z"}], misses=[{"a": "2025-11-23T20:34:05Z"}]),
    case("part with comparison", "a|hour|gte: 18", hits=[{"a": "2026-11-23T20:34:05Z"}], misses=[{"a": "2026-11-23T17:34:05Z"}]),
    case("seconds since 1970", "a|year: 2026", hits=[{"a": 1795466045}, {"a": "1795466045123"}], misses=[{"a": 1}]),
    # encodings
    case("base64", "a|base64|contains: foobar", hits=[{"a": "x Zm9vYmFy y"}], misses=[{"a": "foobar"}]),
    case("base64offset", "a|base64offset|contains: foobar", hits=[{"a": "Zm9vYmFy"}, {"a": "QUZvb2Jhcg=="}, {"a": "eGZvb2Jhcng="}, {"a": "eHhmb29iYXJ4"}], misses=[{"a": "foobar"}]),
    case("wide and base64offset", "a|wide|base64offset|contains: IEX", hits=[{"a": "SQBFAFgA"}, {"a": "AEkARQBYAA"}], misses=[{"a": "SUVY"}]),
    case("utf16le is wide", "a|utf16le|base64|contains: IEX", hits=[{"a": "SQBFAFgA"}], misses=[{"a": "SUVY"}]),
    case("utf16be", "a|utf16be|base64|contains: IEX", hits=[{"a": "AEkARQBY"}], misses=[{"a": "SQBFAFgA"}]),
    case("utf16 has a byte order mark", "a|utf16|base64|contains: IEX", hits=[{"a": "//5JAEUAWAA="}], misses=[{"a": "SQBFAFgA"}]),
    case("windash", "a|contains|windash: ' -f'", hits=[{"a": "x -F"}, {"a": "x /f"}, {"a": "x –f"}, {"a": "x —f"}, {"a": "x ―f"}], misses=[{"a": "x f"}, {"a": "x_f"}]),
    case("windash leaves dashes within words", "a|windash: 'a-b'", hits=[{"a": "a-b"}], misses=[{"a": "a/b"}]),
    case("windash with two dashes, each by itself", "a|windash: '-x /y'", hits=[{"a": "/x -y"}, {"a": "-x /y"}, {"a": "—x ―y"}], misses=[{"a": "x y"}]),
    case("windash under all is still OR", "a|contains|all|windash: [' -f', ' /g']", hits=[{"a": "x /f -g"}], misses=[{"a": "x /f"}]),
    # references to fields
    case("fieldref", "a|fieldref: b", hits=[{"a": "X", "b": "x"}], misses=[{"a": "x", "b": "y"}, {"a": "x"}, {"b": "x"}, {"a": None, "b": None}, {}]),
    case("fieldref startswith", "a|fieldref|startswith: b", hits=[{"a": "abc", "b": "AB"}], misses=[{"a": "xab", "b": "ab"}]),
    case("fieldref endswith", "a|fieldref|endswith: b", hits=[{"a": "abc", "b": "BC"}], misses=[{"a": "abcx", "b": "bc"}]),
    case("fieldref contains", "a|fieldref|contains: b", hits=[{"a": "xabcx", "b": "ABC"}], misses=[{"a": "xx", "b": "abc"}]),
    # keywords
    case("keyword in any value", "selection:\n  - 'needle'\n  - 77123\ncondition: selection", hits=[{"q": "a NEEDLE b"}, {"z": 77123}, {"z": ["x", "needle"]}], misses=[{"needle": "x"}, {}]),
    case("keyword with a wildcard", "selection:\n  - 'a*needle'\ncondition: selection", hits=[{"q": "xa..needlex"}], misses=[{"q": "needle a"}, {"q": "a", "r": "needle"}]),
    case("keywords with all", "selection:\n  '|all':\n    - one\n    - two\ncondition: selection", hits=[{"q": "one two"}, {"q": "ONE", "r": "two"}], misses=[{"q": "one"}]),
    case("keyword as a lone value", "selection: needle\ncondition: selection", hits=[{"q": "aneedleb"}], misses=[{"q": "x"}]),
    case("keyword re", "selection:\n  '|re': 'n[e]+dle'\ncondition: selection", hits=[{"q": "a needle"}], misses=[{"q": "NEEDLE"}]),
    case("keyword and field", "selection:\n  - needle\nother:\n  a: x\ncondition: selection and other", hits=[{"a": "x", "b": "needle"}], misses=[{"a": "x"}, {"b": "needle"}]),
    case("not keyword", "selection:\n  - needle\nother:\n  a: x\ncondition: other and not selection", hits=[{"a": "x"}], misses=[{"a": "x", "b": "needle"}]),
    # conditions
    case("not is true when the field is absent", "s:\n  a: x\nf:\n  b: y\ncondition: s and not f", hits=[{"a": "x"}, {"a": "x", "b": "z"}], misses=[{"a": "x", "b": "y"}]),
    case("an absent field leaves the rest of the rule alone", "s:\n  a: x\nt:\n  b: y\ncondition: s or t", hits=[{"a": "x"}, {"b": "y"}], misses=[{}]),
    case("precedence: and before or", "s:\n  a: 1\nt:\n  b: 1\nu:\n  c: 1\ncondition: s or t and u", hits=[{"a": 1}, {"b": 1, "c": 1}], misses=[{"b": 1}, {"c": 1}]),
    case("parentheses", "s:\n  a: 1\nt:\n  b: 1\nu:\n  c: 1\ncondition: (s or t) and u", hits=[{"a": 1, "c": 1}], misses=[{"a": 1}, {"c": 1}]),
    case("not binds tightest", "s:\n  a: 1\nt:\n  b: 1\ncondition: not s and t", hits=[{"b": 1}], misses=[{"a": 1, "b": 1}, {}]),
    case("double negation", "s:\n  a: 1\ncondition: not (not s)", hits=[{"a": 1}], misses=[{}]),
    case("1 of pattern", "s_a:\n  a: 1\ns_b:\n  b: 1\nt:\n  c: 1\ncondition: 1 of s_*", hits=[{"a": 1}, {"b": 1}], misses=[{"c": 1}]),
    case("any of pattern", "s_a:\n  a: 1\ns_b:\n  b: 1\ncondition: any of s_*", hits=[{"a": 1}], misses=[{}]),
    case("all of pattern", "s_a:\n  a: 1\ns_b:\n  b: 1\nt:\n  c: 1\ncondition: all of s_*", hits=[{"a": 1, "b": 1}], misses=[{"a": 1}, {"c": 1}]),
    case("1 of them skips underscores", "s:\n  a: 1\n_t:\n  b: 1\ncondition: 1 of them", hits=[{"a": 1}], misses=[{"b": 1}]),
    case("all of them skips underscores", "s:\n  a: 1\nt:\n  b: 1\n_u:\n  c: 1\ncondition: all of them", hits=[{"a": 1, "b": 1}], misses=[{"a": 1, "c": 1}]),
    case("not 1 of filters", "s:\n  a: 1\nf_x:\n  b: 1\nf_y:\n  c: 1\ncondition: s and not 1 of f_*", hits=[{"a": 1}], misses=[{"a": 1, "b": 1}, {"a": 1, "c": 1}]),
    case("not all of filters", "s:\n  a: 1\nf_x:\n  b: 1\nf_y:\n  c: 1\ncondition: s and not all of f_*", hits=[{"a": 1}, {"a": 1, "b": 1}], misses=[{"a": 1, "b": 1, "c": 1}]),
    case("only a negation", "s:\n  a: 1\ncondition: not s", hits=[{}, {"a": 2}], misses=[{"a": 1}]),
    case("a list of conditions is OR", "s:\n  a: 1\nt:\n  b: 1\ncondition:\n  - s\n  - t", hits=[{"a": 1}, {"b": 1}], misses=[{}]),
    case("names that begin like operators", "notepad:\n  a: 1\nandy:\n  b: 1\ncondition: notepad and andy", hits=[{"a": 1, "b": 1}], misses=[{"a": 1}]),
    case("two spellings of one field in a rule", "selection:\n  - Image: x\n  - image: y\ncondition: selection", hits=[{"IMAGE": "x"}, {"Image": "y"}], misses=[{"Image": "z"}]),
]  # fmt: skip
