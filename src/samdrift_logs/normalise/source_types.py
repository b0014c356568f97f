"""The source types there are: one folder each, found by its manifest. `auto` picks one by the content of a line."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import yaml

from samdrift_logs.errors import InputRefused
from samdrift_logs.normalise.reading import Event, Origin

FOLDER = Path(__file__).parent
Reader = Callable[[bytes, Origin], Event]
FALLBACK = "text"


@attrs.frozen(kw_only=True)
class SourceType:
    """One kind of log: its manifest and its reader.

    `product`, `category`, `service` are Sigma's logsource where the kind fixes it; an event's own columns win.
    """

    name: str
    version: int
    title: str
    reads: str
    read: Reader
    product: str | None = None
    category: str | None = None
    service: str | None = None

    @property
    def parser(self) -> str:
        """The name that every row carries, so that a row can be read again by a later version."""
        return f"{self.name}/{self.version}"


@functools.cache
def source_types() -> Mapping[str, SourceType]:
    """Return every source type by name. Raises InputRefused for a folder whose manifest is wrong."""
    return {path.parent.name: load_source_type(path.parent) for path in sorted(FOLDER.glob("*/manifest.yaml"))}


def load_source_type(folder: Path) -> SourceType:
    """Read one folder's manifest and its reader. Raises InputRefused with the file."""
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    logsource = manifest.get("logsource") or {}
    try:
        if manifest["name"] != folder.name:
            raise InputRefused(f"the name {manifest['name']!r} is not the folder's name", file=str(path))
        return SourceType(
            name=manifest["name"],
            version=int(manifest["version"]),
            title=manifest["title"],
            reads=manifest["reads"],
            read=importlib.import_module(f"{__package__}.{folder.name}.normalise").read,
            product=logsource.get("product"),
            category=logsource.get("category"),
            service=logsource.get("service"),
        )
    except KeyError as error:
        raise InputRefused(f"the manifest lacks {error}", file=str(path)) from error


def recognise(line: bytes) -> str:
    """Return the name of the source type that a line looks like. Cheap: looks, does not parse."""
    head = line[:256].lstrip(b" \t\xef\xbb\xbf")
    if head[:1] == b"{":
        if b'"winlog"' in line:
            return "winlogbeat"
        if b'"Channel"' in line and (b'"EventID"' in line):
            return "evtx" if b'"Event"' in head[:16] else "windows_json"
        if b'"Workload"' in line and b'"Operation"' in line:
            return "m365_audit"
        return "generic_json"
    if b"devname=" in line or b"devid=" in line or (b"logid=" in line and b"type=" in line):
        return "fortigate"
    if _looks_like_access_log(line):
        return "squid"
    return "linux_auth" if _LINUX_PROGRAM.search(line, 0, 256) else FALLBACK


def _looks_like_access_log(line: bytes) -> bool:
    return (b"TCP_" in line or b"NONE/" in line or b"NONE_" in line) and (b" HTTP/" in line or b" HIER_" in line)


_LINUX_PROGRAM = re.compile(
    rb"[ >](?:\S*/)?(?:sshd|sshd-session|sudo|su|CRON|crond|cron|anacron|systemd|systemd-logind|kernel|login"
    rb"|useradd|groupadd|usermod|passwd|auditd|polkitd|dhclient|rsyslogd|logrotate|named|xinetd|ftpd|vsftpd|snmpd|dbus-daemon)"
    rb"(?:\([\w-]+\))?(?:\[\d*\]:|:| \d+ )"
)
