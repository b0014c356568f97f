"""`samdrift scan`: Sigma rules over log files, without any server."""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from samdrift.cli.printing import printable

if TYPE_CHECKING:
    from samdrift_logs.detect.rules import RuleSet
    from samdrift_logs.runner.scan import ScanMatch, ScanProgress, ScanSummary

LEVELS = ("informational", "low", "medium", "high", "critical")
_LEVEL_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "informational": "dim"}
_WIDEST_FIELD = 160
_MOST_ROWS = 1000  # per level: the table is held in memory until the scan is done
EXIT_WRONG_COMMAND = 2
EXIT_INTERRUPTED = 130


@click.command("scan")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@click.option(
    "--rules", "rule_paths", multiple=True, required=True, type=click.Path(path_type=Path), metavar="DIR",
    help="Folder or file with Sigma rules; may be given several times.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One match a line on stdout, the summary as one line on stderr.")
@click.option(
    "--min-level", type=click.Choice(LEVELS), default="informational", help="Leave out rules below this level."
)
@click.option("--timezone", default="UTC", help="Zone of lines that have none of their own, e.g. Europe/Copenhagen.")
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("~/.cache/samdrift/rules"), metavar="DIR",
    help="Where the compiled rule set is kept between scans.  [default: ~/.cache/samdrift/rules]",
)  # fmt: skip
def command(
    paths: tuple[Path, ...],
    rule_paths: tuple[Path, ...],
    as_json: bool,  # noqa: FBT001 - click passes by name
    min_level: str,
    timezone: str,
    cache: Path,
) -> None:
    """Evaluate Sigma rules over log files: EVTX, JSON and lines of text, plain or gzipped.

    PATH is a file or a folder, which is searched with everything below it. Nothing is written but the cache of the
    compiled rules.

    Exit codes: 0 the scan ran to its end, with or without matches; 1 no rule could be loaded, or a path cannot be
    read; 2 the command line is wrong; 130 interrupted (what was found so far has been printed).
    """
    from samdrift_logs.errors import InputRefused

    try:
        summary = _scan(paths, rule_paths, timezone, cache.expanduser(), min_level, as_json=as_json)
    except InputRefused as error:
        raise click.ClickException(str(error)) from error
    if summary.interrupted:
        sys.exit(EXIT_INTERRUPTED)


def _scan(
    paths: Sequence[Path], rule_paths: Sequence[Path], timezone: str, cache: Path, min_level: str, *, as_json: bool
) -> ScanSummary:
    from samdrift_logs.runner.scan import scan

    rules = _rules(rule_paths, cache, min_level)
    gc.freeze()  # the rules stay to the end: the collector need not walk them
    printer = _JsonPrinter() if as_json else _TablePrinter()
    with _stopped_by_interrupt() as stop, printer.progress() as on_progress:
        summary = scan(
            paths,
            rules,
            on_match=printer.match,
            on_progress=on_progress,
            stop=stop,
            timezone=_checked_zone(timezone),
            cache=cache,
        )
    printer.summary(summary)
    return summary


def _checked_zone(name: str) -> str:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"{name!r} is no time zone; try Europe/Copenhagen", param_hint="--timezone") from error
    return name


def _rules(paths: Sequence[Path], cache: Path, min_level: str) -> RuleSet:
    import attrs

    from samdrift_logs.detect.ruleset import load_rules
    from samdrift_logs.errors import InputRefused

    rules = load_rules(paths, cache=cache)
    where = ", ".join(map(str, paths))
    if not rules.rules and not rules.refused:
        raise InputRefused("no Sigma rule (*.yml) below it: give --rules another folder", file=where)
    if not rules.rules:
        first = "\n".join(f"  {refusal}" for refusal in rules.refused[:5])
        raise InputRefused(f"none of {len(rules.refused)} rules could be loaded:\n{first}", file=where)
    kept = [rule for rule in rules.rules if LEVELS.index(rule.level) >= LEVELS.index(min_level)]
    return attrs.evolve(rules, rules=tuple(kept))


