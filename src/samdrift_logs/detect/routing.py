"""Which events a rule's log source means.

An event says what it is by its columns product, category and service and, on Windows, by Channel, EventID and
Provider_Name. From these follow the products, categories and services it belongs to; a rule is asked about an event
that has every one its log source names. Routing is part of being right, not only of being fast: a rule for one
channel must not fire on another that happens to use the same field.

References:
    https://github.com/SigmaHQ/sigma-specification (Sigma 2.1, appendix "Taxonomy": Sysmon event ids by category,
    Windows channels by service)
"""

from __future__ import annotations

import attrs

from samdrift_logs.detect.rules import Logsource

SYSMON = "microsoft-windows-sysmon/operational"
SECURITY = "security"
POWERSHELL = frozenset({"microsoft-windows-powershell/operational", "powershellcore/operational"})
POWERSHELL_CLASSIC = "windows powershell"
DEFENDER = "microsoft-windows-windows defender/operational"
LINUX_SYSMON = "linux-sysmon/operational"

# service → the channels that carry it
WINDOWS_SERVICES: dict[str, tuple[str, ...]] = {
    "security": (SECURITY,),
    "system": ("system",),
    "application": ("application",),
    "sysmon": (SYSMON,),
    "powershell": tuple(sorted(POWERSHELL)),
    "powershell-classic": (POWERSHELL_CLASSIC,),
    "windefend": (DEFENDER,),
    "application-experience": (
        "microsoft-windows-application-experience/program-telemetry",
        "microsoft-windows-application-experience/program-compatibility-assistant",
    ),
    "applocker": (
        "microsoft-windows-applocker/exe and dll",
        "microsoft-windows-applocker/msi and script",
        "microsoft-windows-applocker/packaged app-deployment",
        "microsoft-windows-applocker/packaged app-execution",
    ),
    "appmodel-runtime": ("microsoft-windows-appmodel-runtime/admin",),
    "appxdeployment-server": ("microsoft-windows-appxdeploymentserver/operational",),
    "appxpackaging-om": ("microsoft-windows-appxpackaging/operational",),
    "bits-client": ("microsoft-windows-bits-client/operational",),
    "bitlocker": ("microsoft-windows-bitlocker/bitlocker management",),
    "capi2": ("microsoft-windows-capi2/operational",),
    "certificateservicesclient-lifecycle-system": (
        "microsoft-windows-certificateservicesclient-lifecycle-system/operational",
    ),
    "codeintegrity-operational": ("microsoft-windows-codeintegrity/operational",),
    "dhcp": ("microsoft-windows-dhcp-server/operational",),
    "diagnosis-scripted": ("microsoft-windows-diagnosis-scripted/operational",),
    "dns-client": ("microsoft-windows-dns client events/operational", "microsoft-windows-dns-client/operational"),
    "dns-server": ("dns server",),
    "dns-server-audit": ("microsoft-windows-dns-server/audit",),
    "dns-server-analytic": ("microsoft-windows-dns-server/analytical",),
    "driver-framework": ("microsoft-windows-driverframeworks-usermode/operational",),
    "firewall-as": ("microsoft-windows-windows firewall with advanced security/firewall",),
    "hyper-v-worker": ("microsoft-windows-hyper-v-worker",),
    "iis-configuration": ("microsoft-iis-configuration/operational",),
    "kernel-event-tracing": ("microsoft-windows-kernel-eventtracing",),
    "kernel-shimengine": (
        "microsoft-windows-kernel-shimengine/operational",
        "microsoft-windows-kernel-shimengine/diagnostic",
    ),
    "ldap": ("microsoft-windows-ldap-client/debug",),
    "ldap_debug": ("microsoft-windows-ldap-client/debug",),
    "lsa-server": ("microsoft-windows-lsa/operational",),
    "microsoft-servicebus-client": ("microsoft-servicebus-client",),
    "msexchange-management": ("msexchange management",),
    "ntfs": ("microsoft-windows-ntfs/operational",),
    "ntlm": ("microsoft-windows-ntlm/operational",),
    "openssh": ("openssh/operational",),
    "printservice-admin": ("microsoft-windows-printservice/admin",),
    "printservice-operational": ("microsoft-windows-printservice/operational",),
    "security-mitigations": (
        "microsoft-windows-security-mitigations/kernel mode",
        "microsoft-windows-security-mitigations/user mode",
    ),
    "sense": ("microsoft-windows-sense/operational",),
    "servicebus-client": ("microsoft-servicebus-client/operational", "microsoft-servicebus-client/admin"),
    "shell-core": ("microsoft-windows-shell-core/operational",),
    "smbclient-connectivity": ("microsoft-windows-smbclient/connectivity",),
    "smbclient-security": ("microsoft-windows-smbclient/security",),
    "smbserver-connectivity": ("microsoft-windows-smbserver/connectivity",),
    "taskscheduler": ("microsoft-windows-taskscheduler/operational",),
    "terminalservices-localsessionmanager": ("microsoft-windows-terminalservices-localsessionmanager/operational",),
    "vhdmp": ("microsoft-windows-vhdmp/operational",),
    "wmi": ("microsoft-windows-wmi-activity/operational",),
}

