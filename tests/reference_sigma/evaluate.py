"""`matches(rule, event)`: does this one rule, a dictionary as YAML gives it, hold for this one event?"""

from __future__ import annotations

import base64
import datetime
import fnmatch
import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

Event = Mapping[str, Any]


class NotSupported(Exception):
    """The rule is wrong, or needs something that only a deployment has."""


def matches(rule: Mapping[str, Any], event: Event) -> bool:
    """Evaluate the detection of a rule on an event. The log source is not looked at."""
    detection = rule["detection"]
    conditions = detection["condition"]
    if isinstance(conditions, str):
        conditions = [conditions]
    selections = {name: value for name, value in detection.items() if name != "condition"}
    return any(condition_holds(text, selections, event) for text in conditions)


# Conditions: or < and < not < "x of" < brackets, by recursive descent over the words.


def condition_holds(text: str, selections: Mapping[str, Any], event: Event) -> bool:
    words = re.findall(r"[()]|[^\s()]+", text)
    value, rest = _or(words, selections, event)
    if rest:
        raise NotSupported(f"left over in the condition: {rest}")
    return value


def _or(words: list[str], selections: Mapping[str, Any], event: Event) -> tuple[bool, list[str]]:
    value, words = _and(words, selections, event)
    while words and words[0] == "or":
        other, words = _and(words[1:], selections, event)
        value = value or other
    return value, words


def _and(words: list[str], selections: Mapping[str, Any], event: Event) -> tuple[bool, list[str]]:
    value, words = _not(words, selections, event)
    while words and words[0] == "and":
        other, words = _not(words[1:], selections, event)
        value = value and other
    return value, words


def _not(words: list[str], selections: Mapping[str, Any], event: Event) -> tuple[bool, list[str]]:
    if not words:
        raise NotSupported("the condition ends too early")
    if words[0] == "not":
        value, rest = _not(words[1:], selections, event)
        return not value, rest
    if words[0] == "(":
        value, rest = _or(words[1:], selections, event)
        if not rest or rest[0] != ")":
            raise NotSupported("a bracket is not closed")
        return value, rest[1:]
    if len(words) >= 3 and words[1] == "of" and words[0] in {"1", "any", "all"}:
        return _of(words[0], words[2], selections, event), words[3:]
    if words[0] not in selections:
        raise NotSupported(f"no selection {words[0]}")
    return selection_holds(selections[words[0]], event), words[1:]


def _of(quantifier: str, pattern: str, selections: Mapping[str, Any], event: Event) -> bool:
    if pattern == "them":
        names = [name for name in selections if not name.startswith("_")]
    else:
        names = [name for name in selections if fnmatch.fnmatchcase(name, pattern)]
        if not pattern.startswith("_"):
            names = [name for name in names if not name.startswith("_")]
    if not names:
        raise NotSupported(f"no selection fits {pattern}")
    results = [selection_holds(selections[name], event) for name in names]
    return all(results) if quantifier == "all" else any(results)


# Selections: a map is AND, a list of maps is OR, a list of plain values are keywords linked with OR.


def selection_holds(selection: Any, event: Event) -> bool:
    if isinstance(selection, Mapping):
        return all(item_holds(key, value, event) for key, value in selection.items())
    if isinstance(selection, list):
        return any(selection_holds(each, event) for each in selection)
    return keyword_found(parse_wildcards(plain_text(selection)), event, cased=False)


def plain_text(value: Any) -> str:
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


# A value under modification: ("text", [parts]), where a part is a character or the token ANY or ONE;
# or one of the typed values that the type modifiers make.

ANY, ONE = object(), object()


def parse_wildcards(text: str) -> list[Any]:
    """`\\*` and `\\?` are plain, `\\\\` is one backslash, a backslash before anything else is itself."""
    parts: list[Any] = []
    i = 0
    while i < len(text):
        character = text[i]
        following = text[i + 1] if i + 1 < len(text) else ""
        if character == "\\" and following and following in "*?\\":
            parts.append(following)
            i += 2
            continue
        parts.append(ANY if character == "*" else ONE if character == "?" else character)
        i += 1
    return parts


