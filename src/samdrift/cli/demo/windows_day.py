"""An ordinary day on a municipality's Windows machines: logons, processes, names looked up, files, shares."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from samdrift.cli.demo import winlogbeat
from samdrift.cli.demo.people import HERE, Municipality, Person
from samdrift.cli.demo.winlogbeat import SECURITY, SYSMON, SYSTEM, Agent

_SYSTEM_ACCOUNT = "NT AUTHORITY\\SYSTEM"
_EXPLORER = "C:\\Windows\\explorer.exe"
_SERVICES = "C:\\Windows\\System32\\services.exe"
_SVCHOST = "C:\\Windows\\System32\\svchost.exe"
_OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
_CHROME = "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
_EDGE = "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe"
_TEAMS = "C:\\Program Files\\WindowsApps\\MSTeams_24295.605.3225.8804_x64__8wekyb3d8bbwe\\ms-teams.exe"
_DOCUMENTS = (
    "Mødeindkaldelse byråd.docx", "Budgetopfølgning 3. kvartal.xlsx", "Høringssvar lokalplan 14-07.docx",
    "Vagtplan pleje øst.xlsx", "Afgørelse §107.docx", "Referat økonomiudvalg.docx",
    "Tilsyn daginstitution Ærtehaven.docx", "Kørselsgodtgørelse.xlsx",
)  # fmt: skip
_SHARES = ("Økonomi", "Fælles", "Byråd", "Skoler", "Sundhed og omsorg", "Teknik og miljø", "HR", "Børn og unge")
# image, command line, what it is called, who made it, weight: run by people from the desktop
_PEOPLE_RUN: tuple[tuple[str, str, str, str, int], ...] = (
    (_OFFICE + "WINWORD.EXE", '"{image}" /n "H:\\{document}"', "Microsoft Word", "Microsoft Corporation", 14),
    (_OFFICE + "EXCEL.EXE", '"{image}" "H:\\{document}"', "Microsoft Excel", "Microsoft Corporation", 10),
    (_OFFICE + "OUTLOOK.EXE", '"{image}"', "Microsoft Outlook", "Microsoft Corporation", 8),
    (_CHROME, '"{image}" --type=renderer --lang=da --num-raster-threads=4', "Google Chrome", "Google LLC", 30),
    (_EDGE, '"{image}" --type=utility --lang=da', "Microsoft Edge", "Microsoft Corporation", 24),
    (_TEAMS, '"{image}" --type=utility --lang=da', "Microsoft Teams", "Microsoft Corporation", 12),
    (
        "C:\\Program Files\\Adobe\\Acrobat DC\\Acrobat\\Acrobat.exe",
        '"{image}" "H:\\{document}.pdf"', "Adobe Acrobat", "Adobe Inc.", 6,
    ),
    ("C:\\Windows\\System32\\notepad.exe", '"{image}"', "Notepad", "Microsoft Corporation", 2),
    ("C:\\Windows\\System32\\mspaint.exe", '"{image}"', "Paint", "Microsoft Corporation", 1),
)  # fmt: skip
_SYSTEM_RUN: tuple[tuple[str, str, str, str, int], ...] = (
    (_SVCHOST, "{image} -k netsvcs -p -s BITS", "Host Process for Windows Services", "Microsoft Corporation", 20),
    (_SVCHOST, "{image} -k wsappx -p", "Host Process for Windows Services", "Microsoft Corporation", 12),
    ("C:\\Windows\\System32\\SearchIndexer.exe", "{image} /Embedding", "Windows Search", "Microsoft Corporation", 5),
    (
        "C:\\Windows\\System32\\wbem\\WmiPrvSE.exe",
        "{image} -secured -Embedding", "WMI Provider Host", "Microsoft Corporation", 9,
    ),
    ("C:\\Windows\\CCM\\CcmExec.exe", "{image}", "Host Process for Configuration Manager", "Microsoft Corporation", 4),
    (
        "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.24090.11-0\\MpCmdRun.exe",
        '"{image}" SignatureUpdate', "Microsoft Malware Protection", "Microsoft Corporation", 3,
    ),
)  # fmt: skip
_NAMES = (
    "www.borger.dk", "www.kombit.dk", "teams.microsoft.com", "outlook.office365.com", "login.microsoftonline.com",
    "www.dr.dk", "www.dmi.dk", "www.kl.dk", "nemlog-in.mitid.dk", "www.aula.dk", "www.retsinformation.dk",
    "fs-adgangsstyring.stoettesystemerne.dk", "safebrowsing.googleapis.com", "www.google.com",
    "settings-win.data.microsoft.com",
)  # fmt: skip
_DLLS = (
    "C:\\Windows\\System32\\kernel32.dll",
    "C:\\Windows\\System32\\ucrtbase.dll",
    "C:\\Windows\\System32\\rpcrt4.dll",
)
_STATES = ("Windows Update", "Background Intelligent Transfer Service", "Software Protection", "Print Spooler")


def activity(at: dt.datetime) -> float:
    """Return how busy people are at a local time, 0 to 1: office hours on weekdays, a dip at lunch, little at night."""
    hour = at.hour + at.minute / 60
    if at.weekday() >= 5:
        return 0.12 if 8 <= hour < 20 else 0.05
    if 8 <= hour < 15.5:
        return 0.7 if 11.5 <= hour < 12.5 else 1.0
    return 0.55 if 7 <= hour < 17 else 0.1


class WindowsDay:
    """The events of a group of Windows machines that send through Winlogbeat, without end, the same for one seed."""

    def __init__(self, municipality: Municipality, hosts: tuple[str, ...], chance: random.Random):
        self.municipality = municipality
        self.chance = chance
        self.agents = [Agent(municipality, host, chance) for host in hosts]
        self.busy = [1 / (rank + 1) ** 0.5 for rank in range(len(hosts))]
        self.favour = [1 / (rank + 1) ** 0.7 for rank in range(len(municipality.people))]

    def line(self, at: dt.datetime) -> bytes:
        """Return the next event, as it would be written at `at`."""
        agent = self.chance.choices(self.agents, self.busy)[0]
        awake = activity(at.astimezone(HERE))
        kinds, weights = zip(*[(make, people * awake + always) for make, people, always in _KINDS], strict=True)
        make = self.chance.choices(kinds, weights)[0]
        channel, event_id, data, failed = make(self, agent, at)
        return agent.line(channel, event_id, data, at, failed=failed)

    def person(self) -> Person:
        """Return someone; some work more at the screen than others."""
        return self.chance.choices(self.municipality.people, self.favour)[0]


_Made = tuple[str, int, dict[str, Any], bool]


def _logon(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    person = day.person()
    kind = day.chance.choice((2, 3, 3, 3, 3, 7)) if "-PC" in agent.host else 3
    ip = day.municipality.address_of(person.computer) if kind == 3 else "127.0.0.1"
    data = winlogbeat.logon(day.municipality, day.chance, person.account, kind=kind, ip=ip, workstation=person.computer)
    return SECURITY, 4624, data, False


def _machine_logon(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    computer = day.person().computer
    ip = day.municipality.address_of(computer)
    data = winlogbeat.logon(day.municipality, day.chance, f"{computer}$", kind=3, ip=ip, workstation="-")
    return SECURITY, 4624, data, False


def _mistyped(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    person = day.person()
    ip = day.municipality.address_of(person.computer)
    data = winlogbeat.failed_logon(day.municipality, day.chance, person.account, kind=3, ip=ip, known=True)
    return SECURITY, 4625, data, True


def _logoff(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    person = day.person()
    data = {
        "TargetUserSid": winlogbeat.sid_of(day.municipality, person.account),
        "TargetUserName": person.account,
        "TargetDomainName": day.municipality.netbios,
        "TargetLogonId": winlogbeat.logon_id(day.chance),
        "LogonType": "3",
    }
    return SECURITY, 4634, data, False


def _privileges(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    data = {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": "SYSTEM",
        "SubjectDomainName": "NT AUTHORITY",
        "SubjectLogonId": "0x3e7",
        "PrivilegeList": "SeAssignPrimaryTokenPrivilege\n\t\t\tSeTcbPrivilege\n\t\t\tSeSecurityPrivilege",
    }
    return SECURITY, 4672, data, False


def _ticket(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    person = day.person()
    first = day.chance.random() < 0.3
    data = {
        "TargetUserName": person.account if first else f"{person.account}@{day.municipality.domain.upper()}",
        "TargetDomainName": day.municipality.domain.upper(),
        "ServiceName": "krbtgt" if first else f"{day.chance.choice(day.agents).host}$",
        "ServiceSid": f"{day.municipality.sid}-502" if first else f"{day.municipality.sid}-1003",
        "TicketOptions": "0x40810010" if first else "0x40810000",
        "TicketEncryptionType": "0x12",
        "IpAddress": f"::ffff:{day.municipality.address_of(person.computer)}",
        "IpPort": str(day.chance.randrange(49152, 65535)),
        "Status": "0x0",
    }
    return SECURITY, 4768 if first else 4769, data, False


def _validated(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    person = day.person()
    data = {
        "PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0",
        "TargetUserName": person.account,
        "Workstation": person.computer,
        "Status": "0x0",
    }
    return SECURITY, 4776, data, False


def _share(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    person, share = day.person(), day.chance.choice(_SHARES)
    data = {
        "SubjectUserSid": winlogbeat.sid_of(day.municipality, person.account),
        "SubjectUserName": person.account,
        "SubjectDomainName": day.municipality.netbios,
        "SubjectLogonId": winlogbeat.logon_id(day.chance),
        "ObjectType": "File",
        "IpAddress": day.municipality.address_of(person.computer),
        "IpPort": str(day.chance.randrange(49152, 65535)),
        "ShareName": f"\\\\*\\{share}",
        "ShareLocalPath": f"\\??\\D:\\Drev\\{share}",
        "AccessMask": "0x1",
        "AccessList": "%%4416\n\t\t\t\t",
    }
    return SECURITY, 5140, data, False


def _person_starts(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    image, command, description, company, _ = day.chance.choices(_PEOPLE_RUN, [entry[4] for entry in _PEOPLE_RUN])[0]
    command = command.format(image=image, document=day.chance.choice(_DOCUMENTS))
    user = winlogbeat.account_of(day.municipality, day.person())
    browser = "--type=" in command
    data = winlogbeat.sysmon_process(
        day.chance,
        at,
        image=image,
        command_line=command,
        user=user,
        parent=image if browser else _EXPLORER,
        parent_command_line=f'"{image}"' if browser else _EXPLORER,
        description=description,
        company=company,
        folder=image.rsplit("\\", 1)[0] + "\\",
    )
    return SYSMON, 1, data, False


def _system_starts(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    image, command, description, company, _ = day.chance.choices(_SYSTEM_RUN, [entry[4] for entry in _SYSTEM_RUN])[0]
    if day.chance.random() < 0.35:
        return SECURITY, 4688, _audited_process(day, image, command.format(image=image)), False
    data = winlogbeat.sysmon_process(
        day.chance,
        at,
        image=image,
        command_line=command.format(image=image),
        user=_SYSTEM_ACCOUNT,
        parent=_SERVICES,
        parent_command_line=_SERVICES,
        description=description,
        company=company,
        integrity="System",
    )
    return SYSMON, 1, data, False


def _audited_process(day: WindowsDay, image: str, command_line: str) -> dict[str, Any]:
    return {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": f"{day.chance.choice(day.agents).host}$",
        "SubjectDomainName": day.municipality.netbios,
        "SubjectLogonId": "0x3e7",
        "NewProcessId": f"0x{4 * day.chance.randrange(200, 5000):x}",
        "NewProcessName": image,
        "TokenElevationType": "%%1936",
        "ProcessId": "0x2f4",
        "CommandLine": command_line,
        "TargetUserSid": "S-1-0-0",
        "TargetUserName": "-",
        "TargetDomainName": "-",
        "TargetLogonId": "0x0",
        "ParentProcessName": _SERVICES,
        "MandatoryLabel": "S-1-16-16384",
    }


def _connects(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    image = day.chance.choice((_CHROME, _EDGE, _TEAMS))
    name = day.chance.choice(_NAMES)
    data = {
        "RuleName": "-",
        "UtcTime": winlogbeat.utc_time(at),
        "ProcessGuid": winlogbeat.process_guid(day.chance),
        "ProcessId": str(4 * day.chance.randrange(200, 5000)),
        "Image": image,
        "User": winlogbeat.account_of(day.municipality, day.person()),
        "Protocol": "tcp",
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": day.municipality.address_of(agent.host),
        "SourceHostname": f"{agent.host}.{day.municipality.domain}",
        "SourcePort": str(day.chance.randrange(49152, 65535)),
        "SourcePortName": "-",
        "DestinationIsIpv6": "false",
        "DestinationIp": outside_address(name),
        "DestinationHostname": name,
        "DestinationPort": "443",
        "DestinationPortName": "https",
    }
    return SYSMON, 3, data, False


def _looks_up(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    name = day.chance.choice(_NAMES)
    data = {
        "RuleName": "-",
        "UtcTime": winlogbeat.utc_time(at),
        "ProcessGuid": winlogbeat.process_guid(day.chance),
        "ProcessId": str(4 * day.chance.randrange(200, 5000)),
        "QueryName": name,
        "QueryStatus": "0",
        "QueryResults": f"::ffff:{outside_address(name)};",
        "Image": day.chance.choice((_CHROME, _EDGE, _TEAMS)),
        "User": winlogbeat.account_of(day.municipality, day.person()),
    }
    return SYSMON, 22, data, False


def _writes(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    person = day.person()
    data = {
        "RuleName": "-",
        "UtcTime": winlogbeat.utc_time(at),
        "ProcessGuid": winlogbeat.process_guid(day.chance),
        "ProcessId": str(4 * day.chance.randrange(200, 5000)),
        "Image": _OFFICE + "WINWORD.EXE",
        "TargetFilename": f"C:\\Users\\{person.account}\\Documents\\{day.chance.choice(_DOCUMENTS)}",
        "CreationUtcTime": winlogbeat.utc_time(at),
        "User": winlogbeat.account_of(day.municipality, person),
    }
    return SYSMON, 11, data, False


def _loads(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    dll = day.chance.choice(_DLLS)
    name = dll.rsplit("\\", 1)[-1]
    data = {
        "RuleName": "-",
        "UtcTime": winlogbeat.utc_time(at),
        "ProcessGuid": winlogbeat.process_guid(day.chance),
        "ProcessId": str(4 * day.chance.randrange(200, 5000)),
        "Image": day.chance.choice((_CHROME, _EDGE, _SVCHOST)),
        "ImageLoaded": dll,
        "FileVersion": "10.0.20348.1 (WinBuild.160101.0800)",
        "Description": "Windows system library",
        "Product": "Microsoft® Windows® Operating System",
        "Company": "Microsoft Corporation",
        "OriginalFileName": name,
        "Hashes": winlogbeat.hashes_of(name),
        "Signed": "true",
        "Signature": "Microsoft Windows",
        "SignatureStatus": "Valid",
        "User": _SYSTEM_ACCOUNT,
    }
    return SYSMON, 7, data, False


def _sets_value(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    data = {
        "RuleName": "-",
        "EventType": "SetValue",
        "UtcTime": winlogbeat.utc_time(at),
        "ProcessGuid": winlogbeat.process_guid(day.chance),
        "ProcessId": "1044",
        "Image": _SVCHOST,
        "TargetObject": "HKLM\\System\\CurrentControlSet\\Services\\W32Time\\SecureTimeLimits\\SecureTimeEstimated",
        "Details": f"QWORD (0x01db3dc2-0x{day.chance.getrandbits(32):08x})",
        "User": "NT AUTHORITY\\LOCAL SERVICE",
    }
    return SYSMON, 13, data, False


def _service_state(day: WindowsDay, agent: Agent, at: dt.datetime) -> _Made:
    state = day.chance.choice(("running", "stopped"))
    return SYSTEM, 7036, {"param1": day.chance.choice(_STATES), "param2": state}, False


def outside_address(name: str) -> str:
    """Return an address for a public name, always the same, from the ranges kept for documentation (RFC 5737)."""
    number = sum(name.encode()) * 31
    return f"{('198.51.100', '203.0.113', '192.0.2')[number % 3]}.{1 + number % 200}"


# what, how often when people are at work, how often always
_KINDS: tuple[tuple[Callable[[WindowsDay, Agent, dt.datetime], _Made], float, float], ...] = (
    (_logon, 12, 0.4),
    (_machine_logon, 1, 6),
    (_mistyped, 0.4, 0.01),
    (_logoff, 9, 4),
    (_privileges, 1, 3),
    (_ticket, 8, 3),
    (_validated, 3, 1),
    (_share, 8, 0.2),
    (_person_starts, 10, 0.1),
    (_system_starts, 3, 5),
    (_connects, 9, 1),
    (_looks_up, 9, 2),
    (_writes, 4, 0.1),
    (_loads, 5, 3),
    (_sets_value, 2, 2),
    (_service_state, 0.5, 1),
)
