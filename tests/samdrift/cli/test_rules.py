"""`samdrift rules` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from samdrift.cli import rules
from tests.samdrift_logs.detect.batches import rule_text
from tests.samdrift_logs.detect.correlate.histories import base, correlation

EVENT = {"EventID": 4625, "Channel": "Security", "LogonType": 3, "IpAddress": "203.0.113.7"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.mkdir()
    (path / "logon.yml").write_text(
        rule_text(
            {"sel": {"EventID": 4625}, "ours": {"IpAddress|cidr": "10.0.0.0/8"}, "condition": "sel and not ours"},
            title="Refused",
            level="high",
            tags=["attack.t1110.003", "attack.credential-access"],
            logsource={"product": "windows", "service": "security"},
            samdrift={"hits": [EVENT], "misses": [{**EVENT, "IpAddress": "10.1.1.1"}]},
        )
    )
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(rules.command, list(map(str, arguments)))


def test_check_names_file_line_and_reason_of_what_is_refused(folder: Path) -> None:
    wrong = folder / "wrong.yml"
    wrong.write_text(rule_text("s: {a|loud: 1}\ncondition: s"))

    result = run("check", folder)

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{wrong}:6: ")
    assert "1 rules, 0 correlations, 0 filters loaded; 1 refused" in result.stderr


def test_check_of_right_rules_is_quiet(folder: Path) -> None:
    result = run("check", folder)

    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads(run("check", folder, "--json").stdout)["refused"] == []


def test_test_runs_hits_and_misses_and_sequences(folder: Path) -> None:
    steps = [{"at": 0, "every": 1, "times": 3, "event": {"kind": "r0", "group": "g"}}]
    text = correlation("event_count", {"gte": 3}, rules=["r0"])
    (folder / "many.yml").write_text(f"{text}samdrift: {json.dumps({'hits': [steps], 'misses': [steps[:0]]})}\n")
    (folder / "r0.yml").write_text(base("r0"))

    result = run("test", folder)

    assert (result.exit_code, result.stdout) == (0, "")
    assert "4 examples of 2 rules; 0 wrong" in result.stderr


def test_test_names_the_example_that_is_wrong(folder: Path) -> None:
    path = folder / "logon.yml"
    path.write_text(path.read_text().replace("10.1.1.1", "192.0.2.1"))

    result = run("test", folder)

    assert result.exit_code == 1
    assert result.stdout == f"{path}:1: Refused: miss 1: fires\n"


def test_list_has_one_document_a_rule(folder: Path) -> None:
    (row,) = [json.loads(line) for line in run("list", folder, "--json").stdout.splitlines()]

    assert (row["title"], row["level"], row["about"], row["raises_alerts"]) == (
        "Refused", "high", "windows/security", True,
    )  # fmt: skip
    assert "Refused  (windows/security)" in run("list", folder).stdout


def test_coverage_is_a_navigator_layer(folder: Path) -> None:
    layer = json.loads(run("coverage", folder).stdout)

    assert layer["versions"]["layer"] == "4.5"
    assert [(each["techniqueID"], each["score"]) for each in layer["techniques"]] == [("T1110.003", 75)]


@pytest.mark.parametrize(
    ("event", "code", "lines"),
    [
        (EVENT, 0, ["Refused: fires", "+ log source:", "+   sel", "+   not", "-     ours"]),
        (
            {**EVENT, "IpAddress": "10.1.1.1"},
            3,
            ["does not fire", "-   not", "is in 10.0.0.0/8   [10.1.1.1]"],
        ),
        ({"EventID": 4625, "Channel": "Security"}, 0, ["the event has no such field"]),
        ({**EVENT, "Channel": "System"}, 3, ["- log source: product windows (yes); service security (the event is of"]),
    ],
)
def test_explain_says_why_and_why_not(
    folder: Path, tmp_path: Path, event: dict[str, object], code: int, lines: list[str]
) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event, indent=2))

    result = run("explain", folder / "logon.yml", path)

    assert result.exit_code == code, result.output
    assert [line for line in lines if line not in result.stdout] == [], result.stdout
    assert json.loads(run("explain", folder / "logon.yml", path, "--json").stdout)[0]["fires"] == (code == 0)


def test_explain_of_what_is_no_json_is_one_clear_line(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text("{")

    result = run("explain", folder / "logon.yml", path)

    assert result.exit_code == 1
    assert "no JSON" in str(result.exception)
