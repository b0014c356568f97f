"""Scans over files: every kind of file, damage, interruption, progress."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import threading
from pathlib import Path

import pytest

from samdrift_logs.detect import load_rules
from samdrift_logs.errors import InputRefused
from samdrift_logs.runner import scan as scanning
from samdrift_logs.runner.scan import ScanMatch, ScanProgress, ScanSummary, scan
from tests.samdrift_logs.detect.batches import parse, rule_text

SYSMON = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Computer": "srv1"}
RULES = parse(
    rule_text(
        "s: {Image|endswith: '\\evil.exe'}\ncondition: s",
        title="evil",
        level="high",
        logsource={"product": "windows", "category": "process_creation"},
    ),
    rule_text(
        "k: [Failed password]\ncondition: k",
        title="ssh",
        level="low",
        logsource={"product": "linux", "service": "sshd"},
    ),
    "title: no detection\n",
)
SSH = b"<38>Nov 23 20:14:05 srv1 sshd[99]: Failed password for root from 10.0.0.9 port 4242 ssh2"


def event(image: str) -> bytes:
    return json.dumps({**SYSMON, "Image": image, "UtcTime": "2026-11-23 20:14:05.123"}).encode()


def run(*paths: Path, stop: threading.Event | None = None) -> tuple[ScanSummary, list[ScanMatch]]:
    found: list[ScanMatch] = []
    return scan(paths, RULES, on_match=found.append, stop=stop), found


def test_json_lines_are_scanned_with_their_line_numbers(tmp_path: Path) -> None:
    log = tmp_path / "events.ndjson"
    log.write_bytes(b"\n".join([event("c:\\a.exe"), b"", event("c:\\evil.exe"), b"{broken", event("d:\\EVIL.exe")]))

    summary, found = run(log)

    assert [(match.title, match.level, match.line, match.record) for match in found] == [
        ("evil", "high", 3, None),
        ("evil", "high", 5, None),
    ]
    assert found[0].fields == {"Image": "c:\\evil.exe"}
    assert (summary.files, summary.events, summary.matches, summary.rules_matched) == (1, 3, 2, 1)
    assert [(reject.line, reject.file) for reject in summary.rejected] == [(4, str(log))]
    assert sum(summary.rejects.values()) == 1
    assert (summary.rules, len(summary.refused), summary.interrupted) == (2, 1, False)
    assert summary.peak_memory_bytes > 1_000_000


def test_syslog_lines_are_scanned(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_bytes(SSH + b"\r\n" + SSH.replace(b"Failed", b"Accepted") + b"\n")

    summary, found = run(log)

    assert [(match.title, match.line) for match in found] == [("ssh", 1)]
    assert summary.events == 2


@pytest.mark.parametrize("name", ["array", "one object", "array on one line", "one after the other"])
def test_json_documents_are_scanned_object_by_object(tmp_path: Path, name: str) -> None:
    objects = [json.loads(event("c:\\evil.exe")), json.loads(event("c:\\x.exe"))]
    content = {
        "array": json.dumps(objects, indent=2),
        "one object": json.dumps(objects[0], indent=2),
        "array on one line": json.dumps(objects),
        "one after the other": "\n".join(json.dumps(each, indent=2) for each in objects),
    }[name]
    log = tmp_path / "export.json"
    log.write_text("\ufeff" + content)

    _, found = run(log)

    assert [(match.title, match.line) for match in found] == [("evil", 1)]


def test_gzip_and_utf16_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(SSH + b"\n"))
    (tmp_path / "b.ndjson").write_bytes(event("c:\\evil.exe").decode().encode("utf-16"))

    _, found = run(tmp_path)

    assert [match.title for match in found] == ["ssh", "evil"]


def test_damage_is_reported_and_the_scan_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.evtx").write_bytes(b"no event log at all")
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(SSH + b"\n" + os.urandom(100_000))[:5_000])
    (tmp_path / "c.json").write_text("[\n {broken\n")
    (tmp_path / "d.log").write_bytes(SSH)
    (tmp_path / "e.log").write_bytes(b"")

    summary, found = run(tmp_path)

    assert "ssh" in [match.title for match in found if match.file.endswith("d.log")]
    assert {Path(reject.file).name for reject in summary.rejected} >= {"a.evtx", "b.log.gz", "c.json"}
    assert summary.files == 5


def test_overlong_line_is_refused_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samdrift_logs.runner.log_files.MAX_LINE_BYTES", 200)
    log = tmp_path / "x.log"
    log.write_bytes(b"x" * 1000 + b"\n" + SSH)

    summary, found = run(log)

    assert [match.line for match in found] == [2]
    assert summary.rejects == {"line too long": 1}


def test_folder_leaves_out_what_is_no_log_but_a_named_file_is_read(tmp_path: Path) -> None:
    for name in ("README.md", "image.png", "LICENSE", ".hidden.log"):
        (tmp_path / name).write_bytes(SSH)
    (tmp_path / "binary.log").write_bytes(b"\0\1\2\3")
    (tmp_path / "messages").write_bytes(SSH)

    summary, found = run(tmp_path)
    _, named = run(tmp_path / "README.md")

    assert [Path(match.file).name for match in found] == ["messages"]
    assert sorted(Path(name).name for name in summary.skipped) == ["LICENSE", "README.md", "binary.log", "image.png"]
    assert len(named) == 1


def test_file_given_twice_is_scanned_once(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(SSH)

    summary, _ = run(log, tmp_path, log)

    assert summary.files == 1


def test_missing_path_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"nowhere: no such file or folder"):
        run(tmp_path / "nowhere")


def test_scan_stops_after_the_batch_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "BATCH_LINES", 10)
    (tmp_path / "x.log").write_bytes(b"\n".join([SSH] * 100))
    stop = threading.Event()
    found: list[ScanMatch] = []

    def stop_at_first(match: ScanMatch) -> None:
        found.append(match)
        stop.set()

    summary = scan([tmp_path], RULES, on_match=stop_at_first, stop=stop)

    assert summary.interrupted
    assert (summary.files, summary.events, len(found)) == (0, 10, 10)


def test_progress_reaches_the_total(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(b"\n".join([SSH] * 50))
    seen: list[ScanProgress] = []

    scan([tmp_path], RULES, on_match=lambda _match: None, on_progress=seen.append)

    assert seen[-1].bytes_done == seen[-1].bytes_total == 2 * len(b"\n".join([SSH] * 50))
    assert seen[-1].events == 100
    assert [each.bytes_done for each in seen] == sorted(each.bytes_done for each in seen)


def test_batches_do_not_change_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [event(f"c:\\{'evil' if number % 3 == 0 else number}.exe") for number in range(50)]
    (tmp_path / "x.ndjson").write_bytes(b"\n".join(lines))

    _, whole = run(tmp_path)
    monkeypatch.setattr(scanning, "BATCH_LINES", 7)
    _, pieces = run(tmp_path)

    assert whole == pieces
    assert len(whole) == 17


def test_times_are_utc(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(
        b"<38>2026-11-23T20:14:05+01:00 srv1 sshd[99]: Failed password for x from 1.2.3.4 port 1 ssh2"
    )

    _, found = run(tmp_path)

    assert found[0].event_at == dt.datetime(2026, 11, 23, 19, 14, 5, tzinfo=dt.UTC)


@pytest.mark.realdata
@pytest.mark.slow
def test_all_attack_samples_with_all_rules(shared_data: Path) -> None:
    rules = load_rules([shared_data / "sigma" / "rules"])
    found: list[ScanMatch] = []

    summary = scan([shared_data / "evtx" / "attack-samples"], rules, on_match=found.append)

    assert summary.files == 277
    assert summary.events > 8_000
    assert summary.matches == len(found) > 900
    assert all(match.record is not None and match.event_at is not None for match in found)
    titles = {match.title for match in found}
    assert {
        "Security Eventlog Cleared",
        "HackTool - UACMe Akagi Execution",
        "Sticky Key Like Backdoor Usage - Registry",
    } <= titles
