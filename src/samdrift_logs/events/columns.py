"""Every column of an event, once: name, type, unit, meaning and where the meaning comes from.

`fields` keeps the event as its source sent it (native names, which Sigma rules speak); the typed columns are the few
that people search, pivot and chart on. `raw` keeps the bytes as received.
"""

from __future__ import annotations

import attrs
import pyarrow as pa

_WORD = pa.dictionary(pa.int32(), pa.string())
_TEXT = pa.string()
_INSTANT = pa.timestamp("us", tz="UTC")


@attrs.frozen
class Column:
    """One column of the lake. `unit` is empty where the type says it all."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    source: str = ""


COLUMNS: tuple[Column, ...] = (
    Column("event_id", _TEXT, "partition-sequence-row, unique for ever", source="architecture: Time and ids"),
    Column("organisation", _WORD, "id of the organisation whose log this is; from the credential, never the payload"),
    Column("source", _WORD, "id of the log source"),
    Column("source_type", _WORD, "the normaliser that read it, e.g. winlogbeat, linux_auth, fortigate"),
    Column("parser", _WORD, "normaliser and version that made this row, e.g. winlogbeat/1"),
    Column("received_at", _INSTANT, "when we accepted it; decides the lake's day", unit="UTC, microseconds"),
    Column("event_at", _INSTANT, "when the sender says it happened; null where it does not say", unit="UTC"),
    Column("day", pa.date32(), "the UTC date of received_at; the lake's partition"),
    Column("product", _WORD, "Sigma logsource product: windows, linux, fortigate …", source="Sigma 2.1 logsource"),
    Column("category", _WORD, "Sigma logsource category where the source fixes it: proxy, firewall …"),
    Column("service", _WORD, "Sigma logsource service where the source fixes it: sshd, sudo …"),
    Column("event_code", _WORD, "the producer's number of the event type: 4624, 1 …"),
    Column("severity", pa.int8(), "syslog severity, 0 (emergency) to 7 (debug)", source="RFC 5424"),
    Column("host", _WORD, "the machine the event is about, as the sender names it"),
    Column("user", _WORD, "the account that acted"),
    Column("action", _WORD, "what was decided or done: allow, deny, accept, failed …"),
    Column("src_ip", _WORD, "address the traffic came from"),
    Column("src_port", pa.int32(), "port the traffic came from"),
    Column("dst_ip", _WORD, "address the traffic went to"),
    Column("dst_port", pa.int32(), "port the traffic went to"),
    Column("protocol", _WORD, "tcp, udp, icmp …, lower case"),
    Column("bytes_in", pa.int64(), "received by the one who opened the connection", unit="bytes"),
    Column("bytes_out", pa.int64(), "sent by the one who opened the connection", unit="bytes"),
    Column("process", _TEXT, "path of the program that acted"),
    Column("parent_process", _TEXT, "path of the program that started it"),
    Column("command_line", _TEXT, "the command as started"),
    Column("file_path", _TEXT, "file or registry path acted upon"),
    Column("hash", _TEXT, "hashes as sent, e.g. SHA256=…"),
    Column("domain", _TEXT, "host name asked for or visited"),
    Column("url", _TEXT, "address visited"),
    Column("message", _TEXT, "the text for people: the line without its header"),
    Column("fields", _TEXT, "JSON object of the flattened fields under their native names", source="the source"),
    Column("raw", pa.binary(), "the line as received, framing removed"),
)

SCHEMA = pa.schema([pa.field(column.name, column.type) for column in COLUMNS])

REJECT_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string()),
        pa.field("organisation", _WORD),
        pa.field("source", _WORD),
        pa.field("received_at", _INSTANT),
        pa.field("day", pa.date32()),
        pa.field("reason", pa.string()),
        pa.field("raw", pa.binary()),
    ]
)
