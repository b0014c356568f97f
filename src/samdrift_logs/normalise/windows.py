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
    category = None
    get = fields.get
    if channel == SYSMON:
        category = _SYSMON_CATEGORY.get(code)
        user = first_text(fields, "User", "SourceUser")
        action = None
    else:
        if channel == "Security" and code == "4688":
            category = "process_creation"
            _add_account(fields)
        elif code == "4104":
            category = "ps_script"
        names = ("TargetUserName", "SubjectUserName") if code in _TARGET_ACTS else ("SubjectUserName", "TargetUserName")
        user = first_text(fields, *names, "User", "AccountName")
        action = _ACTION.get(code) if code not in _STATUS_TELLS else _by_status(get("Status"))
    return Event(
        fields,
        {
            "event_at": at,
            "category": category,
            "service": _SERVICE.get(channel) if type(channel) is str else None,
            "event_code": code,
            "severity": _LEVEL.get(level.lower()) if type(level) is str else LEVEL_NUMBER.get(level),  # type: ignore[arg-type]
            "host": get("Computer"),
            "user": user,
            "action": action,
            "src_ip": _address(get("IpAddress") or get("SourceIp") or get("SourceAddress") or get("ClientAddress")),
            "src_port": port(get("IpPort") or get("SourcePort")),
            "dst_ip": _address(get("DestinationIp") or get("DestAddress")),
            "dst_port": port(get("DestinationPort") or get("DestPort")),
            "protocol": _protocol(get("Protocol")),
            "process": get("Image")
            or get("NewProcessName")
            or get("SourceImage")
            or get("ProcessName")
            or get("Application"),
            "parent_process": get("ParentImage") or (get("ParentProcessName") if code == "4688" else None),
            "command_line": get("CommandLine"),
            "file_path": get("TargetFilename") or get("TargetObject") or get("ImageLoaded") or get("ObjectName"),
            "hash": get("Hashes"),
            "domain": get("QueryName") or get("DestinationHostname"),
            "message": message,
        },
    )


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
