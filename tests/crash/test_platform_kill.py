"""kill -9 of any process of the whole platform: each acknowledged line is stored once, each alert, case and ticket is
there once, every fact is acted on once, and `samdrift check` finds nothing wrong."""

from __future__ import annotations

import collections
import datetime as dt
import functools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import attrs
import httpx
import pytest

from samdrift.cli.demo import winlogbeat
from samdrift.cli.demo.people import make_municipality
from samdrift.cli.processes import Supervisor
from samdrift.cli.up import programs
from samdrift_logs.scope import Purpose, Scope
from tests.crash.proofs import check_ledger, free_ports, is_drained, stored_rows, wait_until
from tests.crash.shippers import Shipper

SEED = int(os.environ.get("SAMDRIFT_CRASH_SEED", "20261123"))
KINDS = ("receive", "work-1", "tasks", "web")
KILLS_OF_EACH = 6
ROOT = Path(__file__).parents[2]
RULES = ROOT / "content" / "sigma" / "ransomware_precursors"
SHADOW_COPIES = "159a1698-a987-4749-832b-f520b25635a7"
HOSTS = 80  # that are attacked, again and again, in each stream
EVERY = 50  # one line in so many is an attack
TOWN = make_municipality("Odense", seed=SEED)


@attrs.frozen
class Platform:
    """A running installation with a small federation."""

    data: Path
    environment: Mapping[str, str]
    supervisor: Supervisor
    municipality: UUID
    tokens: tuple[str, ...]
    web_port: int
    bulk_port: int

    @property
    def scope(self) -> Scope:
        return Scope(organisations=[self.municipality], purpose=Purpose.WATCH, reason="prøve", actor="test")

    def run(self, module: str, command: str, *, timeout_s: float = 60) -> str:
        """Run a command on the installation and return what it printed; fail when it failed."""
        return _run([sys.executable, "-m", module, command], self.environment, timeout_s=timeout_s)

    def kill(self, name: str, *, before: int | None) -> int:
        """Kill the process of this name, once it is another than the one killed `before`; return its id."""
        wait_until(lambda: _lives(pid := self.supervisor.pid(name)) and pid != before, timeout_s=60, what=name)
        pid = self.supervisor.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    data = tmp_path / "data"
    web, bulk, syslog, udp = free_ports(4)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SAMDRIFT_", "DJANGO_"))},
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "SAMDRIFT_DATA": str(data),
        "SAMDRIFT_RULES": str(RULES),
        "SAMDRIFT_WEB_PORT": str(web),
        "SAMDRIFT_BULK_PORT": str(bulk),
        "SAMDRIFT_SYSLOG_TCP_PORT": str(syslog),
        "SAMDRIFT_SYSLOG_UDP_PORT": str(udp),
    }
    _run([sys.executable, "-m", "samdrift.config.entry", "migrate"], environment, timeout_s=120)
    made = json.loads(_run([sys.executable, "-m", "tests.crash.installation", "seed"], environment, timeout_s=120))
    supervisor = Supervisor(
        programs(1, commit_interval_s=0.5),
        environment=environment,
        log_folder=data / "log",
        restart_delays_s=(0.2, 0.5),
    )
    stop = threading.Event()
    supervisor.start()
    watching = threading.Thread(target=supervisor.watch, args=(stop,), name="supervisor")
    watching.start()
    yield Platform(data, environment, supervisor, UUID(made["municipality"]), tuple(made["tokens"]), web, bulk)
    stop.set()
    watching.join()


@pytest.mark.slow
@pytest.mark.xdist_group("platform-kill")
@pytest.mark.timeout(420)
def test_kill_of_any_process_of_the_platform_loses_nothing_and_doubles_nothing(platform: Platform) -> None:
    stop = threading.Event()
    shippers = [
        Shipper(
            organisation=UUID(int=number),
            token=token,
            port=platform.bulk_port,
            stop=stop,
            chance=random.Random(f"{SEED} {number}"),
            document=functools.partial(document, hosts=f"ODENSE-S{number}"),
            per_request=50,
            pause_s=0.15,
        )
        for number, token in enumerate(platform.tokens, start=1)
    ]
    for shipper in shippers:
        shipper.start()
    wait_until(lambda: all(shipper.acknowledged for shipper in shippers), timeout_s=60, what="the first answers")
    wait_until(lambda: _web_answers(platform), timeout_s=60, what="the pages")

    killed = kill_at_random(platform)
    stop.set()
    for shipper in shippers:
        shipper.join(60)
        assert not shipper.is_alive()
    wait_until(lambda: is_drained(platform.data), timeout_s=120, what="an empty journal")
    platform.run("tests.crash.installation", "await-quiet", timeout_s=150)
    wait_until(lambda: _web_answers(platform), timeout_s=60, what="the pages")
    wait_until(lambda: is_drained(platform.data), timeout_s=60, what="an empty journal")

    acknowledged = set().union(*(shipper.acknowledged for shipper in shippers))
    rows = [(event, json.loads(raw)) for event, raw in stored_rows(platform.data, platform.scope)]
    stored = collections.Counter(line["labels"]["name"] for _, line in rows)
    told = json.loads(platform.run("tests.crash.installation", "tell"))
    print(
        f"\n{sum(killed.values())} kills {dict(killed)}; {len(acknowledged)} documents acknowledged, "
        f"{sum(shipper.sent_again for shipper in shippers)} requests sent again, "
        f"{sum(shipper.conflicts for shipper in shippers)} answered 409; lost {len(acknowledged - stored.keys())}, "
        f"doubled {sum(count > 1 for count in stored.values())}; {len(told['alerts'])} alerts, "
        f"{len(told['cases'])} cases, {len(told['tickets'])} tickets, deliveries {told['deliveries']}"
    )
    assert sum(killed.values()) >= 20
    assert min(killed[kind] for kind in KINDS) >= 4
    assert any(shipper.conflicts for shipper in shippers)
    assert acknowledged - stored.keys() == set()
    assert [name for name, count in stored.items() if count != 1] == []
    check_ledger(platform.data, platform.scope, stored=len(rows), workers=["work-1"])
    check_alerts(platform.municipality, told, rows)
    check_tickets(told)
    platform.run("samdrift.config.entry", "check")


