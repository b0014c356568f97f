"""Keep any line as an event: what no other reader takes is still stored, searched and counted.

A syslog header is read where there is one; all else is the message. Bytes that are not UTF-8 are read as
Latin-1. Raises nothing.
"""

from __future__ import annotations

from typing import Any

from samdrift_logs.normalise import syslog
from samdrift_logs.normalise.reading import Event, Origin, decode


def read(line: bytes, origin: Origin) -> Event:
    """Read one line. Never fails."""
    return event_of(syslog.parse(decode(line), origin))


def event_of(header: syslog.Header) -> Event:
    """Return the plain event of a syslog line: header fields under rsyslog's names, and the message."""
    fields: dict[str, Any] = dict(header.structured)
    for name, value in (
        ("hostname", header.host),
        ("program", header.app),
        ("procid", header.pid),
        ("msgid", header.msgid),
    ):
        if value is not None:
            fields[name] = value
    fields["message"] = header.text
    return Event(
        fields,
        {
            "event_at": header.at,
            "severity": header.severity,
            "host": header.host,
            "process": header.app,
            "message": header.text,
        },
    )
