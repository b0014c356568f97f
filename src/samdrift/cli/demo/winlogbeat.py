"""Windows events in the exact form in which Winlogbeat 8 ships them to `_bulk`: Elastic Common Schema around `winlog`.

References:
    https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog
    https://learn.microsoft.com/sysinternals/downloads/sysmon (fields of each event)
"""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Mapping
from typing import Any

import attrs
import orjson

from samdrift.cli.demo.people import Municipality, Person

SECURITY, SYSTEM = "Security", "System"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
_AUDITING = ("Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-A5BA-3E3B0328C30D}")
_PROVIDERS = {
    SECURITY: _AUDITING,
    SYSMON: ("Microsoft-Windows-Sysmon", "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}"),
    SYSTEM: ("Service Control Manager", "{555908d1-a6d7-4695-8e1e-26931d2012f4}"),
    POWERSHELL: ("Microsoft-Windows-PowerShell", "{A0C1853B-5C40-4B15-8766-3CF1C58F985A}"),
}
# (channel, event id) → task, first line of the message
_TITLES: dict[tuple[str, int], tuple[str, str]] = {
    (SECURITY, 4624): ("Logon", "An account was successfully logged on."),
    (SECURITY, 4625): ("Logon", "An account failed to log on."),
    (SECURITY, 4634): ("Logoff", "An account was logged off."),
    (SECURITY, 4672): ("Special Logon", "Special privileges assigned to new logon."),
    (SECURITY, 4688): ("Process Creation", "A new process has been created."),
    (SECURITY, 4768): ("Kerberos Authentication Service", "A Kerberos authentication ticket (TGT) was requested."),
    (SECURITY, 4769): ("Kerberos Service Ticket Operations", "A Kerberos service ticket was requested."),
    (SECURITY, 4776): ("Credential Validation", "The computer attempted to validate the credentials for an account."),
    (SECURITY, 5140): ("File Share", "A network share object was accessed."),
    (SECURITY, 1102): ("Log clear", "The audit log was cleared."),
    (SYSTEM, 7045): ("", "A service was installed in the system."),
    (SYSTEM, 7036): ("", "A service changed its state."),
    (SYSMON, 1): ("Process Create (rule: ProcessCreate)", "Process Create:"),
    (SYSMON, 3): ("Network connection detected (rule: NetworkConnect)", "Network connection detected:"),
    (SYSMON, 7): ("Image loaded (rule: ImageLoad)", "Image loaded:"),
    (SYSMON, 10): ("Process accessed (rule: ProcessAccess)", "Process accessed:"),
    (SYSMON, 11): ("File created (rule: FileCreate)", "File created:"),
    (SYSMON, 13): ("Registry value set (rule: RegistryEvent)", "Registry value set:"),
    (SYSMON, 22): ("Dns query (rule: DnsQuery)", "Dns query:"),
    (POWERSHELL, 4104): ("Execute a Remote Command", "Creating Scriptblock text (1 of 1):"),
}


def stamp(at: dt.datetime) -> str:
    """Return an instant as Beats write it: UTC, milliseconds, Z."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def utc_time(at: dt.datetime) -> str:
    """Return an instant as Sysmon writes it in its UtcTime."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"


@attrs.define
class Agent:
    """Winlogbeat on one Windows host: what it puts around every event, and its record numbers."""

    municipality: Municipality
    host: str
    chance: random.Random
    frame: dict[str, Any] = attrs.field(init=False)
    record: dict[str, int] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        full_name = f"{self.host}.{self.municipality.domain}"
        client = "-PC" in self.host
        self.frame = {
            "host": {
                "name": full_name.lower(),
                "hostname": self.host,
                "id": str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
                "architecture": "x86_64",
                "ip": [self.municipality.address_of(self.host)],
                "os": {
                    "family": "windows",
                    "type": "windows",
                    "platform": "windows",
                    "name": "Windows 11 Enterprise" if client else "Windows Server 2022 Standard",
                    "version": "10.0",
                    "build": "22631.4460" if client else "20348.2849",
                },
            },
            "agent": {
                "type": "winlogbeat",
                "version": "8.15.3",
                "name": self.host,
                "id": str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
                "ephemeral_id": str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
            },
            "ecs": {"version": "8.0.0"},
        }

    def line(
        self,
        channel: str,
        event_id: int,
        data: Mapping[str, Any],
        at: dt.datetime,
        *,
        provider: tuple[str, str] | None = None,
        user_data: Mapping[str, Any] | None = None,
        failed: bool = False,
        level: str = "information",
    ) -> bytes:
        """Return one event as the JSON document that stands on a line of `_bulk`."""
        number = self.record.get(channel, 100_000 + self.chance.randrange(900_000)) + 1
        self.record[channel] = number
        name, guid = provider or _PROVIDERS[channel]
        task, title = _TITLES.get((channel, event_id), ("", ""))
        values = data or user_data or {}
        separator = ":\t\t" if channel == SECURITY else ": "
        message = "\n".join([title, *[f"{key}{separator}{value}" for key, value in values.items()]])
        winlog: dict[str, Any] = {
            "channel": channel,
            "event_id": str(event_id),
            "provider_name": name,
            "provider_guid": guid,
            "computer_name": f"{self.host}.{self.municipality.domain}",
            "record_id": number,
            "task": task,
            "opcode": "Info",
            "api": "wineventlog",
            "process": {
                "pid": 612 if channel == SECURITY else 3204,
                "thread": {"id": 4 * self.chance.randrange(40, 3000)},
            },
        }
        event: dict[str, Any] = {"code": str(event_id), "kind": "event", "provider": name, "action": task}
        if channel == SECURITY:
            event["outcome"] = "failure" if failed else "success"
            winlog["keywords"] = ["Audit Failure" if failed else "Audit Success"]
        if data:
            winlog["event_data"] = data
        if user_data:
            winlog["user_data"] = user_data
        document = {
            "@timestamp": stamp(at),
            "event": event,
            "log": {"level": level},
            "message": message,
            "winlog": winlog,
            **self.frame,
        }
        return orjson.dumps(document)


