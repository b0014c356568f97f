"""Turn the syslog of a Linux host (sshd, sudo, su, CRON, PAM and any other program) into events.

Any syslog header is read (see `syslog.py`). What sshd, sudo, su, CRON and PAM say in known sentences becomes fields and
columns; every other program's line keeps its message. Local time without an offset is in the source's zone. Never
rejects a line that has text: a line without a header is an event with a message.

References:
    OpenSSH auth.c and packet.c, sudo's sudoers(5) "Event logging", pam_unix(8), cron(8): their own sentences
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from samdrift_logs.normalise import syslog
from samdrift_logs.normalise.reading import Event, Origin, decode, port
from samdrift_logs.normalise.text.normalise import event_of

# A user name is the sender's choice and may read "x from 1.2.3.4 port 22": what sshd itself appends comes last.
_SSHD = re.compile(
    r"""(?P<action>Accepted|Failed)\ (?P<method>\S+)\ for\ (?P<invalid>invalid\ user\ )?(?P<user>.*)
          \ from\ (?P<ip>\S+)\ port\ (?P<port>\d+)  # Failed password for invalid user bo from 10.0.0.1 port 22 ssh2
      |Invalid\ user\ (?P<user2>.*)\ from\ (?P<ip2>\S+)(?:\ port\ (?P<port2>\d+))?
      |(?:Received\ disconnect|Connection)\ from\ (?P<ip3>[0-9a-fA-F:.]+?)(?::\ |\ port\ (?P<port3>\d+))
      |(?:Disconnected\ from|Disconnecting|Connection\ (?:closed|reset)\ by)\ (?:.*\ )?
          (?P<ip4>[0-9a-fA-F:.]+)(?:\ port\ (?P<port4>\d+)|\ \[preauth\]|$)
    """,
    re.VERBOSE,
)
# Possessive (*+): a line made of a million half-matches must not cost more than its length.
_SUDO = re.compile(
    r"""\s*(?P<user>\S+)\ :\ (?P<said>(?:(?!(?:TTY|PWD|USER|GROUP|ENV|COMMAND)=)[^;]+;\ )*+)  # anna : …wrong ;
        (?:TTY=(?P<tty>\S+)\ ;\ )?(?:PWD=(?P<pwd>(?:(?!\ ;\ ).)*+)\ ;\ )?(?:USER=(?P<target>\S+)\ ;\ )?
        (?:GROUP=(?P<group>\S+)\ ;\ )?(?:ENV=(?P<env>(?:(?!\ ;\ ).)*+)\ ;\ )?COMMAND=(?P<command>.*)
    """,
    re.VERBOSE | re.DOTALL,
)
_CRON = re.compile(r"\((?P<user>[^)]*)\) (?P<verb>[A-Z]+) \((?P<command>.*)\)", re.DOTALL)
_SU = re.compile(
    r"""(?P<failed>FAILED\ SU\ )?\(to\ (?P<target>[^)]+)\)\ (?P<user>\S+)\ on\ (?P<tty>\S+)  # (to root) anna on pts/0
      |(?P<outcome>Successful|FAILED)\ su\ for\ (?P<target2>\S+)\ by\ (?P<user2>\S+)
    """,
    re.VERBOSE,
)
_PAM_FAILURE = re.compile(r"authentication failure;(?P<pairs>.*)")
_PAM_SESSION = re.compile(
    r"session (?P<verb>opened|closed) for user (?P<user>[^\s(]+)(?:\(uid=\d+\))?"
    r"(?: by (?P<by>[^\s(]*)(?:\(uid=\d+\))?)?"
)
_PAIR = re.compile(r"\b(\w+)=(\S*)")
Columns = dict[str, Any]


def read(line: bytes, origin: Origin) -> Event:
    """Read one line. See the module for columns."""
    header = syslog.parse(decode(line), origin)
    event = event_of(header)
    event.columns["service"] = service = _service(header.app)
    reader = _READERS.get(service or "")
    found = (reader(header.text) if reader else None) or _read_pam(header.text)
    if found:
        fields, columns = found
        event.native.update(fields)
        event.columns.update(columns)
    return event


def _service(app: str | None) -> str | None:
    """Sigma's service of a program: `sshd(pam_unix)` and `sshd-session` are sshd, `/usr/sbin/CRON` is cron."""
    if not app:
        return None
    name = app.rsplit("/", 1)[-1].partition("(")[0].lower()
    return {"sshd-session": "sshd", "sshd-auth": "sshd", "crond": "cron", "anacron": "cron"}.get(name, name)


