"""Keep civil registration numbers (CPR) out of text that another organisation will read. Pure."""

from __future__ import annotations

import datetime as dt
import re

_CPR = re.compile(
    r"""
    (?<![0-9])
    (?P<day>[0-3][0-9])(?P<month>[01][0-9])(?P<year>[0-9]{2})   # 010190
    [ -]?                                                       # 010190-1234, 010190 1234, 0101901234
    [0-9]{4}
    (?![0-9])
    """,
    re.VERBOSE,
)
SIGN = "[CPR]"


def without_cpr(text: str) -> str:
    """Return `text` with every CPR number replaced by a sign. Ten digits that hold no date stay."""
    return _CPR.sub(lambda match: SIGN if _is_date(match) else match.group(), text)


def _is_date(match: re.Match[str]) -> bool:
    try:
        dt.date(2000 + int(match["year"]) % 4, int(match["month"]), int(match["day"]))
    except ValueError:
        return False
    return True
