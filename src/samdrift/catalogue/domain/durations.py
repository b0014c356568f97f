"""Durations as people write them in content: 30m, 4h, 14d."""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"""
    (?P<amount>[1-9][0-9]{0,5})   # 30
    (?P<unit>[mhd])               # m
    """,
    re.VERBOSE,
)
_MINUTES = {"m": 1, "h": 60, "d": 1440}


def minutes_from(text: str) -> int:
    """Return the minutes of "30m", "4h" or "14d" (a day is 24 hours). Raises ValueError that says how to write it."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; write a whole number and m, h or d, as 30m, 4h or 14d")
    return int(match["amount"]) * _MINUTES[match["unit"]]