def kill_at_random(platform: Platform) -> collections.Counter[str]:
    """Kill every kind equally often, in random order, at random moments: some while they start."""
    chance = random.Random(SEED)
    victims = list(KINDS) * KILLS_OF_EACH
    chance.shuffle(victims)
    last: dict[str, int] = {}
    killed: collections.Counter[str] = collections.Counter()
    for name in victims:
        time.sleep(chance.uniform(0.2, 4.0))
        last[name] = platform.kill(name, before=last.get(name))
        killed[name] += 1
    time.sleep(2)
    return killed


def check_alerts(municipality: UUID, told: Mapping[str, Any], rows: list[tuple[str, dict[str, Any]]]) -> None:
    """Each attack line that is stored gave its one alert, and nothing else did; each was told of once."""
    attacks = {event: line["host"]["hostname"].lower() for event, line in rows if line["labels"]["attack"]}
    expected = {str(uuid5(municipality, f"{SHADOW_COPIES}\n{event}")) for event in attacks}
    assert len(attacks) > len(set(attacks.values())) > 20
    assert sorted(alert["id"] for alert in told["alerts"]) == sorted(expected)
    assert {alert["rule"] for alert in told["alerts"]} == {SHADOW_COPIES}
    assert told["alerts_told"] == len(expected)
    of_case = collections.Counter(alert["case"] for alert in told["alerts"])
    assert {case["id"]: case["alerts"] for case in told["cases"]} == of_case
    places = [case["place"].split(".")[0] for case in told["cases"]]
    assert sorted(places) == sorted(set(attacks.values()))


def check_tickets(told: Mapping[str, Any]) -> None:
    """Each case was told of once and has one ticket with both legs, said once in its timeline."""
    cases = sorted(case["id"] for case in told["cases"])
    tickets = sorted(told["tickets"])
    assert len({case["number"] for case in told["cases"]}) == len(cases)
    assert sorted(told["cases_told"]) == cases
    assert sorted(link["case"] for link in told["links"]) == cases
    assert sorted(link["ticket"] for link in told["links"]) == tickets
    assert sorted(told["tickets_in_timelines"]) == tickets
    assert sorted(told["legs"]) == sorted(tickets * 2)
    assert set(told["deliveries"]) == {"done"}
    assert told["not_handed_out"] == 0


def document(name: str, *, hosts: str) -> dict[str, Any]:
    """Return a line as Winlogbeat ships it: a process that started, now and then one that deletes shadow copies."""
    number = int(name.rsplit("-", 1)[1])
    chance, at = random.Random(name), dt.datetime.now(dt.UTC)
    attack = number % EVERY == EVERY - 1
    host = f"{hosts}{number // EVERY % HOSTS:03}" if attack else f"{hosts}PC"
    program, command = ("vssadmin", "vssadmin delete shadows /all /quiet") if attack else ("whoami", "whoami")
    data = winlogbeat.sysmon_process(
        chance,
        at,
        image=f"C:\\Windows\\System32\\{program}.exe",
        command_line=command,
        user="ODENSE\\maje",
        parent="C:\\Windows\\explorer.exe",
        parent_command_line="explorer.exe",
    )
    line: dict[str, Any] = json.loads(winlogbeat.Agent(TOWN, host, chance).line(winlogbeat.SYSMON, 1, data, at))
    return {**line, "labels": {"name": name, "attack": attack}}


def _run(command: list[str], environment: Mapping[str, str], *, timeout_s: float) -> str:
    ended = subprocess.run(
        command,
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert ended.returncode == 0, f"{command}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}"
    return ended.stdout


def _lives(pid: int) -> bool:
    """Tell whether a process runs: one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def _web_answers(platform: Platform) -> bool:
    try:
        page = httpx.get(f"http://127.0.0.1:{platform.web_port}/", timeout=5, trust_env=False, follow_redirects=True)
    except httpx.HTTPError:
        return False
    return page.is_success
