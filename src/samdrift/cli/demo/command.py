"""`samdrift demo`: everything embedded, the demo federation, its logs, and an attack in the stream."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from samdrift.cli.context import Context, pass_context
from samdrift.cli.migrate import migrate_database
from samdrift.cli.processes import Supervisor, free_port, only_one, require_free, stopped_by_signals
from samdrift.cli.up import listening_ports, programs

if TYPE_CHECKING:
    from samdrift.cli.demo.federation import Federation

MARK = "demo.json"  # tells that a folder is a demo's, so that the next start may clear it
COMMIT_INTERVAL_S = 3.0
STARTED_WITHIN_S = 120.0
PREFERRED_PORTS = {
    "SAMDRIFT_WEB_PORT": 8000,
    "SAMDRIFT_BULK_PORT": 9200,
    "SAMDRIFT_SYSLOG_TCP_PORT": 5514,
    "SAMDRIFT_SYSLOG_UDP_PORT": 5514,
}


@click.command("demo")
@click.option(
    "--once", is_flag=True, help="Play the story without a browser on free ports in a temporary folder, and end."
)
@click.option("--json", "as_json", is_flag=True, help="With --once: print one JSON document on stdout.")
@click.option(
    "--rate", default=3000.0, show_default=True, type=click.FloatRange(10, 50_000), help="Log lines a second."
)
@click.option("--calm-rate", default=50.0, show_default=True, type=click.FloatRange(0, 5000), help="After the story.")
@pass_context
def command(context: Context, once: bool, as_json: bool, rate: float, calm_rate: float) -> None:  # noqa: FBT001
    """Start everything with the demo federation, real log doors and an attack in the stream.

    Exit code of --once: 0 only if every step of the story truly occurred, else 1.
    """
    if once:
        with tempfile.TemporaryDirectory(prefix="samdrift-demo-") as folder:
            _choose(Path(folder), once=True)
            raise SystemExit(_play_once(context, rate=rate, calm_rate=calm_rate, as_json=as_json))
    _choose(_own_folder(), once=False)
    with running(context, rate=rate, calm_rate=calm_rate) as (stop, federation):
        sys.stdout.write(_welcome(context, federation))
        sys.stdout.flush()
        stop.wait()


def _play_once(context: Context, *, rate: float, calm_rate: float, as_json: bool) -> int:
    with running(context, rate=rate, calm_rate=calm_rate) as (stop, federation):
        from samdrift.cli.demo import play

        told = play.play(
            address=f"http://127.0.0.1:{context.settings.web_port}",
            federation=federation,
            feeder_report=context.settings.data / "feeder.json",
            say=(lambda line: None) if as_json else click.echo,
            stop=stop,
        )
    if as_json:
        click.echo(json.dumps(told.document(), ensure_ascii=False, indent=2))
    else:
        click.echo(told.in_words())
    return 0 if told.complete else 1


@contextlib.contextmanager
def running(context: Context, *, rate: float, calm_rate: float) -> Iterator[tuple[threading.Event, Federation]]:
    """Make the federation and start all processes and the feeder; stop them at the end."""
    settings = context.settings
    with only_one(settings.data), stopped_by_signals() as stop:
        require_free(listening_ports(settings))
        _say("Making the database …")
        migrate_database(context)
        from django.utils import timezone

        from samdrift.cli.demo.federation import seed

        _say("Making the federation: 98 municipalities, 5 units, their teams, services and log sources …")
        federation = seed(content=context.content, at=timezone.now())
        (settings.data / MARK).write_text(
            json.dumps(attrs.asdict(federation), default=str, ensure_ascii=False, indent=1)
        )
        supervisor = Supervisor(
            programs(1, commit_interval_s=COMMIT_INTERVAL_S), environment=os.environ, log_folder=settings.data / "log"
        )
        supervisor.start()
        watching = threading.Thread(target=supervisor.watch, args=(stop,), name="supervisor")
        watching.start()
        try:
            _wait_for_doors(settings.data, settings.web_port, stop)
            with _feeding(context, federation, rate=rate, calm_rate=calm_rate):
                yield stop, federation
        finally:
            stop.set()
            watching.join()


@contextlib.contextmanager
def _feeding(context: Context, federation: Federation, *, rate: float, calm_rate: float) -> Iterator[None]:
    """Run the feeder in a process of its own, against the real doors."""
    from samdrift.cli.demo.federation import STRUCK
    from samdrift.cli.demo.plan import Door, Plan, StoryPlan, plan_to_json

    settings = context.settings
    plan = Plan(
        rate=rate,
        calm_rate=calm_rate,
        bulk=Door(host="127.0.0.1", port=settings.bulk_port),
        syslog=Door(host="127.0.0.1", port=settings.syslog_tcp_port),
        feeds=tuple(federation.feeds),
        story=StoryPlan(municipality=STRUCK, host=f"{STRUCK.upper()}-FS01"),
        report=settings.data / "feeder.json",
    )
    path = settings.data / "plan.json"
    path.write_bytes(plan_to_json(plan))
    with (settings.data / "log" / "feeder.log").open("ab") as log:
        feeder = subprocess.Popen(
            [sys.executable, "-m", "samdrift.cli.demo.feeder", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        feeder.send_signal(signal.SIGTERM)
        try:
            feeder.wait(timeout=20)
        except subprocess.TimeoutExpired:
            feeder.kill()
            feeder.wait()


def _choose(data: Path, *, once: bool) -> None:
    """Set the demo's folder, mode and ports, for this process and those it starts."""
    os.environ["SAMDRIFT_MODE"] = "demo"
    os.environ["SAMDRIFT_DATA"] = str(data)
    os.environ.pop("SAMDRIFT_DATABASE_URL", None)
    for name, preferred in PREFERRED_PORTS.items():
        if once:
            os.environ[name] = str(free_port())
        elif name not in os.environ:
            os.environ[name] = str(_free_or_other(preferred))


