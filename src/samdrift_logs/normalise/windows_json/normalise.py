"""Turn flat Windows JSON, one object per line as Zircolite and the OTRF data sets have it, into events.

Fields keep their names. Where an exporter calls the record's header otherwise (SourceName, Hostname, host …), the event
log's names Channel, EventID, Provider_Name and Computer are added. Instants without an offset are UTC, as event log
files have them. Raises LineRejected where the line is no JSON object or has neither channel nor event id.

References:
    https://github.com/OTRF/Security-Datasets
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from samdrift_logs.errors import LineRejected
from samdrift_logs.normalise import instants, windows
from samdrift_logs.normalise.evtx.normalise import fields_of_event
from samdrift_logs.normalise.reading import Event, Origin, flatten, load_object

OTHER_NAMES = (
    ("EventID", ("event_id", "EventId", "Id", "winlog.event_id", "event.code")),
    ("Channel", ("channel", "LogName", "winlog.channel")),
    ("Provider_Name", ("SourceName", "ProviderName", "provider_name", "Provider", "winlog.provider_name")),
    ("Computer", ("Hostname", "MachineName", "computer_name", "ComputerName", "host.name", "winlog.computer_name")),
)
MOST_WITH_MESSAGE = 10  # fields besides the message; with more, there is event data and the text only repeats it
_AT = ("SystemTime", "TimeCreated", "@timestamp", "EventTime", "UtcTime", "TimeGenerated", "timestamp")


def read(line: bytes, origin: Origin) -> Event:
    """Read one object. See the module for columns and errors."""
    document = load_object(line)
    if type(document.get("Event")) is dict:
        fields, at = fields_of_event(document["Event"])
        return windows.make_event(fields, at=at)
    fields = flatten(document)
    for name, others in OTHER_NAMES:
        if name not in fields:
            value = next((fields[other] for other in others if other in fields), None)
            if value is not None:
                fields[name] = value
    if "EventID" not in fields or "Channel" not in fields:
        raise LineRejected("no Channel and EventID: this is not a Windows event")
    message = fields.pop("Message", None)
    if message is not None and len(fields) <= MOST_WITH_MESSAGE:
        fields["Message"] = message  # no event data: the text is all there is for rules
    return windows.make_event(fields, at=_at(fields), message=message if type(message) is str else None)


def _at(fields: dict[str, Any]) -> dt.datetime | None:
    for name in _AT:
        value = fields.get(name)
        if type(value) is str and (instant := instants.parse_iso(value)) is not None:
            return instant
    return None
