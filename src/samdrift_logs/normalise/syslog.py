"""The header of a syslog line, in every dialect that senders speak.

Dialects (soc-and-cert.md, A7): RFC 5424; RFC 3164 (no year, local time, sometimes no host); rsyslog's default forward
format (RFC 3164 with an ISO instant); Cisco (`123: *Mar  1 18:46:11.1: %SYS-5-CONFIG`); devices that put key=value
right after the PRI (FortiGate); no PRI at all.

References:
    RFC 5424 (https://www.rfc-editor.org/rfc/rfc5424), RFC 3164 (https://www.rfc-editor.org/rfc/rfc3164)
"""

from __future__ import annotations

import datetime as dt
import re

import attrs

from samdrift_logs.normalise import instants
from samdrift_logs.normalise.reading import Origin

_PRI = re.compile(r"<(\d{1,3})>")
_RFC5424 = re.compile(
    r"""1\ (?P<at>-|\d{4}-\d\d-\d\dT\S+)\    # 2026-11-23T20:14:05.123Z
        (?P<host>\S+)\                       # srv01.odense.dk
        (?P<app>\S+)\                        # sshd
        (?P<pid>\S+)\                        # 4711
        (?P<msgid>\S+)\                      # -
        (?P<rest>.*)                         # [id@1 k="v"] text, or - text
    """,
    re.VERBOSE | re.DOTALL,
)
_STAMP = re.compile(
    r"""(?:\d+:\ +)?                                                     # 123:  Cisco's sequence number
        (?:(?P<cisco_host>[\w.-]+):\ +)?(?P<flag>[*.])?                  # *     Cisco: clock not set
        (?:(?P<stamp>[A-Z][a-z]{2}\ [\ \d]\d\ (?:\d{4}\ )?\d\d:\d\d:\d\d(?:\.\d+)?)   # Nov 23 20:14:05
          |(?P<iso>\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d\S*))               # 2026-11-23T20:14:05.123456+01:00
        (?::|\ )\ *(?P<rest>.*)
    """,
    re.VERBOSE | re.DOTALL,
)
_TAG = re.compile(
    r"""(?:(?P<host>[^\s:\[\]=]+|[0-9A-Fa-f:.]+)\ +)?      # srv01 (may be missing)
        (?P<app>[^\s:\[\]=]{1,128})                    # sshd, sshd(pam_unix), postfix/smtpd
        (?:\[(?P<pid>[^\]\s]{0,32})\])?                # [4711]
        :(?:\ |$)(?P<text>.*)
    """,
    re.VERBOSE | re.DOTALL,
)
_SD_ELEMENT = re.compile(
    r'\[(?P<id>[^\s\]="]{1,64})(?P<params>(?:\s+[^\s\]="]{1,64}="[^"\\\]]*+(?:\\.[^"\\\]]*+)*+")*)\s*\]', re.DOTALL
)
_SD_PARAM = re.compile(r'([^\s\]="]{1,64})="([^"\\\]]*+(?:\\.[^"\\\]]*+)*+)"', re.DOTALL)
_SD_ESCAPE = re.compile(r'\\(["\\\]])')


@attrs.frozen(kw_only=True)
class Header:
    """What a syslog line says about itself, and the `text` that is left. None where it does not say.

    `severity` 0 (emergency) to 7 (debug), `facility` 0 to 23, `at` in UTC. `structured` are RFC 5424's elements, named
    `id.param`.
    """

    text: str
    facility: int | None = None
    severity: int | None = None
    at: dt.datetime | None = None
    host: str | None = None
    app: str | None = None
    pid: str | None = None
    msgid: str | None = None
    structured: dict[str, str] = attrs.field(factory=dict)


def parse(text: str, origin: Origin) -> Header:
    """Split a line into its header and text. Never fails: what is not a header is text."""
    text = text.rstrip("\r\n\0")
    facility = severity = None
    if priority := _PRI.match(text):
        number = int(priority[1])
        if number <= 191:
            facility, severity = divmod(number, 8)
            text = text[priority.end() :]
    if (priority is not None) and (modern := _RFC5424.match(text)):
        return _modern(modern, facility, severity)
    if stamped := _STAMP.match(text):
        return _stamped(stamped, facility, severity, origin)
    tagged = _TAG.match(text) if priority is not None else None
    if tagged and not tagged["host"]:  # <13>app[1]: text, as a program that writes to /dev/log sends it
        return Header(text=tagged["text"], facility=facility, severity=severity, app=tagged["app"], pid=tagged["pid"])
    return Header(text=text, facility=facility, severity=severity)


def _stamped(match: re.Match[str], facility: int | None, severity: int | None, origin: Origin) -> Header:
    if match["iso"]:
        at = instants.parse_iso(match["iso"], origin.zone)
    else:
        at = _stamp_at(match["stamp"], origin)
    rest, host = match["rest"], match["cisco_host"]
    if host is None and not rest.startswith("%") and (tagged := _TAG.match(rest)):
        return Header(
            text=tagged["text"],
            facility=facility,
            severity=severity,
            at=at,
            host=tagged["host"],
            app=tagged["app"],
            pid=tagged["pid"] or None,
        )
    if host is None and not match["flag"] and not rest.startswith("%"):
        first, space, after = rest.partition(" ")
        if space and "=" not in first and first.isprintable() and not first.endswith(":"):
            host, rest = first, after
    return Header(text=rest, facility=facility, severity=severity, at=at, host=host)


def _stamp_at(stamp: str, origin: Origin) -> dt.datetime | None:
    parts = stamp.split()
    if len(parts) == 4:  # Nov 23 2026 20:14:05
        month = instants.MONTHS.get(parts[0].title(), 0)
        return instants.parse_iso(f"{parts[2]}-{month:02}-{int(parts[1]):02}T{parts[3]}", origin.zone)
    return instants.parse_stamp(stamp, origin.received_at.astimezone(origin.zone).date(), origin.zone)


def _modern(match: re.Match[str], facility: int | None, severity: int | None) -> Header:
    structured, text = _structured(match["rest"])
    return Header(
        text=text.removeprefix("\ufeff"),
        facility=facility,
        severity=severity,
        at=None if match["at"] == "-" else instants.parse_iso(match["at"]),
        host=_said(match["host"]),
        app=_said(match["app"]),
        pid=_said(match["pid"]),
        msgid=_said(match["msgid"]),
        structured=structured,
    )


def _structured(rest: str) -> tuple[dict[str, str], str]:
    """Split `[id k="v"][id2 …] text` or `- text`. Broken structured data is left in the text."""
    if rest == "-" or rest.startswith("- "):
        return {}, rest[2:]
    found: dict[str, str] = {}
    position = 0
    while element := _SD_ELEMENT.match(rest, position):
        for name, value in _SD_PARAM.findall(element["params"]):
            found[f"{element['id']}.{name}"] = _SD_ESCAPE.sub(r"\1", value)
        position = element.end()
    return found, rest[position:].removeprefix(" ")


def _said(value: str) -> str | None:
    return None if value == "-" else value
