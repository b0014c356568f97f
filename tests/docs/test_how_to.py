"""The configuration that the how-to pages give is accepted by the programs it is for."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from samdrift_logs.receive.elasticsearch import source_of
from tests.conftest import find_component
from tests.samdrift_logs.receive.running import BULK, TOKEN, registry_of

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "connect-winlogbeat-and-rsyslog.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_winlogbeat_settings_are_yaml_and_their_key_is_taken_at_the_door() -> None:
    (settings,) = (yaml.safe_load(block) for block in blocks("yaml"))

    name, colon, token = settings["output.elasticsearch"]["api_key"].partition(":")
    assert (name, colon, token[:3]) == ("samdrift", ":", "sd_")
    sent = base64.b64encode(f"{name}:{TOKEN}".encode()).decode()  # as Beats send an api_key
    assert source_of(registry_of(BULK), f"ApiKey {sent}") == BULK


@pytest.mark.component("rsyslog")
@pytest.mark.parametrize("number", [0, 1])
def test_rsyslog_settings_are_accepted(number: int, tmp_path: Path) -> None:
    settings = tmp_path / "rsyslog.conf"
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).touch()
    ours = blocks("rsyslog")[number].replace("/etc/samdrift", str(tmp_path))
    settings.write_text(f'global(workDirectory="{tmp_path}")\n{ours}')

    checked = subprocess.run(
        [str(find_component("rsyslog")), "-N1", "-f", str(settings)], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr
    complaints = [line for line in checked.stderr.splitlines() if "error" in line.lower()]
    assert complaints == []
