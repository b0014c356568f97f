"""Logs for the pages: events in the lake, the ledger that counts them, and the alerts that rules made of some."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from samdrift.soc import operations as soc
from samdrift_logs.detect.alerts import Alert
from samdrift_logs.journal.ledger import Ledger, Received, Settlement, minute_of
from samdrift_logs.lake import Lake, LakeWriter
from tests.samdrift_logs.lake import rows

COUNT = 240
# What somebody who attacks the reader writes: a script, a turned reading order, a terminal's orders.
HOSTILE = "<script>alert(1)</script>\u202egnp.exe\x1b[2J\x1b]0;x\x07"
ATTACKS = {
    "01b9a7c1": (
        "Adgangskoder læst fra LSASS",
        "critical",
        ("attack.credential-access", "attack.t1003.001"),
        r"rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump 624 C:\Temp\l.dmp full",
    ),
    "02c3b5e7": (
        "Skyggekopier slettet",
        "high",
        ("attack.impact", "attack.t1490"),
        f"vssadmin.exe delete shadows /all /quiet {HOSTILE}",
    ),
    "03d7e911": (
        "PowerShell med kodet kommando",
        "medium",
        ("attack.execution", "attack.t1059.001"),
        "powershell.exe -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA",
    ),
}


def _row(place: int, *, organisation: UUID, source: UUID, at: datetime, command: str, user: str) -> dict[str, Any]:
    moment = at - timedelta(seconds=30 * place)
    made = rows.event(
        COUNT - place,
        organisation=organisation,
        received_at=moment,
        event_at=moment - timedelta(milliseconds=420),
        source_type="winlogbeat",
        product="windows",
        category="process_creation",
        event_code="1",
        host="ODE-FIL01",
        user=user,
        process=command.split(" ")[0],
        parent_process="explorer.exe",
        command_line=command,
        message=f"Process Create: {command}",
        fields={"EventID": "1", "Image": command.split(" ")[0], "CommandLine": command, "User": user},
        raw=f'{{"winlog":{{"event_id":1,"event_data":{{"CommandLine":"{command}"}}}}}}',
    )
    return {**made, "source": str(source)}


def build(*, data: Path, organisation: UUID, subscription: UUID, at: datetime, partition: int = 0) -> UUID:
    """Register a source, fill the lake and the ledger, record the alerts. Returns the source's id. Needs a Scope."""
    source = soc.register_source(
        organisation=organisation, name="Filservere", source_type="winlogbeat", subscription=subscription, at=at
    ).source
    soc.register_source(
        organisation=organisation, name="Firewall Rådhuset", source_type="fortigate", at=at - timedelta(days=2)
    )
    attacks = {12 + 25 * place: attack for place, attack in enumerate(ATTACKS.items())}
    found, made = [], []
    for place in range(COUNT):
        rule = attacks.get(place)
        command = (
            rule[1][3] if rule else (r"C:\Program Files\Esri\sync.exe /job 7", "svchost.exe -k netsvcs")[place % 2]
        )
        user = (
            r"ODENSE\svc-backup" + HOSTILE
            if rule
            else (r"ODENSE\anbe", r"NT AUTHORITY\SYSTEM", r"ODENSE\mkj")[place % 3]
        )
        row = _row(place, organisation=organisation, source=source, at=at, command=command, user=user)
        made.append(row)
        if rule:
            found.append(_alert(rule[0], rule[1], row, organisation=organisation, source=source))
    made.reverse()
    LakeWriter(Lake(data / "lake")).write(rows.events(made), rows.rejects([]), partition=partition, through=COUNT)
    _count(data, made, organisation=organisation, source=source)
    soc.record_alerts(alerts=list(reversed(found)), at=at)
    return source


def _alert(
    rule: str, told: tuple[str, str, tuple[str, ...], str], row: dict[str, Any], *, organisation: UUID, source: UUID
) -> Alert:
    title, level, tags, command = told
    event = {
        name: value for name, value in row.items() if name not in ("received_at", "event_at", "day", "raw", "fields")
    }
    return Alert(
        id=uuid5(organisation, f"{rule}\n{row['event_id']}"),
        organisation=organisation,
        source=source,
        rule_id=rule,
        title=title,
        level=level,
        tags=tags,
        ruleset_version="test",
        event_id=row["event_id"],
        event_at=row["event_at"],
        received_at=row["received_at"],
        host=row["host"],
        user=row["user"],
        fields={"CommandLine": command},
        event={**event, "raw": row["raw"].decode(), "fields": {"EventID": "1", "CommandLine": command}},
        what_to_do="Tag serveren af nettet, og spørg driften, om nogen arbejder på den.",
        description="Et program læser hukommelse eller sletter spor, som kun driften har grund til.",
    )


def _count(data: Path, made: list[dict[str, Any]], *, organisation: UUID, source: UUID) -> None:
    ledger = Ledger(data / "ledger")
    base = max(ledger.counted_through(0), ledger.settled_through(0))
    received, settled = [], []
    for number, row in enumerate(made, start=base + 1):
        of = {
            "sequence": number,
            "organisation": organisation,
            "source": source,
            "minute": minute_of(row["received_at"]),
        }
        refused = number % 50 == 0
        received.append(Received(count=1, **of))
        settled.append(
            Settlement(stored=0 if refused else 1, rejected={"no date": 1} if refused else {}, duplicate=0, **of)
        )
    ledger.count_received(0, received)
    ledger.settle(0, base + len(made), settled)
    ledger.close()
