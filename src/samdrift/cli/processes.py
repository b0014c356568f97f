"""Start, watch and stop the processes of one machine. Knows nothing of what they do."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import attrs

from samdrift_logs.errors import SamdriftError

RESTART_DELAYS_S = (0.2, 1.0, 2.0, 5.0, 10.0)
STOP_GRACE_S = 20.0


class AlreadyRunning(SamdriftError):
    """Another process holds this data folder."""


class PortInUse(SamdriftError):
    """A port that we were told to listen on is taken."""


@attrs.frozen
class Program:
    """One process to keep alive: the samdrift command and its arguments."""

    name: str
    arguments: Sequence[str]


@attrs.define
class _Kept:
    program: Program
    process: subprocess.Popen[bytes]
    failures: int = 0
    started: float = attrs.field(factory=time.monotonic)
    start_again_at: float | None = None  # monotonic; set once it was seen to have ended


class Supervisor:
    """Keeps a set of samdrift processes alive until told to stop.

    A process that ends is started again after a growing delay, which holds no other back; one that stayed up for a
    minute is forgiven. `pids` is written to `<data>/run/pids.json` by nobody: ask `pid(name)`.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        environment: Mapping[str, str],
        log_folder: Path,
        restart_delays_s: Sequence[float] = RESTART_DELAYS_S,
    ):
        self._programs = programs
        self._restart_delays_s = restart_delays_s
        self._environment = dict(environment)
        self._log_folder = log_folder
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start every program."""
        self._log_folder.mkdir(parents=True, exist_ok=True)
        for program in self._programs:
            self._kept[program.name] = _Kept(program, self._spawn(program))

    def pid(self, name: str) -> int:
        """Return the process id of a program as it runs now."""
        with self._lock:
            return self._kept[name].process.pid

    def watch(self, stop: threading.Event) -> None:
        """Start again what ended, until `stop` is set; then stop everything, newest first."""
        try:
            while not stop.wait(0.2):
                for kept in self._kept.values():
                    self._revive(kept)
        finally:
            self.stop()

    def stop(self) -> None:
        """Ask every process to end, and end those that do not within the grace time."""
        for kept in reversed(self._kept.values()):
            if kept.process.poll() is None:
                kept.process.terminate()
        deadline = time.monotonic() + STOP_GRACE_S
        for kept in self._kept.values():
            try:
                kept.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                kept.process.kill()
                kept.process.wait()

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with (self._log_folder / f"{program.name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "samdrift.config.entry", *program.arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor only, which then stops them in order
            )

    def _revive(self, kept: _Kept) -> None:
        """Start again what ended, once its delay is over."""
        now = time.monotonic()
        if kept.process.poll() is None:
            if kept.failures and now - kept.started > 60:
                kept.failures = 0
        elif kept.start_again_at is None:
            delay = self._restart_delays_s[min(kept.failures, len(self._restart_delays_s) - 1)]
            kept.start_again_at = now + delay
            sys.stderr.write(
                f"samdrift: {kept.program.name} ended with {kept.process.returncode}; starting it again in {delay:g} s "
                f"(see {self._log_folder / (kept.program.name + '.log')})\n"
            )
        elif now >= kept.start_again_at:
            with self._lock:
                kept.process = self._spawn(kept.program)
                kept.failures += 1
                kept.started, kept.start_again_at = now, None


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this process. Raises AlreadyRunning when another holds it."""
    run = data / "run"
    run.mkdir(parents=True, exist_ok=True)
    with (run / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise AlreadyRunning(
                f"samdrift already runs on {data} (process {file.read().strip() or 'unknown'}); stop it, or set "
                "SAMDRIFT_DATA to another folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def require_free(ports: Mapping[str, tuple[str, int]]) -> None:
    """Raise PortInUse for the first setting whose TCP port is taken. `ports`: setting name → (host, port)."""
    for setting, (host, port) in ports.items():
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise PortInUse(f"port {port} on {host} cannot be used ({error.strerror}); set {setting}") from error


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set."""
    stop = threading.Event()

    def ask(signum: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
