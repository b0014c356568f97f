"""Regular expressions of rules, run so that no rule can stall a stream.

RE2 takes time in proportion to the text, whatever the pattern. What RE2 cannot express (look-around, back references)
runs in Python's `re`, on the first 4,096 characters of a value only, and is refused where a repetition stands inside
another, which is what makes backtracking explode. Classes such as \\d and \\w mean ASCII in both, and `$` also matches
before a newline at the very end, as in PCRE.

References:
    https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from re import _constants as sre_constants  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

import re2

from samdrift_logs.errors import InputRefused

SLOW_PATTERN_LIMIT = 4096

_REPEATS = {sre_constants.MAX_REPEAT, sre_constants.MIN_REPEAT}


class PatternRefused(InputRefused):
    """A regular expression that is wrong, or that could stall the stream."""


def searcher(pattern: str, flags: str) -> Callable[[str], bool]:
    """Return a function that tells whether `pattern` is found in a text.

    `flags` is any of i (ignore case), m (^ and $ at each line), s (dot matches newline).
    Raises PatternRefused with the reason.
    """
    options = re2.Options()
    options.log_errors = False
    prefix = f"(?{flags})" if flags else ""
    try:
        compiled = re2.compile(prefix + pattern, options)
    except re2.error:
        return _bounded_searcher(pattern, flags)
    return _with_final_newline(compiled, pattern, flags)


def _with_final_newline(compiled: Any, pattern: str, flags: str) -> Callable[[str], bool]:
    search = compiled.search
    if "$" not in pattern or "m" in flags:
        return lambda text: search(text) is not None

    def found(text: str) -> bool:
        return search(text) is not None or (text.endswith("\n") and search(text[:-1]) is not None)

    return found


def _bounded_searcher(pattern: str, flags: str) -> Callable[[str], bool]:
    numbers = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
    combined = re.ASCII
    for flag in flags:
        combined |= numbers[flag]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parsed = sre_parser.parse(pattern, combined)
            search = re.compile(pattern, combined).search
    except (re.error, OverflowError, RecursionError, Warning) as problem:
        raise PatternRefused(f"the regular expression {pattern!r} is wrong: {problem}") from problem
    if _repeats_within_repeats(parsed):
        raise PatternRefused(
            f"the regular expression {pattern!r} needs look-around or back references and repeats a repetition: "
            "it could stall the stream; write it without one of the two"
        )
    return lambda text: search(text, 0, SLOW_PATTERN_LIMIT) is not None


def _repeats_within_repeats(parsed: Iterable[Any], *, inside: bool = False) -> bool:
    for operation, argument in parsed:
        repeats = operation in _REPEATS and argument[1] > 1
        if repeats and inside:
            return True
        if any(_repeats_within_repeats(sub, inside=inside or repeats) for sub in _subpatterns(argument)):
            return True
    return False


def _subpatterns(argument: Any) -> list[Any]:
    if isinstance(argument, sre_parser.SubPattern):
        return [argument]
    if isinstance(argument, tuple | list):
        return [sub for part in argument for sub in _subpatterns(part)]
    return []
