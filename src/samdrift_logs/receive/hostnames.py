"""Find the host name in a syslog line, only to choose among the sources of one organisation."""

from __future__ import annotations

import re

_HOST = re.compile(
    rb"""
    (?:<[0-9]{1,3}>)?                                    # <134>
    (?:
        1[ ]\S+[ ](?P<rfc5424>\S+)                       # 1 2026-11-23T20:00:00Z web-1 ...
      | \d{4}-\d\d-\d\dT\S+[ ](?P<iso>\S+)               # 2026-11-23T20:00:00+01:00 web-1 ...   (rsyslog's forward)
      | [A-Z][a-z]{2}[ ]{1,2}\d{1,2}[ ]\d\d:\d\d:\d\d[ ](?P<rfc3164>\S+)   # Nov 23 20:00:00 web-1 ...
    )
    """,
    re.VERBOSE,
)
_DEVICE_NAME = re.compile(rb'\bdevname="?(?P<fortigate>[^" ]+)')  # <189>date=... devname="fw-1"


def host_of(line: bytes) -> str | None:
    """Return the host a line names, or None where it names none."""
    found = _HOST.match(line) or _DEVICE_NAME.search(line, 0, 512)
    if found is None:
        return None
    name = next(group for group in found.groups() if group is not None)
    return None if name == b"-" else name.decode("utf-8", "replace")