# category → Sysmon event ids
SYSMON_CATEGORIES: dict[str, tuple[int, ...]] = {
    "process_creation": (1,),
    "file_change": (2,),
    "network_connection": (3,),
    "sysmon_status": (4, 16),
    "process_termination": (5,),
    "driver_load": (6,),
    "image_load": (7,),
    "create_remote_thread": (8,),
    "raw_access_thread": (9,),
    "process_access": (10,),
    "file_event": (11,),
    "registry_set": (13,),
    "registry_rename": (14,),
    "registry_event": (12, 13, 14),
    "create_stream_hash": (15,),
    "pipe_created": (17, 18),
    "wmi_event": (19, 20, 21),
    "dns_query": (22,),
    "file_delete": (23, 26),
    "file_delete_detected": (26,),
    "clipboard_capture": (24,),
    "process_tampering": (25,),
    "file_block_executable": (27,),
    "file_block_shredding": (28,),
    "file_executable_detected": (29,),
    "sysmon_error": (255,),
}

# (channel, event id) outside Sysmon → categories
OTHER_CATEGORIES: dict[tuple[str, str], str] = {
    (SECURITY, "4688"): "process_creation",
    (POWERSHELL_CLASSIC, "400"): "ps_classic_start",
    (POWERSHELL_CLASSIC, "600"): "ps_classic_provider_start",
    (POWERSHELL_CLASSIC, "800"): "ps_classic_script",
}
for _channel in POWERSHELL:
    OTHER_CATEGORIES[_channel, "4103"] = "ps_module"
    OTHER_CATEGORIES[_channel, "4104"] = "ps_script"

# Event ids of the ETW provider Microsoft-Windows-Kernel-File, whatever channel carries it.
KERNEL_FILE = "microsoft-windows-kernel-file"
_KERNEL_FILE_CATEGORIES = {"12": "file_access", "19": "file_rename", "27": "file_rename"}

# Sysmon 12 is one id for two categories; EventType tells them apart. Without it, both are meant.
_REGISTRY_CATEGORIES = {
    "createkey": frozenset({"registry_add"}),
    "deletekey": frozenset({"registry_delete"}),
    "deletevalue": frozenset({"registry_delete"}),
}
_REGISTRY_EITHER = frozenset({"registry_add", "registry_delete"})

# Fields that an event has under another name than rules for its category use: canonical source → canonical target.
FIELD_NAMES: dict[tuple[str, str], dict[str, str]] = {
    # SubjectLogonId as LogonId is what Sigma's own converters take, though it is the creator's logon: rules want it, or
    # ask that it is there.
    (SECURITY, "4688"): {"newprocessname": "image", "parentprocessname": "parentimage", "subjectlogonid": "logonid"},
}

