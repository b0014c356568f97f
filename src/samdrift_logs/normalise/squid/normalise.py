"""Turn Squid's access log (`squid` and `combined` formats), alone or behind a syslog header, into events.

Fields have the names of Sigma's category proxy (c-ip, cs-method, c-uri, cs-host, c-useragent, sc-status …) and keep the
values as sent. `squid` has the instant in seconds since 1970, `combined` local time with its offset. A line that is
neither is kept as text with its header.

References:
    http://www.squid-cache.org/Doc/config/logformat/
    https://github.com/SigmaHQ/sigma-specification (taxonomy, category proxy)
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import Any
from urllib.parse import urlsplit

from samdrift_logs.normalise import instants, syslog
from samdrift_logs.normalise.reading import Event, Origin, decode, whole
from samdrift_logs.normalise.text.normalise import event_of

_SQUID = re.compile(
    r"""\s*(?P<epoch>\d{9,10}(?:\.\d{1,6})?)\ +(?P<elapsed>-?\d+)\ (?P<ip>\S+)\   # 1795463645.123    84 10.1.1.7
        (?P<result>[A-Z_]+)/(?P<status>\d{3})\ (?P<bytes>\d+)\                   # TCP_MISS/200 5120
        (?P<method>\S+)\ (?P<uri>\S+)\ (?P<user>\S+)\                            # GET http://x.dk/ anna
        (?P<hierarchy>[A-Z_]+)/(?P<peer>\S+)\ (?P<mime>\S+)                      # HIER_DIRECT/1.2.3.4 text/html
    """,
    re.VERBOSE,
)
_COMBINED = re.compile(
    r"""\s*(?P<ip>\S+)\ (?P<ident>\S+)\ (?P<user>\S+)\ \[(?P<at>[^\]]+)\]\   # 10.1.1.7 - anna [23/Nov/2026:20:14:05 +01
        "(?P<method>[A-Z]+)\ (?P<uri>\S+)\ (?P<version>[^"]*)"\                  # "GET http://x.dk/ HTTP/1.1"
        (?P<status>\d{3})\ (?P<bytes>\d+|-)\                                     # 200 5120
        "(?P<referrer>[^"]*)"\ "(?P<agent>[^"\\]*+(?:\\.[^"\\]*+)*+)"                      # "-" "Mozilla/5.0 …"
        (?:\ (?P<result>[A-Z_]+):(?P<hierarchy>[A-Z_]+))?                        # TCP_MISS:HIER_DIRECT
    """,
    re.VERBOSE,
)
_NAMES = (
    ("c-ip", "ip"),
    ("cs-username", "user"),
    ("cs-method", "method"),
    ("c-uri", "uri"),
    ("cs-version", "version"),
    ("sc-status", "status"),
    ("sc-bytes", "bytes"),
    ("cs-referrer", "referrer"),
    ("c-useragent", "agent"),
    ("s-action", "result"),
    ("s-hierarchy", "hierarchy"),
    ("time-taken", "elapsed"),
    ("r-dns", "peer"),
    ("rs-mime-type", "mime"),
)


def read(line: bytes, origin: Origin) -> Event:
    """Read one line. See the module for columns."""
    text = decode(line)
    header = None
    match = _SQUID.match(text) or _COMBINED.match(text)
    if match is None:
        header = syslog.parse(text, origin)
        match = _SQUID.match(header.text) or _COMBINED.match(header.text)
    if match is None:
        return event_of(header or syslog.parse(text, origin))
    groups = match.groupdict()
    fields = {name: groups[key] for name, key in _NAMES if groups.get(key) not in (None, "-", "")}
    host, host_port = _add_uri_parts(fields)
    return Event(fields, _columns(fields, groups, host, host_port, header))


def _columns(
    fields: dict[str, Any],
    groups: dict[str, str | None],
    host: str | None,
    host_port: int | None,
    header: syslog.Header | None,
) -> dict[str, Any]:
    return {
        "event_at": _event_at(groups),
        "severity": header.severity if header else None,
        "host": header.host if header else None,
        "user": fields.get("cs-username"),
        "action": "denied" if "DENIED" in fields.get("s-action", "") else "allowed",
        "src_ip": fields.get("c-ip"),
        "dst_ip": groups.get("peer") if groups.get("peer") not in (None, "-") else None,
        "dst_port": host_port,
        "protocol": "tcp",
        "bytes_in": whole(fields.get("sc-bytes")),
        "event_code": fields.get("sc-status"),
        "domain": host,
        "url": fields.get("c-uri"),
        "message": f"{fields.get('cs-method')} {fields.get('c-uri')} {fields.get('sc-status')}",
    }


def _add_uri_parts(fields: dict[str, Any]) -> tuple[str | None, int | None]:
    """Add cs-host, c-uri-query, c-uri-stem and c-uri-extension. CONNECT has `host:port` for its address."""
    uri = fields.get("c-uri", "")
    try:
        parts = urlsplit(uri if "://" in uri else f"//{uri}")
        host, host_port = parts.hostname, parts.port
    except ValueError:  # brackets or a port that are none
        return None, None
    if host:
        fields["cs-host"] = host
    if parts.query:
        fields["c-uri-query"] = parts.query
    if parts.path:
        fields["c-uri-stem"] = parts.path
        name = parts.path.rsplit("/", 1)[-1]
        if "." in name:
            fields["c-uri-extension"] = name.rsplit(".", 1)[-1]
    return host, host_port or {"https": 443, "http": 80, "ftp": 21}.get(parts.scheme)


def _event_at(groups: dict[str, str | None]) -> dt.datetime | None:
    if groups.get("epoch"):
        return instants.parse_epoch(groups["epoch"] or "")
    return _parse_common(groups["at"] or "")


@functools.lru_cache(maxsize=1024)
def _parse_common(text: str) -> dt.datetime | None:
    """Return the instant of the common log format, `23/Nov/2026:21:14:05 +0100`. Many lines share a second."""
    try:
        return instants.possible(dt.datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").astimezone(dt.UTC))
    except (ValueError, OverflowError):
        return None
