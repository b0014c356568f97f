"""Turn Winlogbeat's documents, as it ships them to `_bulk`, into events.

One JSON object per line in the Elastic Common Schema; the event's own data is in `winlog`. Kept as fields: Channel,
EventID, Provider_Name, Computer, all of `winlog.event_data` and `winlog.user_data` flat, and a few more of the record's
header under the event log's names. Elastic's own additions (agent, ecs, host …) stay in raw. Instants are UTC, as the
vendor says. Raises LineRejected where the line is no JSON object or has no `winlog`.

References:
    https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog
"""

from __future__ import annotations

from typing import Any

from samdrift_logs.errors import LineRejected
from samdrift_logs.normalise import instants, windows
from samdrift_logs.normalise.reading import MOST_FIELDS, Event, Origin, flatten, load_object

_HEADER = (("record_id", "EventRecordID"), ("task", "Task"), ("opcode", "Opcode"), ("keywords", "Keywords"))
_OURS = ("Channel", "EventID", "Provider_Name", "Computer")


def read(line: bytes, origin: Origin) -> Event:
    """Read one document. See the module for columns and errors."""
    document = load_object(line)
    winlog = document.get("winlog")
    if type(winlog) is not dict:
        raise LineRejected("no winlog object: this is not a Winlogbeat document")
    fields = _event_data(winlog)
    fields["Channel"] = winlog.get("channel")
    fields["EventID"] = winlog["event_id"] if "event_id" in winlog else _code(document)
    fields["Provider_Name"] = winlog.get("provider_name")
    fields["Computer"] = winlog.get("computer_name") or _host_name(document)
    for theirs, name in _HEADER:
        if theirs in winlog and name not in fields:
            fields[name] = winlog[theirs]
    message = document.get("message")
    if message is not None and len(fields) <= 8:
        fields.setdefault("Message", message)
    stamp = document.get("@timestamp")
    return windows.make_event(
        fields,
        at=instants.parse_iso(stamp) if type(stamp) is str else None,
        message=message,
        level=_level(document),
    )


def _event_data(winlog: dict[str, Any]) -> dict[str, Any]:
    data = winlog.get("event_data")
    fields: dict[str, Any] = data if type(data) is dict else {}
    if len(fields) > MOST_FIELDS:
        fields = flatten(fields)  # says what is wrong
    user_data = winlog.get("user_data")
    if type(user_data) is dict:
        for name, value in flatten(user_data).items():
            fields.setdefault(name, value)
    for name in _OURS:  # 104 has EventData's own Channel: the log that was cleared
        if name in fields:
            fields[f"EventData.{name}"] = fields.pop(name)
    if "param1" in fields:
        windows.unnamed_data(fields, fields)
    return fields


def _code(document: dict[str, Any]) -> Any:
    event = document.get("event")
    return event.get("code") if type(event) is dict else None


def _host_name(document: dict[str, Any]) -> Any:
    host = document.get("host")
    return host.get("name") if type(host) is dict else host


def _level(document: dict[str, Any]) -> str | None:
    log = document.get("log")
    level = log.get("level") if type(log) is dict else None
    return level if type(level) is str else None