def item_holds(key: str, value: Any, event: Event) -> bool:
    field, *modifiers = key.split("|")
    values = value if isinstance(value, list) else [value]
    if not values:
        raise NotSupported("an empty list")
    negate = "neq" in modifiers
    quantify: Callable[[list[bool]], bool] = all if "all" in modifiers else any
    plain_modifiers = [each for each in modifiers if each not in {"neq", "all"}]
    result = quantify([value_holds(field, plain_modifiers, each, event) for each in values])
    return not result if negate else result


def value_holds(field: str, modifiers: list[str], value: Any, event: Event) -> bool:
    if "expand" in modifiers:
        if "%" in str(value):
            raise NotSupported("placeholders")
        modifiers = [each for each in modifiers if each != "expand"]
    if "exists" in modifiers:
        return (find(field, event) is not MISSING) == value
    if "re" in modifiers:
        return pattern_holds(field, modifiers, str(value), event)
    if "cidr" in modifiers:
        return any(address_within(text, str(value)) for text in texts(field, event))
    if "fieldref" in modifiers:
        return field_reference_holds(field, modifiers, str(value), event)
    time_part = next((each for each in modifiers if each in TIME_PARTS), None)
    comparison = next((each for each in modifiers if each in COMPARISONS), None)
    if time_part or comparison:
        return number_holds(field, time_part, comparison, value, event)
    if value is None:
        found = find(field, event)
        return found is MISSING or not flat(found)
    return any(text_holds(field, each, event, cased="cased" in modifiers) for each in spelled(value, modifiers))


def spelled(value: Any, modifiers: list[str]) -> list[list[Any]]:
    """Apply the transformation modifiers in the order in which they are written; one value may become several."""
    variants = [parse_wildcards(plain_text(value)) if isinstance(value, str) else list(plain_text(value))]
    for modifier in modifiers:
        variants = [new for each in variants for new in transformed(each, modifier)]
    return variants


def transformed(parts: list[Any], modifier: str) -> list[list[Any]]:
    if modifier == "contains":
        return [[ANY, *parts, ANY]]
    if modifier == "startswith":
        return [[*parts, ANY]]
    if modifier == "endswith":
        return [[ANY, *parts]]
    if modifier == "windash":
        return windash(parts)
    if modifier in {"wide", "utf16le", "utf16be", "utf16"}:
        return [wide(parts, modifier)]
    if modifier == "base64":
        return [list(base64.b64encode(as_bytes(parts)).decode())]
    if modifier == "base64offset":
        return [list(each) for each in base64_offsets(as_bytes(parts))]
    if modifier == "cased":
        return [parts]
    raise NotSupported(f"modifier {modifier}")


def windash(parts: list[Any]) -> list[list[Any]]:
    """A dash or slash with no word character before it and one after it becomes any of five."""
    places = []
    for i, part in enumerate(parts):
        before = i > 0 and isinstance(parts[i - 1], str) and is_word(parts[i - 1])
        after = i + 1 < len(parts) and isinstance(parts[i + 1], str) and is_word(parts[i + 1])
        if part in {"-", "/"} and not before and after:
            places.append(i)
    results = []
    for dashes in itertools.product("-/–—―", repeat=len(places)):
        variant = list(parts)
        for place, dash in zip(places, dashes, strict=True):
            variant[place] = dash
        results.append(variant)
    return results


def is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def wide(parts: list[Any], modifier: str) -> list[Any]:
    codec = "utf-16-be" if modifier == "utf16be" else "utf-16-le"
    result: list[Any] = [chr(0xFF), chr(0xFE)] if modifier == "utf16" else []
    for part in parts:
        result.extend([part] if not isinstance(part, str) else [chr(byte) for byte in part.encode(codec)])
    return result


def as_bytes(parts: list[Any]) -> bytes:
    if any(not isinstance(part, str) for part in parts):
        raise NotSupported("base64 of a wildcard")
    if any(0x80 <= ord(part) <= 0xFF for part in parts) and any(part == chr(0) for part in parts):
        return bytes(ord(part) for part in parts)  # made by `wide`: these are bytes already
    if parts[:2] == [chr(0xFF), chr(0xFE)]:
        return bytes(ord(part) for part in parts)
    return "".join(parts).encode()