# A program on Linux and the wider logs it also writes to.
_LINUX_AUTH = frozenset({"sshd", "sudo", "su", "login", "systemd-logind", "useradd", "usermod", "userdel", "passwd"})
_PRODUCT_ALIASES = {"fortios": "fortigate", "fortigate": "fortios", "fortinet": "fortigate"}
# Event ids with which Defender tells of malware: what rules of category antivirus are about.
_DEFENDER_FINDINGS = frozenset({"1006", "1007", "1008", "1009", "1010", "1011", "1012", "1116", "1117", "1118", "1119"})

_SERVICES_BY_CHANNEL: dict[str, frozenset[str]] = {}
for _service, _names in WINDOWS_SERVICES.items():
    for _channel in _names:
        _SERVICES_BY_CHANNEL[_channel] = _SERVICES_BY_CHANNEL.get(_channel, frozenset()) | {_service}

_CATEGORIES_BY_SYSMON_ID: dict[str, frozenset[str]] = {}
for _category, _codes in SYSMON_CATEGORIES.items():
    for _code in _codes:
        _CATEGORIES_BY_SYSMON_ID[str(_code)] = _CATEGORIES_BY_SYSMON_ID.get(str(_code), frozenset()) | {_category}


@attrs.frozen
class Kind:
    """What an event says it is. All lower case; empty where it does not say."""

    product: str = ""
    category: str = ""
    service: str = ""
    channel: str = ""
    code: str = ""
    provider: str = ""
    event_type: str = ""


@attrs.frozen
class Belonging:
    """The products, categories and services an event belongs to."""

    products: frozenset[str]
    categories: frozenset[str]
    services: frozenset[str]

    def answers(self, logsource: Logsource) -> bool:
        """Tell whether rules of this log source are asked about the event."""
        return (
            (logsource.product is None or logsource.product in self.products)
            and (logsource.category is None or logsource.category in self.categories)
            and (logsource.service is None or logsource.service in self.services)
        )


def belonging(kind: Kind) -> Belonging:
    """Return what an event of this kind belongs to."""
    products = {kind.product} | ({_PRODUCT_ALIASES[kind.product]} if kind.product in _PRODUCT_ALIASES else set())
    categories = {kind.category}
    services = {kind.service}
    if kind.channel == LINUX_SYSMON:
        products.add("linux")
        categories |= _CATEGORIES_BY_SYSMON_ID.get(kind.code, frozenset())
        services.add("sysmon")
    elif kind.channel:
        products.add("windows")
        categories |= _windows_categories(kind)
        services |= _SERVICES_BY_CHANNEL.get(kind.channel, frozenset())
    if kind.product == "linux":
        services |= _linux_services(kind.service)
    return Belonging(
        products=frozenset(products - {""}),
        categories=frozenset(categories - {""}),
        services=frozenset(services - {""}),
    )


def _windows_categories(kind: Kind) -> frozenset[str]:
    if kind.channel == SYSMON:
        found = _CATEGORIES_BY_SYSMON_ID.get(kind.code, frozenset())
        return found | _REGISTRY_CATEGORIES.get(kind.event_type, _REGISTRY_EITHER) if kind.code == "12" else found
    if kind.provider == KERNEL_FILE and kind.code in _KERNEL_FILE_CATEGORIES:
        return frozenset({_KERNEL_FILE_CATEGORIES[kind.code]})
    if kind.channel == DEFENDER and kind.code in _DEFENDER_FINDINGS:
        return frozenset({"antivirus"})
    other = OTHER_CATEGORIES.get((kind.channel, kind.code))
    return frozenset({other}) if other else frozenset()


def _linux_services(service: str) -> frozenset[str]:
    wider = {"auth"} if service in _LINUX_AUTH else set()
    if service and service != "auditd":
        wider.add("syslog")
    return frozenset(wider)


def field_names(kind: Kind) -> dict[str, str]:
    """Return the fields of an event of this kind that rules know under another name: canonical source → target."""
    return FIELD_NAMES.get((kind.channel, kind.code), {})
