"""The document in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_words(document: Mapping[str, Any]) -> str:
    """Return the figures as a table for people."""
    machine, runs = document["machine"], document["runs"]
    yardstick = document["yardstick"]
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['system']}, Python {machine['python']}; load {machine['load_before']:g} before; "
        f"64 kB fdatasync {machine['fdatasync_ms']:.2f} ms",
        "",
        _row("", *(f"{run['rules_from']} ({run['rules']:,} rules)" for run in runs)),
    ]
    for label, value in _FIGURES:
        lines.append(_row(label, *(value(run) for run in runs)))
    lines += [
        "",
        f"orjson.loads over the same {yardstick['json_lines']:,} JSON lines: {yardstick['lines_per_s']:,} lines/s "
        f"({yardstick['us_per_line']:.1f} µs a line)",
        f"raw line, mean: {runs[0]['disk']['raw_bytes_per_event']:,.0f} bytes",
    ]
    return "\n".join(lines) + "\n"


def _row(label: str, *values: str) -> str:
    return f"{label:44}" + "".join(f"{value:>26}" for value in values)


def _delay(run: Mapping[str, Any], name: str) -> str:
    spread = run["steady"][name]
    return f"{spread['median']:,.0f} / {spread['p99']:,.0f} ms"


_FIGURES = (
    ("events/s, socket to acknowledged", lambda run: f"{run['burst']['accepted_per_s']:,}"),
    ("events/s, socket to detected", lambda run: f"{run['burst']['detected_per_s']:,}"),
    ("events/s, socket to stored and detected", lambda run: f"{run['burst']['stored_per_s']:,}"),
    ("  cores that others used meanwhile", lambda run: f"{run['burst']['cores_used_by_others']:.1f}"),
    (
        "processor time per event, receive / work",
        lambda run: "{receive:.0f} / {work:.0f} µs".format(**run["burst"]["cpu_us_per_event"]),
    ),
    ("steady feed, events/s", lambda run: f"{run['steady']['events_per_s']:,}"),
    ("  cores that others used meanwhile", lambda run: f"{run['steady']['cores_used_by_others']:.1f}"),
    ("sent to alert, median / p99", lambda run: _delay(run, "sent_to_alert_ms")),
    ("received to alert, median / p99", lambda run: _delay(run, "received_to_alert_ms")),
    ("alerts timed", lambda run: f"{run['steady']['alerts_timed']:,}"),
    ("alerts in all", lambda run: f"{run['steady']['alerts_in_all']:,}"),
    ("lake, bytes/event, compacted", lambda run: f"{run['disk']['lake_bytes_per_event']:,.0f}"),
    (
        "lake, bytes/event, before compaction",
        lambda run: f"{run['disk']['lake_bytes_per_event_before_compaction']:,.0f}",
    ),
    ("lake, files before / after", lambda run: "{files_before_compaction} / {files}".format(**run["disk"])),
    ("journal, bytes/event, until trimmed", lambda run: f"{run['disk']['journal_bytes_per_event']:,.0f}"),
    (
        "peak memory, receive / work",
        lambda run: "{receive:.0f} / {work:.0f} MiB".format(
            **{name: size / 2**20 for name, size in run["peak_memory_bytes"].items()}
        ),
    ),
    ("rules loaded in", lambda run: f"{run['rules_load_s']:.1f} s"),
    ("rules refused", lambda run: f"{run['rules_refused']:,}"),
    ("ledger and lake", lambda run: f"close at {run['checked']['stored']:,}"),
)
