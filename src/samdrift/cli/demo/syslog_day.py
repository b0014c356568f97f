"""An ordinary day on what speaks syslog: a Linux server, a FortiGate firewall, a Squid proxy."""

from __future__ import annotations

import datetime as dt
import random

from samdrift.cli.demo.people import HERE, Municipality
from samdrift.cli.demo.windows_day import outside_address

_SITES: tuple[tuple[str, str, int], ...] = (
    ("https://www.borger.dk/", "text/html", 12),
    ("https://teams.microsoft.com/api/mt/emea/beta/users", "application/json", 20),
    ("https://outlook.office365.com/mapi/emsmdb/", "application/octet-stream", 18),
    ("http://www.dmi.dk/fileadmin/vejr/kort.png", "image/png", 5),
    ("https://www.kl.dk/nyheder", "text/html", 4),
    ("https://www.aula.dk/portal", "text/html", 8),
    (
        "http://ctldl.windowsupdate.example/msdownload/update/v3/static/trustedr/en/authrootstl.cab",
        "application/cab",
        3,
    ),
    ("https://www.dr.dk/nyheder/indland", "text/html", 6),
    ("https://www.retsinformation.dk/eli/lta/2019/1301", "text/html", 2),
)
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
_EDGE = BROWSER + " Edg/131.0.0.0"
_LINUX_JOBS = (
    "/usr/lib/php/sessionclean",
    "test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily",
    "/opt/selvbetjening/bin/ryd-op",
)
_SUDO = (
    "/usr/bin/systemctl status nginx",
    "/usr/bin/apt-get update",
    "/usr/bin/tail -n 200 /var/log/nginx/error.log",
    "/usr/bin/systemctl reload nginx",
)
_ADMINS = ("driftsvagt", "mkjaer", "shansen", "webdrift")


def linux_line(town: Municipality, host: str, at: dt.datetime, chance: random.Random) -> bytes:
    """Return a line of a Linux server in rsyslog's forward format (ISO instant, programs sshd, sudo, CRON, systemd)."""
    admin = chance.choice(_ADMINS)
    pid = chance.randrange(900, 60_000)
    ip = f"10.{town.network}.2.{chance.randrange(10, 30)}"
    port = chance.randrange(32_768, 61_000)
    made = chance.choices(
        (
            (
                86,
                f"sshd[{pid}]",
                f"Accepted publickey for {admin} from {ip} port {port} ssh2: ED25519 SHA256:{_key(admin)}",
            ),
            (86, f"sshd[{pid}]", f"pam_unix(sshd:session): session opened for user {admin}(uid=1001) by (uid=0)"),
            (86, f"sshd[{pid}]", f"Disconnected from user {admin} {ip} port {port}"),
            (86, f"sshd[{pid}]", f"Failed password for {admin} from {ip} port {port} ssh2"),
            (85, "sudo", f"{admin:>8} : TTY=pts/0 ; PWD=/home/{admin} ; USER=root ; COMMAND={chance.choice(_SUDO)}"),
            (78, f"CRON[{pid}]", f"(root) CMD ({chance.choice(_LINUX_JOBS)})"),
            (30, "systemd[1]", f"Started Session {pid} of User {admin}."),
            (30, "systemd[1]", "logrotate.service: Deactivated successfully."),
            (6, "kernel", f"[{at.timestamp() % 1e6:12.6f}] eth0: renamed from veth{pid:x}"),
        ),
        (12, 12, 10, 0.6, 6, 22, 12, 5, 1),
    )[0]
    return syslog_line(made[0], at, host, made[1], made[2])


def syslog_line(priority: int, at: dt.datetime, host: str, tag: str, text: str) -> bytes:
    """Return a line as rsyslog forwards it by default: ISO instant with offset, host, tag."""
    return f"<{priority}>{at.astimezone(HERE).isoformat(timespec='microseconds')} {host} {tag}: {text}".encode()


