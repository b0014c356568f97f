"""The real demo in processes of its own: every door, the worker, the tasks, the pages and the feeder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

PASSWORD = "Fælles-Drift-2026"
STARTED_WITHIN_S = 240.0
STOPPED_WITHIN_S = 60.0
PORTS = ("SAMDRIFT_WEB_PORT", "SAMDRIFT_BULK_PORT", "SAMDRIFT_SYSLOG_TCP_PORT", "SAMDRIFT_SYSLOG_UDP_PORT")
# What the test's own surroundings set, and the demo must not inherit.
OURS = ("SAMDRIFT_DATABASE_URL", "SAMDRIFT_MODE", "DJANGO_ALLOW_ASYNC_UNSAFE", "DJANGO_SETTINGS_MODULE")


@attrs.frozen(kw_only=True)
class Login:
    """Somebody who can log in."""

    email: str
    name: str
    totp_secret: str | None


@attrs.frozen(kw_only=True)
class Demo:
    """A running demo: where it is, and who can log in."""

    address: str
    data: Path
    process: subprocess.Popen[bytes]

    def login(self, email: str) -> Login:
        """Return the login with this address, as the demo wrote it down."""
        people = json.loads((self.data / "demo.json").read_text())["people"]
        found = next(person for person in people if person["email"] == email)
        return Login(email=email, name=found["name"], totp_secret=found["totp_secret"])

    def logs(self) -> str:
        """Return the end of what each process said, for a test that fails."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted((self.data / "log").glob("*.log"))
        )


@contextlib.contextmanager
def running_demo(folder: Path, *, rate: int) -> Iterator[Demo]:
    """Run `samdrift demo` on free ports, its data in `folder`; then end it as Ctrl-C does, and require a clean end."""
    data = folder / "data"
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    environment |= {"SAMDRIFT_DATA": str(data)} | {name: str(_free_port()) for name in PORTS}
    with (folder / "out.txt").open("wb") as out, (folder / "err.txt").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "samdrift.config.entry", "demo", "--rate", str(rate)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        yield Demo(address=_printed_address(process, folder), data=data, process=process)
        assert process.poll() is None, f"the demo ended by itself\n{(folder / 'err.txt').read_text()}"
    finally:
        _end(process)
    assert process.returncode == 0, (folder / "err.txt").read_text()


def _printed_address(process: subprocess.Popen[bytes], folder: Path) -> str:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline:
        if said := re.search(r"^Samdrift: (http://\S+?)/?$", (folder / "out.txt").read_text(), re.MULTILINE):
            return said.group(1)
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise AssertionError(f"the demo printed no address\n{(folder / 'err.txt').read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
