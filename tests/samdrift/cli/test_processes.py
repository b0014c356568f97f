"""The supervisor: what ends is started again, what must stop stops, a folder has one master."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from samdrift.cli import processes


@pytest.fixture
def sleeper(tmp_path: Path) -> processes.Supervisor:
    """A supervisor whose one program is a small module that sleeps instead of the samdrift entry."""
    package = tmp_path / "samdrift" / "config"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "entry.py").write_text("import time\ntime.sleep(60)\n")
    return processes.Supervisor(
        [processes.Program("sleeper", [])],
        environment={**os.environ, "PYTHONPATH": str(tmp_path)},
        log_folder=tmp_path / "log",
    )


@pytest.mark.slow
def test_killed_process_is_started_again_and_stop_stops_it(sleeper: processes.Supervisor) -> None:
    stop = threading.Event()
    sleeper.start()
    thread = threading.Thread(target=sleeper.watch, args=(stop,))
    thread.start()
    first = sleeper.pid("sleeper")

    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while sleeper.pid("sleeper") == first and time.monotonic() < deadline:
        time.sleep(0.05)
    second = sleeper.pid("sleeper")
    stop.set()
    thread.join(timeout=30)

    assert second != first
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


@pytest.mark.slow
def test_process_that_waits_to_be_started_again_holds_no_other_back(tmp_path: Path) -> None:
    package = tmp_path / "samdrift" / "config"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "entry.py").write_text("import sys, time\nfor seconds in sys.argv[1:]: time.sleep(float(seconds))\n")
    supervisor = processes.Supervisor(
        [processes.Program("ends at once", []), processes.Program("sleeper", ["60"])],
        environment={**os.environ, "PYTHONPATH": str(tmp_path)},
        log_folder=tmp_path / "log",
        restart_delays_s=(0.0, 60.0),
    )
    stop = threading.Event()
    supervisor.start()
    thread = threading.Thread(target=supervisor.watch, args=(stop,))
    thread.start()
    broken, first = supervisor.pid("ends at once"), supervisor.pid("sleeper")
    try:
        _wait_for(lambda: supervisor.pid("ends at once") != broken)  # the next delay is a minute
        time.sleep(1)
        os.kill(first, signal.SIGKILL)
        _wait_for(lambda: supervisor.pid("sleeper") != first)
    finally:
        stop.set()
        thread.join(timeout=30)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in 15 s"
        time.sleep(0.05)


def test_data_folder_has_one_master(tmp_path: Path) -> None:
    with processes.only_one(tmp_path):
        with pytest.raises(processes.AlreadyRunning, match=str(os.getpid())):
            with processes.only_one(tmp_path):
                pass


def test_taken_port_names_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(processes.PortInUse, match=f"port {port}.*SAMDRIFT_WEB_PORT"):
            processes.require_free({"SAMDRIFT_WEB_PORT": ("127.0.0.1", port)})
