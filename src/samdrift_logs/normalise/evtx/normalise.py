"""Turn the JSON of event log files (`{"Event": {"System": …, "EventData": …}}`, see `files.py`) into events.

Fields are Channel, EventID, Provider_Name, Computer and the rest of the header under the event log's names, EventData
and UserData flat. Data without names becomes the list `Data`. Instants are UTC. Raises LineRejected where the line is
no such object.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from samdrift_logs.errors import LineRejected
from samdrift_logs.normalise import instants, windows
from samdrift_logs.normalise.reading import Event, Origin, flatten, load_object

_HEADER = ("EventRecordID", "Level", "Task", "Opcode", "Keywords", "Version")


def read(line: bytes, origin: Origin) -> Event:
    """Read one record. See the module for columns and errors."""
    event = load_object(line).get("Event")
    if type(event) is not dict:
        raise LineRejected("no Event object: this is not a record of an event log file")
    fields, at = fields_of_event(event)
    return windows.make_event(fields, at=at, level=event["System"].get("Level"))


def fields_of_event(event: dict[str, Any]) -> tuple[dict[str, Any], dt.datetime | None]:
    """Return the flat fields of one `Event` object and when it was created. Raises LineRejected without a header."""
    system = event.get("System")
    if type(system) is not dict:
        raise LineRejected("no Event.System: the record's header is missing")
    fields = _data(event.get("EventData"))
    for name, value in _user_data(event.get("UserData")).items():
        fields.setdefault(name, value)
    header = _header(system)
    for name in header.keys() & fields.keys():  # 104 has EventData's own Channel: the log that was cleared
        fields[f"EventData.{name}"] = fields[name]
    fields.update(header)
    created = _attributes(system.get("TimeCreated")).get("SystemTime")
    return fields, instants.parse_iso(created) if type(created) is str else None


def _header(system: dict[str, Any]) -> dict[str, Any]:
    header: dict[str, Any] = {
        "Channel": system.get("Channel"),
        "EventID": _text(system.get("EventID")),
        "Provider_Name": _attributes(system.get("Provider")).get("Name"),
        "Computer": system.get("Computer"),
    }
    for name in _HEADER:
        if system.get(name) is not None:
            header[name] = _text(system[name])
    return header


def _data(data: Any) -> dict[str, Any]:
    """EventData is named values, or one or several without names under `Data`."""
    if type(data) is not dict:
        return {} if data is None else {"Data": data}
    fields: dict[str, Any] = {}
    for name, value in data.items():
        if name == "#attributes":
            continue
        fields[name] = _text(value)
    return fields


def _user_data(data: Any) -> dict[str, Any]:
    """UserData wraps its values in an element whose name says nothing more than the event id does."""
    if type(data) is not dict:
        return {}
    inner = next((value for name, value in data.items() if name != "#attributes" and type(value) is dict), None)
    plain = data if inner is None else inner
    return flatten({name: _text(value) for name, value in plain.items() if name != "#attributes"})


def _text(value: Any) -> Any:
    """`{"#attributes": …, "#text": 1102}` stands for 1102."""
    return value["#text"] if type(value) is dict and "#text" in value else value


def _attributes(value: Any) -> dict[str, Any]:
    found = value.get("#attributes") if type(value) is dict else None
    return found if type(found) is dict else {}