def _read_sshd(text: str) -> tuple[Mapping[str, Any], Columns] | None:
    match = _SSHD.match(text)
    if match is None:
        return None
    user = match["user"] if match["user"] is not None else match["user2"]
    ip = match["ip"] or match["ip2"] or match["ip3"] or match["ip4"]
    sent = match["port"] or match["port2"] or match["port3"] or match["port4"]
    action = {"Accepted": "accepted", "Failed": "failed"}.get(
        match["action"] or "", "failed" if match["user2"] else "closed"
    )
    if text.startswith("Connection from"):
        action = "connected"
    fields = {"src_ip": ip, "src_port": sent, "user": user, "auth_method": match["method"], "action": action}
    columns = {"user": user, "src_ip": ip, "src_port": port(sent), "action": action, "protocol": "tcp"}
    return {name: value for name, value in fields.items() if value is not None}, columns


def _read_sudo(text: str) -> tuple[Mapping[str, Any], Columns] | None:
    match = _SUDO.match(text)
    if match is None:
        return None
    said = match["said"].strip(" ;")
    fields = {
        "user": match["user"],
        "tty": match["tty"],
        "pwd": match["pwd"],
        "target_user": match["target"],
        "command": match["command"],
        "denied_because": said or None,
    }
    denied = bool(re.search(r"incorrect password|NOT in sudoers|not allowed|no tty|denied", said))
    columns = {
        "user": match["user"],
        "command_line": match["command"],
        "action": "denied" if denied else "allowed",
    }
    return {name: value for name, value in fields.items() if value is not None}, columns


def _read_cron(text: str) -> tuple[Mapping[str, Any], Columns] | None:
    match = _CRON.match(text)
    if match is None:
        return None
    fields = {"user": match["user"], "verb": match["verb"], "command": match["command"]}
    command = match["command"] if match["verb"] == "CMD" else None
    return fields, {"user": match["user"], "command_line": command, "action": match["verb"].lower()}


def _read_su(text: str) -> tuple[Mapping[str, Any], Columns] | None:
    match = _SU.match(text)
    if match is None:
        return None
    user, target = match["user"] or match["user2"], match["target"] or match["target2"]
    action = "failed" if match["failed"] or match["outcome"] == "FAILED" else "accepted"
    return {"user": user, "target_user": target, "action": action}, {"user": user, "action": action}


def _read_pam(text: str) -> tuple[Mapping[str, Any], Columns] | None:
    """PAM's sentences come from any program, sometimes behind `pam_unix(sshd:auth): `."""
    if "authentication failure" in text and (failure := _PAM_FAILURE.search(text)):
        pairs = {name: value for name, value in _PAIR.findall(failure["pairs"]) if value}
        ip = pairs.get("rhost")
        columns = {
            "user": pairs.get("user"),
            "action": "failed",
            "src_ip": ip if ip and _ADDRESS.fullmatch(ip) else None,
        }
        return pairs, columns
    if "session " in text and (session := _PAM_SESSION.search(text)):
        fields = {"user": session["user"], "action": f"session {session['verb']}"}
        if session["by"]:
            fields["by_user"] = session["by"]
        return fields, {"user": session["user"], "action": f"session {session['verb']}"}
    return None


_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+")
_READERS: Mapping[str, Callable[[str], tuple[Mapping[str, Any], Columns] | None]] = {
    "sshd": _read_sshd,
    "sudo": _read_sudo,
    "cron": _read_cron,
    "su": _read_su,
}
