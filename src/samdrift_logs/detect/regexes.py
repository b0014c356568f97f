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

from samdrift_logs.detect.cells import fold
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


def necessary_literal(pattern: str, flags: str) -> str:
    """Return the longest text, folded, that stands in the folded value wherever the pattern is found; often empty.

    Where case is ignored, only letters count whose other forms fold to the same: not s, which also is the long s.
    """
    if "[:" in pattern:  # a POSIX class to RE2, another thing to Python, whose parser is used here
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = sre_parser.parse(pattern, re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return ""
    ignores_case = "i" in flags or _INLINE_IGNORE_CASE.search(pattern) is not None
    return max(_literal_runs(parsed, ignores_case=ignores_case), key=len, default="")


_INLINE_IGNORE_CASE = re.compile(r"\(\?[a-z]*i")


def _literal_runs(parsed: Iterable[Any], *, ignores_case: bool) -> list[str]:
    """Return the texts that every match holds. What is optional or a choice ends a run and adds nothing."""
    runs = [""]
    for operation, argument in parsed:
        letter = chr(argument) if operation is sre_constants.LITERAL else ""
        if letter and not (ignores_case and (letter in "sS" or not letter.isascii())):
            runs[-1] += fold(letter)
            continue
        runs.append("")
        if operation is sre_constants.SUBPATTERN:
            runs.extend(_literal_runs(argument[3], ignores_case=ignores_case))
            runs.append("")
        elif operation in _REPEATS and argument[0] >= 1:
            runs.extend(_literal_runs(argument[2], ignores_case=ignores_case))
            runs.append("")
    return runs
