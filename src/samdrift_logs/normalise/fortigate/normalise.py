"""Turn FortiGate's key=value syslog (traffic, utm, event) into events.

Fields keep FortiOS's names; `src_ip`, `src_port`, `dst_ip` and `dst_port` are added: Sigma's firewall names.
The instant is `eventtime` (seconds to nanoseconds since 1970, UTC), else `date` and `time` with `tz`, else in the
source's zone. A line without pairs is kept as text with its header. Bytes are `rcvdbyte` in and `sentbyte` out.

References:
    https://docs.fortinet.com/document/fortigate/7.4.0/fortios-log-message-reference
"""

from __future__ import annotations

import datetime as dt
import re

from samdrift_logs.errors import LineRejected
from samdrift_logs.normalise import instants, syslog
from samdrift_logs.normalise.reading import MOST_FIELDS, Event, Origin, decode, port, whole
from samdrift_logs.normalise.text.normalise import event_of

# srcip=10.1.1.1 user="ANNA"; a quote that is never closed takes the rest of the line
_PAIR = re.compile(
    r"""(?<![\w.-])([\w.-]++)=(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"(?=\s|$)|\\?$)|([^\s"]*+)(?=\s|$))""", re.DOTALL
)
_LEVEL = {
    "emergency": 0,
    "alert": 1,
    "critical": 2,
    "error": 3,
    "warning": 4,
    "notice": 5,
    "information": 6,
    "debug": 7,
}
_PROTOCOL = {"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "58": "icmp6"}
_ALIASES = (("src_ip", "srcip"), ("src_port", "srcport"), ("dst_ip", "dstip"), ("dst_port", "dstport"))


def read(line: bytes, origin: Origin) -> Event:
    """Read one line. See the module for columns."""
    header = syslog.parse(decode(line), origin)
    fields = {name: quoted or bare for name, quoted, bare in _PAIR.findall(header.text)}
    if "type" not in fields and "logid" not in fields:
        return event_of(header)
    if len(fields) > MOST_FIELDS:
        raise LineRejected(f"too many fields: {len(fields)}, at most {MOST_FIELDS} are taken")
    for ours, theirs in _ALIASES:
        if theirs in fields:
            fields.setdefault(ours, fields[theirs])
    get = fields.get
    kind = get("type")
    return Event(
        fields,
        {
            "event_at": _event_at(fields, origin) or header.at,
            "severity": _LEVEL.get(get("level", ""), header.severity),
            "category": "firewall" if kind == "traffic" else None,
            "service": kind,
            "event_code": get("logid"),
            "host": get("devname") or header.host or get("devid"),
            "user": get("user") or get("unauthuser") or None,
            "action": get("action"),
            "src_ip": get("srcip"),
            "src_port": port(get("srcport")),
            "dst_ip": get("dstip"),
            "dst_port": port(get("dstport")),
            "protocol": _PROTOCOL.get(get("proto", ""), get("proto")),
            "bytes_in": whole(get("rcvdbyte")),
            "bytes_out": whole(get("sentbyte")),
            "domain": get("hostname"),
            "url": _url(get("hostname"), get("url")),
            "message": get("msg") or header.text,
        },
    )


def _event_at(fields: dict[str, str], origin: Origin) -> dt.datetime | None:
    if fields.get("eventtime", "").isdigit():
        return instants.parse_epoch(fields["eventtime"])
    if "date" not in fields or "time" not in fields:
        return None
    offset = fields.get("tz", "")
    return instants.parse_iso(f"{fields['date']}T{fields['time']}{offset}", origin.zone)


def _url(host: str | None, path: str | None) -> str | None:
    if not path:
        return None
    return path if "://" in path or not host else f"{host}{path}"
