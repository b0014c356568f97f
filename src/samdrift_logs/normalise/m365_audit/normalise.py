"""Turn records of Microsoft 365's audit log (Office 365 Management Activity API) into events.

One JSON object per line: the record itself, or an object that carries it one or two objects deep (Filebeat's
`o365audit`, `o365.audit`) or as JSON text (`AuditData` of Search-UnifiedAuditLog, `message`, `event.original`). Of such
a wrapper only the record becomes fields; the rest stays in raw. Fields keep the record's names; nested objects become
dotted names, and the pairs in `Parameters`, `ModifiedProperties` and `ExtendedProperties` one JSON text each, in the
order sent. `UserAgent` is taken out of `ExtendedProperties`, where sign-ins have it.

CreationTime is UTC without saying so, as the vendor's page has it; the source's zone is not used. ClientIP comes with
and without a port. Raises LineRejected where the line is no JSON object or holds no record (Operation and Workload).

References:
    https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from samdrift_logs.errors import LineRejected
from samdrift_logs.normalise import instants
from samdrift_logs.normalise.reading import Event, Origin, first_text, flatten, load_object, port

_AS_TEXT = ("AuditData", "message", "original")
_ADDRESSES = ("ClientIP", "ClientIPAddress", "ActorIpAddress")
_NOBODY = {"Not Available", "Unknown"}  # UserId of failed sign-ins


def read(line: bytes, origin: Origin) -> Event:
    """Read one record. See the module for columns and errors."""
    record = next(_records(load_object(line)), None)
    if record is None:
        raise LineRejected("no Operation and Workload: this is not a record of Microsoft 365's audit log")
    fields = flatten(record)
    agent = _named(record.get("ExtendedProperties"), "UserAgent")
    if agent is not None:
        fields.setdefault("UserAgent", agent)
    columns = _columns(fields)
    columns["host"] = first_text(fields, "DeviceName") or _named(record.get("DeviceProperties"), "DisplayName")
    return Event(fields, columns)


def _records(document: Mapping[str, Any], depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the objects in a document that are records, the outermost first."""
    if type(document.get("Operation")) is str and type(document.get("Workload")) is str:
        yield dict(document)
    if depth == 2:
        return
    for name, value in document.items():
        if type(value) is dict:
            yield from _records(value, depth + 1)
        elif name in _AS_TEXT and type(value) is str and value[:1] == "{":
            yield from _records(_object(value), depth + 1)


def _object(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return {}
    return found if type(found) is dict else {}


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    address, number = _address(first_text(fields, *_ADDRESSES))
    created, user = first_text(fields, "CreationTime"), first_text(fields, "UserId")
    record_type, thing = fields.get("RecordType"), first_text(fields, "ObjectId")
    return {
        "event_at": instants.parse_iso(created) if created else None,
        "user": None if user in _NOBODY else user,
        "action": fields["Operation"] or None,
        "src_ip": address,
        "src_port": number,
        "event_code": str(record_type) if type(record_type) in (int, str) else None,
        "url": thing if thing and thing.lower().startswith(("https://", "http://")) else None,
        "file_path": first_text(fields, "SourceFileName"),
    }


def _address(text: str | None) -> tuple[str | None, int | None]:
    """Split `203.0.113.7:49152`, `[2001:db8::7]:49152` and their forms without a port. `<null>` is no address."""
    if text is None or text == "<null>":
        return None, None
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        return address.removeprefix("::ffff:") or None, port(rest.removeprefix(":"))
    text = text.removeprefix("::ffff:")
    address, colon, rest = text.partition(":")
    if colon and ":" not in rest:
        return address or None, port(rest)
    return text, None


def _named(pairs: Any, name: str) -> str | None:
    """Return the value of a list of `{"Name": …, "Value": …}`. None where it has none that says something."""
    if type(pairs) is not list:
        return None
    for pair in pairs:
        if type(pair) is dict and pair.get("Name") == name:
            return first_text(pair, "Value")
    return None