def _free_or_other(port: int) -> int:
    from samdrift.cli.processes import PortInUse

    try:
        require_free({"": ("127.0.0.1", port)})
    except PortInUse:
        return free_port()
    return port


def _own_folder() -> Path:
    """Return the demo's folder, empty. A folder that is no demo's is never cleared."""
    folder = Path(os.environ.get("SAMDRIFT_DATA", "data/demo")).resolve()
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).exists() and not (folder / "run").is_dir():
            raise click.ClickException(
                f"{folder} holds something else than a demo; set SAMDRIFT_DATA to another folder"
            )
        with only_one(folder):
            shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _wait_for_doors(data: Path, web_port: int, stop: threading.Event) -> None:
    """Return when pages and doors answer. Raises ClickException with what does not, and its log, when they do not."""
    _say("Starting the processes …")
    waits_for = {
        "receive": lambda: (data / "run" / "receive.json").exists(),
        "work-1": lambda: (data / "run" / "work-1.json").exists(),
        "web": lambda: _answers(f"http://127.0.0.1:{web_port}/"),
    }
    deadline = time.monotonic() + STARTED_WITHIN_S
    while waits_for and not stop.wait(0.1):
        waits_for = {name: is_ready for name, is_ready in waits_for.items() if not is_ready()}
        if waits_for and time.monotonic() > deadline:
            logs = [(data / "log" / f"{name}.log").read_text(errors="replace")[-1500:] for name in waits_for]
            raise click.ClickException(f"did not start: {', '.join(waits_for)}\n" + "\n".join(logs))


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _welcome(context: Context, federation: Federation) -> str:
    from samdrift.cli.demo.federation import PASSWORD, STRUCK, TWO_STEPS
    from samdrift.federation.rules import Role

    unit = next(person.organisation for person in federation.people if person.email.startswith("vagt@enhed-syd."))
    shown = [
        ("Vagten i enheden / analyst at the unit", federation.person(unit, Role.ANALYST)),
        ("2. linje i enheden / 2nd line at the unit", federation.person(unit, Role.SECOND_LINE_AGENT, mailbox="drift")),
        (f"SPOC i {STRUCK} / SPOC", federation.person(STRUCK, Role.SPOC_AGENT)),
        (f"CISO i {STRUCK} / CISO", federation.person(STRUCK, Role.CISO)),
        ("Administrator i enheden / administrator", federation.person(unit, Role.ADMINISTRATOR)),
    ]
    logins = "\n".join(f"  {title:<42} {person.email}" for title, person in shown)
    two_steps = federation.person(*TWO_STEPS)
    return (
        f"\nSamdrift: http://127.0.0.1:{context.settings.web_port}/\n\n{logins}\n\n"
        f"  Adgangskode / password for all: {PASSWORD}\n"
        f"  Med kode fra en app / with a code from an app: {two_steps.email}, TOTP {two_steps.totp_secret}\n"
        f"  More logins and API tokens: {context.settings.data / MARK}\n\n"
        "The municipalities are real; everything that happens to them is invented. Ctrl-C stops it.\n"
    )