def logon_id(chance: random.Random) -> str:
    """Return a logon session's number as Windows writes it."""
    return f"0x{chance.randrange(0x10000, 0xFFFFFFF):x}"


def process_guid(chance: random.Random) -> str:
    """Return a process's identity as Sysmon writes it."""
    number = f"{chance.getrandbits(128):032X}"
    return f"{{{number[:8]}-{number[8:12]}-{number[12:16]}-{number[16:20]}-{number[20:]}}}"


def logon(
    town: Municipality, chance: random.Random, account: str, *, kind: int, ip: str, workstation: str
) -> dict[str, Any]:
    """Return the data of 4624, a logon. `kind` is 2 interactive, 3 network, 5 service or 10 remote desktop."""
    package = "Negotiate" if kind in (2, 5, 10) else "Kerberos"
    return {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": "-",
        "SubjectDomainName": "-",
        "SubjectLogonId": "0x0",
        "TargetUserSid": sid_of(town, account),
        "TargetUserName": account,
        "TargetDomainName": town.netbios,
        "TargetLogonId": logon_id(chance),
        "LogonType": str(kind),
        "LogonProcessName": "User32 " if kind in (2, 10) else "Kerberos" if kind == 3 else "Advapi  ",
        "AuthenticationPackageName": package,
        "WorkstationName": workstation,
        "LogonGuid": process_guid(chance),
        "TransmittedServices": "-",
        "LmPackageName": "-",
        "KeyLength": "0",
        "ProcessId": "0x0" if kind == 3 else "0x2f4",
        "ProcessName": "-" if kind == 3 else "C:\\Windows\\System32\\svchost.exe",
        "IpAddress": ip,
        "IpPort": str(chance.randrange(49152, 65535)) if ip != "-" else "-",
        "ImpersonationLevel": "%%1833",
        "RestrictedAdminMode": "-",
        "VirtualAccount": "%%1843",
        "TargetLinkedLogonId": "0x0",
        "ElevatedToken": "%%1843",
    }


def failed_logon(
    town: Municipality, chance: random.Random, account: str, *, kind: int, ip: str, known: bool
) -> dict[str, Any]:
    """Return the data of 4625. `known` accounts had a wrong password (0xC000006A), others do not exist (0xC0000064)."""
    return {
        "SubjectUserSid": "S-1-0-0",
        "SubjectUserName": "-",
        "SubjectDomainName": "-",
        "SubjectLogonId": "0x0",
        "TargetUserSid": "S-1-0-0",
        "TargetUserName": account,
        "TargetDomainName": town.netbios,
        "Status": "0xc000006d",
        "FailureReason": "%%2313",
        "SubStatus": "0xc000006a" if known else "0xc0000064",
        "LogonType": str(kind),
        "LogonProcessName": "NtLmSsp ",
        "AuthenticationPackageName": "NTLM",
        "WorkstationName": "-",
        "TransmittedServices": "-",
        "LmPackageName": "-",
        "KeyLength": "0",
        "ProcessId": "0x0",
        "ProcessName": "-",
        "IpAddress": ip,
        "IpPort": str(chance.randrange(49152, 65535)),
    }


def sysmon_process(
    chance: random.Random,
    at: dt.datetime,
    *,
    image: str,
    command_line: str,
    user: str,
    parent: str,
    parent_command_line: str,
    original: str = "",
    description: str = "-",
    company: str = "Microsoft Corporation",
    integrity: str = "Medium",
    folder: str = "C:\\Windows\\system32\\",
) -> dict[str, Any]:
    """Return the data of Sysmon 1, a process started."""
    name = image.rsplit("\\", 1)[-1]
    return {
        "RuleName": "-",
        "UtcTime": utc_time(at),
        "ProcessGuid": process_guid(chance),
        "ProcessId": str(4 * chance.randrange(200, 5000)),
        "Image": image,
        "FileVersion": "10.0.20348.1 (WinBuild.160101.0800)",
        "Description": description,
        "Product": "Microsoft® Windows® Operating System" if company.startswith("Microsoft") else description,
        "Company": company,
        "OriginalFileName": original or name,
        "CommandLine": command_line,
        "CurrentDirectory": folder,
        "User": user,
        "LogonGuid": process_guid(chance),
        "LogonId": logon_id(chance),
        "TerminalSessionId": "0" if user.startswith("NT ") else "2",
        "IntegrityLevel": integrity,
        "Hashes": hashes_of(name),
        "ParentProcessGuid": process_guid(chance),
        "ParentProcessId": str(4 * chance.randrange(200, 5000)),
        "ParentImage": parent,
        "ParentCommandLine": parent_command_line,
        "ParentUser": user,
    }


def hashes_of(name: str) -> str:
    """Return invented hashes of a program, the same for the same name."""
    chance = random.Random(f"hash/{name.lower()}")
    md5, imphash, sha256 = chance.getrandbits(128), chance.getrandbits(128), chance.getrandbits(256)
    return f"MD5={md5:032X},SHA256={sha256:064X},IMPHASH={imphash:032X}"


def sid_of(town: Municipality, account: str) -> str:
    """Return an account's security identifier, always the same."""
    return f"{town.sid}-{1100 + sum(account.encode()) * 7 % 8000}"


def account_of(town: Municipality, person: Person) -> str:
    """Return a person's account as Sysmon writes it."""
    return f"{town.netbios}\\{person.account}"