@contextlib.contextmanager
def _stopped_by_interrupt() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set; a second Ctrl-C ends at once."""
    import signal

    stop = threading.Event()

    def ask(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def match_as_json(match: ScanMatch) -> dict[str, object]:
    """Return what one line of `scan --json` holds."""
    return {
        "rule_id": match.rule_id,
        "title": match.title,
        "level": match.level,
        "tags": list(match.tags),
        "time": match.event_at.isoformat() if match.event_at else None,
        "file": match.file,
        "record": match.record,
        "line": match.line,
        "fields": dict(match.fields),
    }


def summary_as_json(summary: ScanSummary) -> dict[str, object]:
    """Return what the summary line of `scan --json` holds."""
    return {
        "files": summary.files,
        "events": summary.events,
        "matches": summary.matches,
        "rules_matched": summary.rules_matched,
        "rules_loaded": summary.rules,
        "rules_refused": [
            {"file": refusal.file, "line": refusal.line, "reason": refusal.reason} for refusal in summary.refused
        ],
        "ruleset_version": summary.ruleset_version,
        "rejects": dict(summary.rejects),
        "rejected": [
            {"file": reject.file, "record": reject.record, "line": reject.line, "reason": reject.reason}
            for reject in summary.rejected
        ],
        "skipped": list(summary.skipped),
        "events_per_s": summary.events_per_s,
        "elapsed_s": summary.elapsed_s,
        "peak_memory_bytes": summary.peak_memory_bytes,
        "interrupted": summary.interrupted,
    }


class _JsonPrinter:
    """Machine-readable: matches on stdout, progress nowhere, the summary on stderr."""

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[ScanProgress], None]]:
        yield lambda _progress: None

    def match(self, match: ScanMatch) -> None:
        sys.stdout.write(json.dumps(match_as_json(match), ensure_ascii=False, default=str) + "\n")

    def summary(self, summary: ScanSummary) -> None:
        sys.stdout.flush()
        sys.stderr.write(json.dumps(summary_as_json(summary), ensure_ascii=False) + "\n")


class _TablePrinter:
    """For people: a progress bar on stderr, the matches as a table on stdout, the summary on stderr."""

    def __init__(self) -> None:
        self._matches: dict[str, list[ScanMatch]] = {level: [] for level in reversed(LEVELS)}
        self._left_out = 0

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[ScanProgress], None]]:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("scanning"), BarColumn(), DownloadColumn(),
            TextColumn("{task.fields[events]} events, {task.fields[matches]} matches"), TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("scan", total=None, events=0, matches=0)

            def show(progress: ScanProgress) -> None:
                bar.update(
                    task,
                    total=progress.bytes_total,
                    completed=progress.bytes_done,
                    events=progress.events,
                    matches=progress.matches,
                )

            yield show

    def match(self, match: ScanMatch) -> None:
        rows = self._matches[match.level]
        if len(rows) < _MOST_ROWS:
            rows.append(match)
        else:
            self._left_out += 1

    def summary(self, summary: ScanSummary) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console()
        if not console.is_terminal:
            console = Console(width=200)
        table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
        for title in ("Level", "Time (UTC)", "Rule", "Where", "Fields"):
            table.add_column(title, overflow="fold")
        for match in (each for rows in self._matches.values() for each in rows):
            table.add_row(
                Text(match.level, style=_LEVEL_STYLES[match.level]),
                match.event_at.strftime("%Y-%m-%d %H:%M:%S") if match.event_at else "",
                Text(printable(match.title)),
                Text(printable(f"{Path(match.file).name}:{match.record or match.line}")),
                Text(_short_fields(match)),
            )
        if table.row_count:
            console.print(table)
        sys.stdout.flush()
        if self._left_out:
            sys.stderr.write(f"{self._left_out:,} more matches are not in the table; --json prints every one\n")
        sys.stderr.write(summary_text(summary))


def _short_fields(match: ScanMatch) -> str:
    shown = [printable(f"{name}={value}") for name, value in match.fields.items()]
    return "\n".join(line if len(line) <= _WIDEST_FIELD else f"{line[: _WIDEST_FIELD - 1]}…" for line in shown)


def summary_text(summary: ScanSummary) -> str:
    """Return the summary for people."""
    lines = [
        f"{summary.events:,} events in {summary.files:,} files; {summary.matches:,} matches of "
        f"{summary.rules_matched:,} rules; {summary.events_per_s:,.0f} events/s, {summary.elapsed_s:.1f} s, "
        f"peak memory {summary.peak_memory_bytes / 1e6:,.0f} MB",
        f"{summary.rules:,} rules loaded, {len(summary.refused):,} refused (rule set {summary.ruleset_version})",
        *(f"  refused: {refusal}" for refusal in summary.refused),
    ]
    if summary.rejects:
        lines.append(f"{sum(summary.rejects.values()):,} records or lines could not be read:")
        lines.extend(f"  {count:,} × {reason}" for reason, count in summary.rejects.items())
    if summary.skipped:
        lines.append(f"{len(summary.skipped):,} files are no logs and were left out")
    if summary.interrupted:
        lines.append("interrupted: what comes after was not looked at")
    return "\n".join(lines) + "\n"
