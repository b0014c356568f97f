"""An installation from an empty folder to its first ticket, by the commands of the how-to page, as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "set-up-an-installation.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
# `samdrift` on somebody's machine: the program, with a person who types the password and types it again.
PROGRAM = """set -eu
samdrift() { printf 'Regn-paa-Fyn-2026\nRegn-paa-Fyn-2026\n' | "$PYTHON" -W ignore -m samdrift.config.entry "$@"; }
"""
# What the worker does with a match, and the tasks process with what follows; then the 2nd line looks at its queue.
FIRST_ALERT = """
import json, uuid
from samdrift.config.entry import start_django
start_django()
from django.utils import timezone
from samdrift.federation import boundary, queries as federation
from samdrift.foundation import outbox, scoped
from samdrift.processes import queries as processes
from samdrift.soc import operations as soc, queries as watch
from samdrift.support import queries as support
from samdrift_logs.detect import Alert
from samdrift_logs.scope import Purpose
at = timezone.now()
with scoped.entered(boundary.everyone(reason="a test", actor="test", at=at)):
    (source,) = watch.sources(at=at).rows
    recorded = soc.record_alerts(at=at, alerts=[Alert(
        id=uuid.uuid5(source.id, "first"), organisation=source.organisation, source=source.id, rule_id="r1",
        title="Shadow copies deleted", level="high", tags=(), ruleset_version="1", event_id="0-1-0", event_at=at,
        received_at=at, host="ASSENS-FS01", user="svc", fields={}, event={}, what_to_do="Isolate it.", description="",
    )])
    outbox.dispatch(now=at)
    dead = outbox.dead()
actor = federation.actor_by_email(email="drift@enhed-syd.example", at=at)
with scoped.entered(boundary.scope_for(actor, Purpose.SUPPORT, at=at)):
    (ticket,) = processes.tickets_of_cases(recorded.cases_opened).values()
    page = support.ticket_page(ticket=ticket, actor=actor, at=at)
clocks = [(leg.organisation_name, clock.metric, clock.due_at is not None) for leg in page.legs for clock in leg.clocks]
print(json.dumps({"cases": len(recorded.cases_opened), "clocks": sorted(clocks), "dead": len(dead)}))
"""


def run(command: list[str], *, folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SAMDRIFT_", "DJANGO_"))}
    environment = {**kept, "PYTHON": sys.executable, "SAMDRIFT_DATA": str(folder / "data")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_commands_of_the_page_lead_to_a_case_and_a_ticket_with_both_clocks(tmp_path: Path) -> None:
    set_up = run(["bash", "-c", PROGRAM + "".join(BLOCKS)], folder=tmp_path)
    assert set_up.returncode == 0, set_up.stdout + set_up.stderr
    assert "BAD" not in set_up.stdout
    assert len(re.findall(r"token \S+  \(shown this once\)", set_up.stdout)) == 2

    alerted = run([sys.executable, "-c", FIRST_ALERT], folder=tmp_path)

    assert alerted.returncode == 0, alerted.stderr
    assert json.loads(alerted.stdout.splitlines()[-1]) == {
        "cases": 1,
        "clocks": [["Assens", "acknowledge", True], ["Enhed Syd", "resolve", True], ["Enhed Syd", "respond", True]],
        "dead": 0,
    }