def base64_offsets(data: bytes) -> list[str]:
    """The characters that are the same wherever the bytes stand in a longer text, for each of three positions."""
    results = []
    for shift in range(3):
        bits = 8 * shift
        first = -(-bits // 6)  # the first character that only our bytes decide
        last = (bits + 8 * len(data)) // 6  # the first that they no longer decide alone
        results.append(base64.b64encode(b"\0" * shift + data + b"\0\0\0").decode()[first:last])
    return results


# Fields and values of the event.

MISSING = object()


def find(field: str, event: Event) -> Any:
    wanted = field.lower().replace(" ", "")
    for name, value in event.items():
        if name.lower().replace(" ", "") == wanted:
            return value
    return MISSING


def flat(value: Any) -> list[Any]:
    """A list holds several values; null is none."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [inner for each in value for inner in flat(each)]
    return [value]


def texts(field: str, event: Event) -> list[str]:
    found = find(field, event)
    return [] if found is MISSING else [plain_text(each) for each in flat(found)]


def text_holds(field: str, parts: list[Any], event: Event, *, cased: bool) -> bool:
    if not field:
        return keyword_found(parts, event, cased=cased)
    return any(glob_holds(parts, text, cased=cased) for text in texts(field, event))


def keyword_found(parts: list[Any], event: Event, *, cased: bool) -> bool:
    every = [plain_text(each) for value in event.values() for each in flat(value)]
    return any(glob_holds([ANY, *parts, ANY], text, cased=cased) for text in every)


def glob_holds(parts: list[Any], text: str, *, cased: bool) -> bool:
    """Match a whole text by the textbook: rows of a table, one per part."""
    same = (lambda one, other: one == other) if cased else (lambda one, other: one.lower() == other.lower())
    reachable = {0}
    for part in parts:
        if part is ANY:
            reachable = set(range(min(reachable), len(text) + 1)) if reachable else set()
        else:
            reachable = {i + 1 for i in reachable if i < len(text) and (part is ONE or same(part, text[i]))}
    return len(text) in reachable


def pattern_holds(field: str, modifiers: list[str], pattern: str, event: Event) -> bool:
    flags = re.ASCII
    for modifier, flag in (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL)):
        flags |= flag if modifier in modifiers else re.NOFLAG
    every = texts(field, event) if field else [plain_text(each) for value in event.values() for each in flat(value)]
    return any(re.search(pattern, text, flags) is not None for text in every)


def address_within(text: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    wanted = ipaddress.ip_network(network)
    if address in wanted:
        return True
    inner = getattr(address, "ipv4_mapped", None)
    return inner is not None and inner in wanted


def field_reference_holds(field: str, modifiers: list[str], other: str, event: Event) -> bool:
    for text in texts(field, event):
        for reference in texts(other, event):
            one, two = text.lower(), reference.lower()
            if "contains" in modifiers:
                holds = two in one
            elif "startswith" in modifiers:
                holds = one.startswith(two)
            elif "endswith" in modifiers:
                holds = one.endswith(two)
            else:
                holds = one == two
            if holds:
                return True
    return False


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda one, two: one < two,
    "lte": lambda one, two: one <= two,
    "gt": lambda one, two: one > two,
    "gte": lambda one, two: one >= two,
}
TIME_PARTS: dict[str, Callable[[datetime.datetime], int]] = {
    "minute": lambda at: at.minute,
    "hour": lambda at: at.hour,
    "day": lambda at: at.day,
    "week": lambda at: at.isocalendar()[1],
    "month": lambda at: at.month,
    "year": lambda at: at.year,
}


def number_holds(field: str, time_part: str | None, comparison: str | None, value: Any, event: Event) -> bool:
    compare = COMPARISONS[comparison] if comparison else (lambda one, two: one == two)
    for text in texts(field, event):
        if time_part:
            at = instant(text)
            number = None if at is None else TIME_PARTS[time_part](at)
        else:
            number = decimal(text)
        if number is not None and compare(number, value):
            return True
    return False


def decimal(text: str) -> float | int | None:
    text = text.strip()
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return int(text)
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text, re.ASCII) else None


def instant(text: str) -> datetime.datetime | None:
    number = decimal(text)
    if number is not None:
        seconds = number / 1000 if abs(number) >= 1e11 else number
        try:
            return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
        except (ValueError, OverflowError, OSError):
            return None
    try:
        at = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at if at.tzinfo is None else at.astimezone(datetime.UTC)
