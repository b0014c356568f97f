"""What Windows events have in common, whichever agent shipped them: Sigma's names and the typed columns.

Sigma rules speak the names of Sysmon and of the event log: Channel, EventID, Provider_Name, Computer and the names of
EventData, as sent. Other names for one field (4688's NewProcessName is Sysmon's Image, `Threat Name` is ThreatName) are
the engine's business: `detect.routing` and `detect.cells`.

References:
    https://sigmahq.io/docs/basics/log-sources.html
    https://learn.microsoft.com/windows/security/threat-protection/auditing/event-4688
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from samdrift_logs.normalise.reading import Event, first_text, port

SYSMON = "Microsoft-Windows-Sysmon/Operational"
_SYSMON_CATEGORY = {
    "1": "process_creation",
    "2": "file_change",
    "3": "network_connection",
    "4": "sysmon_status",
    "5": "process_termination",
    "6": "driver_load",
    "7": "image_load",
    "8": "create_remote_thread",
    "9": "raw_access_thread",
    "10": "process_access",
    "11": "file_event",
    "12": "registry_event",
    "13": "registry_set",
    "14": "registry_event",
    "15": "create_stream_hash",
    "17": "pipe_created",
    "18": "pipe_created",
    "19": "wmi_event",
    "20": "wmi_event",
    "21": "wmi_event",
    "22": "dns_query",
    "23": "file_delete",
    "25": "process_tampering",
    "26": "file_delete",
}
_SERVICE = {
    "Security": "security",
    "System": "system",
    "Application": "application",
    SYSMON: "sysmon",
    "Microsoft-Windows-PowerShell/Operational": "powershell",
    "PowerShellCore/Operational": "powershell",
    "Windows PowerShell": "powershell-classic",
    "Microsoft-Windows-TaskScheduler/Operational": "taskscheduler",
    "Microsoft-Windows-Windows Defender/Operational": "windefend",
    "Microsoft-Windows-WMI-Activity/Operational": "wmi",
    "Microsoft-Windows-DNS-Client/Operational": "dns-client",
    "DNS Server": "dns-server",
    "Directory Service": "ldap",
    "Microsoft-Windows-NTLM/Operational": "ntlm",
    "Microsoft-Windows-CodeIntegrity/Operational": "codeintegrity-operational",
    "Microsoft-Windows-Bits-Client/Operational": "bits-client",
    "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational": "terminalservices-localsessionmanager",
}
# Security events in which the account that acted is the one who signs in, not the system that reports it.
_TARGET_ACTS = frozenset({"4624", "4625", "4634", "4647", "4648", "4768", "4769", "4770", "4771", "4776", "4778"})
_STATUS_TELLS = frozenset({"4768", "4769", "4771", "4776"})
_ACTION = {
    "4624": "accepted",
    "4625": "failed",
    "4634": "logoff",
    "4647": "logoff",
    "4740": "locked",
    "1102": "cleared",
}
_LEVEL = {"critical": 2, "error": 3, "warning": 4, "information": 6, "verbose": 7}
LEVEL_NUMBER = {1: 2, 2: 3, 3: 4, 4: 6, 5: 7}


# Which typed column stands in which field, for the events that come by the thousand. Others go through all of them.
_PROCESS_STARTED = (
    ("process", "Image"),
    ("parent_process", "ParentImage"),
    ("command_line", "CommandLine"),
    ("hash", "Hashes"),
)
_SIGN_IN = (("process", "ProcessName"),)
_SYSMON_COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "1": _PROCESS_STARTED,
    "3": (("process", "Image"), ("domain", "DestinationHostname")),
    "7": (("process", "Image"), ("file_path", "ImageLoaded"), ("hash", "Hashes")),
    "10": (("process", "SourceImage"),),
    "11": (("process", "Image"), ("file_path", "TargetFilename")),
    "12": (("process", "Image"), ("file_path", "TargetObject")),
    "13": (("process", "Image"), ("file_path", "TargetObject")),
    "22": (("process", "Image"), ("domain", "QueryName")),
}
_SECURITY_COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "4624": _SIGN_IN,
    "4625": _SIGN_IN,
    "4634": (),
    "4672": (),
    "4688": (("process", "NewProcessName"), ("parent_process", "ParentProcessName"), ("command_line", "CommandLine")),
    "4768": (),
    "4769": (),
    "4776": (),
    "5140": (),
}
_OTHER_COLUMNS: dict[str, tuple[str, ...]] = {
    "process": ("Image", "SourceImage", "ProcessName", "NewProcessName", "Application"),
    "parent_process": ("ParentImage",),
    "command_line": ("CommandLine",),
    "file_path": ("TargetFilename", "TargetObject", "ImageLoaded", "ObjectName"),
    "hash": ("Hashes",),
    "domain": ("QueryName", "DestinationHostname"),
}
_FROM = ("IpAddress", "SourceIp", "SourceAddress", "ClientAddress")
_ADDRESSES = (("src_ip", _FROM), ("dst_ip", ("DestinationIp", "DestAddress")))
_PORTS = (("src_port", ("IpPort", "SourcePort")), ("dst_port", ("DestinationPort", "DestPort")))


def make_event(
    fields: dict[str, Any],
    *,
    at: dt.datetime | None,
    message: str | None = None,
    level: str | int | None = None,
) -> Event:
    """Return the event of one Windows record; `fields` (kept and extended) are flat and have Channel and EventID."""
    code = str(fields.get("EventID", ""))
    channel = fields.get("Channel")
    columns: dict[str, Any] = {
        "event_at": at,
        "service": _SERVICE.get(channel) if type(channel) is str else None,
        "event_code": code,
        "severity": _LEVEL.get(level.lower()) if type(level) is str else LEVEL_NUMBER.get(level),  # type: ignore[arg-type]
        "host": fields.get("Computer"),
        "message": message,
    }
    if channel == SYSMON:
        columns["category"] = _SYSMON_CATEGORY.get(code)
        columns["user"] = _said(fields.get("User")) or first_text(fields, "SourceUser")
        placed = _SYSMON_COLUMNS.get(code)
        networked = code == "3"
    else:
        placed = _add_audit(columns, fields, channel, code)
        networked = True
    if placed is None:
        columns.update((name, first_text(fields, *names)) for name, names in _OTHER_COLUMNS.items())
        networked = True
    else:
        for name, field in placed:
            columns[name] = _said(fields.get(field))
    if networked:
        _add_network(columns, fields)
    return Event(fields, columns)


def _add_audit(
    columns: dict[str, Any], fields: dict[str, Any], channel: object, code: str
) -> tuple[tuple[str, str], ...] | None:
    """Add who acted and how it went; return where the other columns stand, None where only a look at all can tell."""
    placed = None
    if channel == "Security":
        placed = _SECURITY_COLUMNS.get(code)
        if code == "4688":
            columns["category"] = "process_creation"
            _add_account(fields)
    elif code == "4104":
        columns["category"] = "ps_script"
    if code in _TARGET_ACTS:
        user = _said(fields.get("TargetUserName")) or _said(fields.get("SubjectUserName"))
    else:
        user = _said(fields.get("SubjectUserName")) or _said(fields.get("TargetUserName"))
    columns["user"] = user or first_text(fields, "User", "AccountName")
    columns["action"] = _ACTION.get(code) if code not in _STATUS_TELLS else _by_status(fields.get("Status"))
    return placed


def _add_network(columns: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, names in _ADDRESSES:
        for field in names:
            if field in fields:
                columns[name] = _address(fields[field])
                break
    for name, names in _PORTS:
        for field in names:
            if field in fields:
                columns[name] = port(fields[field])
                break
    if "Protocol" in fields:
        columns["protocol"] = _protocol(fields["Protocol"])


def _said(value: Any) -> Any:
    return value if type(value) is str and value and value != "-" else None


def _add_account(fields: dict[str, Any]) -> None:
    """Give 4688 the field User of Sysmon 1, DOMAIN\\name, which no renaming of one field could."""
    name = fields.get("SubjectUserName")
    if name and "User" not in fields:
        domain = fields.get("SubjectDomainName")
        fields["User"] = f"{domain}\\{name}" if domain and domain != "-" else name


def _by_status(status: object) -> str | None:
    if status is None:
        return None
    return "accepted" if str(status).lower() in ("0x0", "0") else "failed"


def _address(value: object) -> str | None:
    if type(value) is not str or value == "-" or not value:
        return None
    return value[7:] if value.startswith("::ffff:") else value


_PROTOCOL_NUMBER = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp6"}


def _protocol(value: object) -> str | None:
    if value is None or value == "-":
        return None
    return _PROTOCOL_NUMBER.get(str(value), str(value).lower())


def unnamed_data(fields: dict[str, Any], data: Mapping[str, Any]) -> None:
    """Give events whose data has no names the field `Data`, as rules for them say: Winlogbeat calls it param1, …"""
    values = [data[f"param{n}"] for n in range(1, len(data) + 1) if f"param{n}" in data]
    fields.setdefault("Data", values)
