"""Turn any JSON object into an event: nested objects become dotted names, values stay as sent.

The typed columns are filled from the names that many producers use (Elastic Common Schema, GELF, OpenTelemetry,
journald and plain English), first match wins. An instant without an offset is local time in the source's zone. An
object that carries a syslog line in `message` (Filebeat) keeps it as the message. Raises LineRejected where the line
is no JSON object, has too many fields or is nested too deep.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from samdrift_logs.normalise import instants
from samdrift_logs.normalise.reading import Event, Origin, first_text, flatten, load_object, port, whole

_AT = (
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "event.created",
    "eventTime",
    "date",
    "datetime",
    "__REALTIME_TIMESTAMP",
)
_TEXT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("host", ("host.name", "host.hostname", "host", "hostname", "computer", "agent.hostname", "_HOSTNAME", "_source")),
    ("user", ("user.name", "user", "username", "userName", "UserId", "account", "usr")),
    ("action", ("event.action", "action", "outcome", "event.outcome", "Operation")),
    ("src_ip", ("source.ip", "src_ip", "srcip", "client.ip", "ClientIP", "clientip", "sourceIPAddress", "id.orig_h")),
    ("dst_ip", ("destination.ip", "dst_ip", "dstip", "server.ip", "id.resp_h")),
    ("protocol", ("network.transport", "protocol", "proto")),
    ("process", ("process.executable", "process.name", "process", "_EXE")),
    ("parent_process", ("process.parent.executable", "process.parent.name")),
    ("command_line", ("process.command_line", "command_line", "cmdline", "_CMDLINE")),
    ("file_path", ("file.path", "file_path", "path")),
    ("hash", ("file.hash.sha256", "process.hash.sha256", "sha256", "hash")),
    ("domain", ("dns.question.name", "url.domain", "domain", "query")),
    ("url", ("url.full", "url.original", "url", "uri")),
    ("message", ("message", "msg", "short_message", "MESSAGE", "body", "log")),
)
_PORT = (
    ("src_port", ("source.port", "src_port", "srcport", "id.orig_p")),
    ("dst_port", ("destination.port", "dst_port", "dstport", "id.resp_p")),
)
_SEVERITY = {
    "emergency": 0, "emerg": 0, "alert": 1, "critical": 2, "crit": 2, "fatal": 2, "error": 3, "err": 3,
    "warning": 4, "warn": 4, "notice": 5, "information": 6, "informational": 6, "info": 6, "debug": 7, "trace": 7,
}  # fmt: skip


def read(line: bytes, origin: Origin) -> Event:
    """Read one object. See the module for columns and errors."""
    fields = flatten(load_object(line))
    return Event(fields, columns_of(fields, origin))


def columns_of(fields: dict[str, Any], origin: Origin) -> dict[str, Any]:
    """Return the typed columns of flat fields by the names that producers commonly use."""
    columns: dict[str, Any] = {name: first_text(fields, *names) for name, names in _TEXT}
    for name, names in _PORT:
        columns[name] = next((port(fields[theirs]) for theirs in names if theirs in fields), None)
    columns["bytes_out"] = whole(fields.get("source.bytes"))
    columns["bytes_in"] = whole(fields.get("destination.bytes"))
    columns["event_code"] = _code(fields)
    columns["severity"] = _severity(fields)
    columns["event_at"] = _event_at(fields, origin)
    if columns["protocol"]:
        columns["protocol"] = columns["protocol"].lower()
    return columns


def _event_at(fields: dict[str, Any], origin: Origin) -> dt.datetime | None:
    for name in _AT:
        value = fields.get(name)
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            instant = instants.parse_iso(value, origin.zone)
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            instant = instants.parse_epoch(value)
        else:
            continue
        if instant is not None:
            return instant
    return None


def _code(fields: dict[str, Any]) -> str | None:
    value = fields.get("event.code", fields.get("event_id", fields.get("EventID")))
    return None if value is None or isinstance(value, list) else str(value)


def _severity(fields: dict[str, Any]) -> int | None:
    for name in ("log.level", "level", "severity", "log.syslog.severity.code", "PRIORITY"):
        value = fields.get(name)
        if isinstance(value, str) and value.lower() in _SEVERITY:
            return _SEVERITY[value.lower()]
        number = whole(value, 7)
        if number is not None:
            return number
    return None