def fortigate_line(town: Municipality, host: str, at: dt.datetime, chance: random.Random) -> bytes:
    """Return one FortiOS 7 traffic line: mostly accepted outward traffic, some refused knocks from outside."""
    if chance.random() < 0.08:
        source, target = outside_address(f"knock{chance.randrange(200)}"), f"192.0.2.{town.network}"
        port, action, interfaces = chance.choice((22, 23, 445, 3389, 8080)), "deny", ("wan1", "dmz")
        sent = received = 0
    else:
        person = chance.choice(town.people)
        source, target = town.address_of(person.computer), outside_address(f"web{chance.randrange(400)}")
        port, action, interfaces = chance.choice((443, 443, 443, 443, 80, 53)), "accept", ("lan", "wan1")
        sent, received = chance.randrange(400, 20_000), chance.randrange(1_000, 900_000)
    return fortigate_traffic(town, host, at, chance, (source, target, port), action, interfaces, (sent, received))


def fortigate_traffic(
    town: Municipality,
    host: str,
    at: dt.datetime,
    chance: random.Random,
    flow: tuple[str, str, int],
    action: str,
    interfaces: tuple[str, str],
    volume: tuple[int, int],
) -> bytes:
    """Return a traffic line of one flow (source, target, port) with its volume (sent, received in bytes)."""
    local = at.astimezone(HERE)
    source, target, port = flow
    return (
        f'<{189 if action == "accept" else 188}>date={local:%Y-%m-%d} time={local:%H:%M:%S} devname="{host}" '
        f'devid="FGT60F{town.network:03}7A{len(host):02}" eventtime={int(at.timestamp() * 1e9)} tz="{local:%z}" '
        f'logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" '
        f'srcip={source} srcport={chance.randrange(1024, 65_535)} srcintf="{interfaces[0]}" srcintfrole="undefined" '
        f'dstip={target} dstport={port} dstintf="{interfaces[1]}" dstintfrole="undefined" '
        f'srccountry="Reserved" dstcountry="Denmark" sessionid={chance.randrange(10**6, 10**8)} '
        f'proto={17 if port == 53 else 6} action="{action}" policyid={12 if action == "accept" else 0} '
        f'policytype="policy" service="{_SERVICE.get(port, "tcp/" + str(port))}" trandisp="snat" '
        f"duration={chance.randrange(1, 300)} sentbyte={volume[0]} rcvdbyte={volume[1]} "
        f"sentpkt={volume[0] // 900 + 1} rcvdpkt={volume[1] // 1200 + 1}"
    ).encode()


def squid_line(town: Municipality, host: str, at: dt.datetime, chance: random.Random) -> bytes:
    """Return one line of Squid's access log (format `combined`) behind a syslog header."""
    url, _, _ = chance.choices(_SITES, [site[2] for site in _SITES])[0]
    person = chance.choice(town.people)
    status = chance.choices((200, 304, 301, 404, 407), (80, 10, 4, 2, 4))[0]
    agent = chance.choice((BROWSER, BROWSER, _EDGE))
    return squid_request(
        town, host, at, person.computer, person.account, "GET", url, status, chance.randrange(300, 90_000), agent
    )


def squid_request(
    town: Municipality,
    host: str,
    at: dt.datetime,
    computer: str,
    user: str,
    method: str,
    url: str,
    status: int,
    size: int,
    agent: str,
) -> bytes:
    """Return the line of one request through the proxy."""
    local = at.astimezone(HERE)
    text = (
        f"{town.address_of(computer)} - {user} [{local:%d/%b/%Y:%H:%M:%S %z}] "
        f'"{method} {url} HTTP/1.1" {status} {size} '
        f'"-" "{agent}" {"TCP_DENIED:HIER_NONE" if status == 407 else "TCP_MISS:HIER_DIRECT"}'
    )
    return syslog_line(134, at, host, "squid[1893]", text)


_SERVICE = {443: "HTTPS", 80: "HTTP", 53: "DNS", 22: "SSH", 445: "SMB", 3389: "RDP"}


def _key(admin: str) -> str:
    return (admin * 11)[:43]
