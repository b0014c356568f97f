"""The page of the sources tells analysts how the pipeline does, and the ledger promises no more than it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation import ngettext

from tests.samdrift.web.federation import Federation

LogIn = Callable[[str], Client]
RECEIVE = {
    "refused": [{"door": "syslog", "peer": "192.0.2.7", "count": 31, "reason": "no source has this address"}],
    "registry": {"problem": None},
    "journal": {"last_problem": "no space left on device"},
}
WORK = {"problems": {"sink": "3 alerts wait: OperationalError"}, "registry": {"problem": None}, "stopped": False}


@pytest.fixture
def run(federation: Federation) -> Iterator[Path]:
    """The processes' own words, in place of those of processes that run."""
    folder = settings.SAMDRIFT.data / "run"
    folder.mkdir(exist_ok=True)
    before = {path: path.read_bytes() for path in folder.glob("*.json")}
    yield folder
    for path in folder.glob("*.json"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


def test_analyst_reads_how_the_pipeline_does(run: Path, log_in: LogIn) -> None:
    (run / "receive.json").write_text(json.dumps(RECEIVE))
    (run / "work-1.json").write_text(json.dumps(WORK))
    (run / "work-2.json").write_text(json.dumps({**WORK, "problems": {}, "stopped": True}))
    (run / "work-3.json").write_text("{")

    page = log_in("analyst").get("/sources/").content.decode()

    for told in (
        "Har problemer",
        "Stoppet",
        "Gået i stå",
        "3 alerts wait",
        "no space left",
        "192.0.2.7",
        "work-3.json",
    ):
        assert told in page, told


@pytest.mark.parametrize("who", ["ciso", "administrator"])
def test_municipality_reads_nothing_of_the_installation(who: str, run: Path, log_in: LogIn) -> None:
    (run / "receive.json").write_text(json.dumps(RECEIVE))

    page = log_in(who).get("/sources/").content.decode()

    assert "192.0.2.7" not in page
    assert "Logmodtagelsen" not in page


def test_pipeline_that_never_ran_is_told(run: Path, log_in: LogIn) -> None:
    for path in run.glob("*.json"):
        path.unlink()

    assert "hverken modtager eller behandler" in log_in("analyst").get("/sources/").content.decode()


def test_ledger_promises_no_alarm(log_in: LogIn) -> None:
    assert "alarm." not in log_in("analyst").get("/ledger/").content.decode()


def test_one_event_is_no_events() -> None:
    with translation.override("da"):
        assert [ngettext("event", "events", count) for count in (1, 2)] == ["hændelse", "hændelser"]


def test_chart_of_one_event_says_so(log_in: LogIn) -> None:
    page = log_in("analyst").get('/logs/?range=4h&q="vssadmin.exe delete shadows"').content.decode()

    assert "1 hændelse," in page
