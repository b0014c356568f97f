"""Which rules are asked about which events."""

# ruff: noqa: E501 - a table
from __future__ import annotations

import pytest

from samdrift_logs.detect.routing import Kind, belonging
from samdrift_logs.detect.rules import Logsource

SYSMON = "microsoft-windows-sysmon/operational"

# (what the event says, log sources that mean it, log sources that do not)
ROUTES = [
    (Kind(product="windows", channel=SYSMON, code="1"),
     ["windows process_creation -", "windows - sysmon", "windows - -", "- process_creation -"],
     ["windows image_load -", "windows - security", "linux process_creation -"]),
    (Kind(product="windows", channel="security", code="4688"),
     ["windows process_creation -", "windows - security"], ["windows - sysmon", "windows network_connection -"]),
    (Kind(product="windows", channel="security", code="4624"), ["windows - security"], ["windows process_creation -"]),
    (Kind(channel=SYSMON, code="3"), ["windows network_connection -"], ["windows process_creation -"]),
    (Kind(channel=SYSMON, code="12", event_type="createkey"),
     ["windows registry_add -", "windows registry_event -"], ["windows registry_delete -", "windows registry_set -"]),
    (Kind(channel=SYSMON, code="12", event_type="deletevalue"), ["windows registry_delete -"], ["windows registry_add -"]),
    (Kind(channel=SYSMON, code="12"), ["windows registry_delete -", "windows registry_add -"], []),
    (Kind(channel=SYSMON, code="13"), ["windows registry_set -", "windows registry_event -"], ["windows registry_add -"]),
    (Kind(channel=SYSMON, code="26"), ["windows file_delete -", "windows file_delete_detected -"], []),
    (Kind(channel="microsoft-windows-powershell/operational", code="4104"),
     ["windows ps_script -", "windows - powershell"], ["windows ps_module -", "windows - powershell-classic"]),
    (Kind(channel="powershellcore/operational", code="4103"), ["windows ps_module -"], ["windows ps_script -"]),
    (Kind(channel="windows powershell", code="400"),
     ["windows ps_classic_start -", "windows - powershell-classic"], ["windows - powershell"]),
    (Kind(channel="microsoft-windows-windows defender/operational", code="1116"),
     ["windows - windefend", "- antivirus -"], ["windows - security"]),
    (Kind(channel="microsoft-windows-windows defender/operational", code="5001"), ["windows - windefend"], ["- antivirus -"]),
    (Kind(channel="linux-sysmon/operational", code="1"), ["linux process_creation -"], ["windows process_creation -"]),
    (Kind(product="linux", service="sshd"), ["linux - sshd", "linux - auth", "linux - -", "linux - syslog"], ["linux - sudo"]),
    (Kind(product="linux", service="sudo"), ["linux - sudo", "linux - auth"], ["linux - sshd"]),
    (Kind(product="linux", service="cron"), ["linux - cron"], ["linux - auth"]),
    (Kind(product="linux", service="auditd"), ["linux - auditd"], ["linux - syslog"]),
    (Kind(category="proxy"), ["- proxy -"], ["- webserver -", "windows - -"]),
    (Kind(category="webserver", service="apache"), ["- webserver -", "- - apache"], ["- proxy -"]),
    (Kind(product="fortigate", service="event"), ["fortigate - event"], ["- firewall -"]),
    (Kind(product="fortigate", category="firewall", service="traffic"), ["- firewall -"], ["fortigate - event"]),
    (Kind(product="azure", service="signinlogs"), ["azure - signinlogs"], ["azure - auditlogs", "m365 - -"]),
    (Kind(), [], ["windows - -", "- proxy -", "linux - -"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "meant", "other"), ROUTES, ids=lambda value: str(value)[:60])
def test_event_is_meant_by_its_log_sources_only(kind: Kind, meant: list[str], other: list[str]) -> None:
    found = belonging(kind)

    assert [text for text in meant + other if found.answers(logsource(text))] == meant


def logsource(text: str) -> Logsource:
    product, category, service = (None if word == "-" else word for word in text.split())
    return Logsource(product=product, category=category, service=service)
