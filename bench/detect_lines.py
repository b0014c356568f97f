"""The events of the detection benchmark: flat NDJSON as Windows exporters write it, and a mix of other products.

The Windows ones are real records of event logs, turned flat and then varied: each copy has its own times, record
number, process ids and GUIDs, one of some hundred hosts, and now and then a path or command of its own, as live hosts
have. The same seed gives the same lines.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson

from samdrift_logs.normalise.evtx.files import EvtxRecord, read_evtx
from samdrift_logs.normalise.evtx.normalise import fields_of_event

Fields = dict[str, Any]
BEGIN = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
# Random text is put in these: nothing recurs, every value is looked at anew.
SALTED = (
    "CommandLine", "ParentCommandLine", "Image", "ParentImage", "OriginalFileName", "Hashes", "CurrentDirectory",
    "TargetFilename", "TargetObject", "Details", "ImageLoaded", "User", "QueryName", "DestinationHostname",
    "ScriptBlockText", "SourceImage", "TargetImage", "CallTrace", "PipeName", "ServiceName", "ProcessName",
    "ObjectName",
)  # fmt: skip
_GUID = re.compile(r"\{?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\}?")
_VARIED = ("CommandLine", "TargetFilename", "TargetObject", "ParentCommandLine", "ScriptBlockText", "Details")
_OWN_SHARE = 0.06  # of the long texts, one in so many is this event's own


@attrs.frozen
class Lines:
    """Lines of one kind of log. `product`, `category` and `service` are what its source fixes."""

    lines: Sequence[bytes]
    product: str
    category: str | None = None
    service: str | None = None


def base_events(folder: Path) -> list[Fields]:
    """Return the flat fields of every record of the event logs below a folder."""
    events = []
    for path in sorted(folder.rglob("*.evtx")):
        for item in read_evtx(path):
            if isinstance(item, EvtxRecord):
                fields, _at = fields_of_event(orjson.loads(item.line)["Event"])
                events.append({name: value for name, value in fields.items() if type(value) is not list})
    return events


def windows_lines(base: Sequence[Fields], count: int, *, seed: int, salted: bool = False) -> list[bytes]:
    """Return `count` varied lines; `salted` puts random text in the SALTED fields of every event."""
    chance = random.Random(f"windows/{seed}")
    hosts = [f"PC{number:05}.kommune.example" for number in range(150)]
    ids = [str(chance.randrange(400, 30_000, 4)) for _ in range(800)]
    order = chance.sample(range(len(base)), min(count, len(base)))
    lines = []
    for place in range(count):
        fields = dict(base[order[place % len(order)]])
        _vary(fields, place, chance, hosts, ids)
        if salted:
            for name in SALTED:
                fields[name] = f"{fields.get(name, '')}{chance.getrandbits(96):024x}"
        lines.append(orjson.dumps(fields))
    return lines


def _vary(fields: Fields, place: int, chance: random.Random, hosts: Sequence[str], ids: Sequence[str]) -> None:
    at = BEGIN + dt.timedelta(milliseconds=17 * place)
    fields["Computer"] = chance.choice(hosts)
    fields["EventRecordID"] = str(1_000_000 + place)
    fields["TimeCreated"] = at.isoformat()
    for name, value in fields.items():
        if type(value) is not str:
            continue
        if name == "UtcTime":
            fields[name] = at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        elif name.endswith("ProcessId"):
            fields[name] = chance.choice(ids)
        elif name.endswith("Guid") and _GUID.fullmatch(value):
            fields[name] = f"{{{chance.getrandbits(32):08X}-34F1-6558-{chance.getrandbits(16):04X}-000000001900}}"
        elif name in _VARIED and value and chance.random() < _OWN_SHARE:
            fields[name] = f"{value}{chance.randrange(10**6)}"


def mixed_lines(count: int, *, seed: int) -> list[Lines]:
    """Return Linux, proxy and firewall events in shares of two, three and five, `count` in all."""
    chance = random.Random(f"mixed/{seed}")
    return [
        Lines([orjson.dumps(_linux(chance, n)) for n in range(count * 2 // 10)], "linux", "process_creation"),
        Lines([orjson.dumps(_proxy(chance, n)) for n in range(count * 3 // 10)], "squid", "proxy"),
        Lines([orjson.dumps(_firewall(chance, n)) for n in range(count * 5 // 10)], "fortigate", "firewall"),
    ]


_COMMANDS = (
    "/usr/sbin/logrotate /etc/logrotate.conf", "ls -la /var/log", "python3 /opt/backup/run.py --day {n}",
    "curl -s https://intranet.example/status", "/bin/sh -c run-parts /etc/cron.hourly", "systemctl status nginx",
    "grep -r {n} /srv/data", "cat /etc/passwd", "rsync -a /srv/ backup{h}:/srv/", "ps aux",
)  # fmt: skip
_SITES = ("www.dr.dk", "borger.dk", "kommune.example", "update.microsoft.com", "cdn.example.net", "dmi.dk", "kl.dk")
_AGENTS = tuple(f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{v}.0.0.0 Safari/537.36" for v in range(110, 131))


def _times(place: int) -> Mapping[str, Any]:
    return {"timestamp": (BEGIN + dt.timedelta(milliseconds=9 * place)).isoformat()}


def _linux(chance: random.Random, place: int) -> Fields:
    command = chance.choice(_COMMANDS).format(n=chance.randrange(3000), h=chance.randrange(9))
    image = command.split(" ", 1)[0]
    return {
        **_times(place),
        "Computer": f"lx{chance.randrange(40):02}",
        "Image": image if image.startswith("/") else f"/usr/bin/{image}",
        "CommandLine": command,
        "ParentImage": chance.choice(("/usr/sbin/cron", "/bin/bash", "/usr/lib/systemd/systemd")),
        "ParentCommandLine": chance.choice(("/usr/sbin/CRON -f", "-bash", "/sbin/init")),
        "User": chance.choice(("root", "www-data", "backup", "drift")),
        "LogonId": chance.randrange(5000),
        "ProcessId": chance.randrange(60_000),
        "CurrentDirectory": chance.choice(("/", "/root", "/srv/data", "/var/www")),
    }


def _proxy(chance: random.Random, place: int) -> Fields:
    site = chance.choice(_SITES)
    path = f"/{chance.choice(('a', 'nyt', 'img', 'api/v2', 'static'))}/{chance.randrange(4000)}"
    return {
        **_times(place),
        "c-ip": f"10.20.{chance.randrange(8)}.{chance.randrange(250)}",
        "cs-method": chance.choice(("GET", "GET", "GET", "POST", "CONNECT")),
        "cs-host": site,
        "c-uri": f"https://{site}{path}",
        "cs-uri-stem": path,
        "c-uri-extension": chance.choice(("", "html", "js", "png")),
        "c-useragent": chance.choice(_AGENTS),
        "sc-status": chance.choice((200, 200, 304, 404)),
        "sc-bytes": chance.randrange(200_000),
        "cs-username": f"medarbejder{chance.randrange(600)}",
        "r-dns": site,
    }


def _firewall(chance: random.Random, place: int) -> Fields:
    return {
        **_times(place),
        "devname": f"fw-{chance.randrange(20):02}",
        "type": "traffic",
        "subtype": "forward",
        "level": "notice",
        "action": chance.choice(("accept", "close", "deny", "timeout")),
        "srcip": f"10.{chance.randrange(4)}.{chance.randrange(30)}.{chance.randrange(250)}",
        "srcport": chance.randrange(1024, 65_536),
        "dstip": f"{chance.randrange(11, 200)}.{chance.randrange(20)}.{chance.randrange(9)}.{chance.randrange(250)}",
        "dstport": chance.choice((443, 443, 80, 53, 123, 25, chance.randrange(65_536))),
        "proto": chance.choice((6, 17)),
        "service": chance.choice(("HTTPS", "DNS", "HTTP", "NTP")),
        "sentbyte": chance.randrange(100_000),
        "rcvdbyte": chance.randrange(1_000_000),
        "policyid": chance.randrange(60),
        "sessionid": place,
    }


def given_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of an NDJSON file."""
    with path.open("rb") as file:
        yield from (line.rstrip(b"\r\n") for line in file if line.strip())
