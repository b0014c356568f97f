"""`samdrift rules`: look after Sigma rules, without any server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from samdrift_logs.detect.correlate.correlation import Correlation
    from samdrift_logs.detect.explain import Part
    from samdrift_logs.detect.rules import Rule, RuleSet

CACHE = Path("~/.cache/samdrift/rules")
_SCORES = {"informational": 10, "low": 25, "medium": 50, "high": 75, "critical": 100}
folders = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH…"
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group("rules")
def command() -> None:
    """Check, test, list and explain Sigma rules. PATH is a folder or file with rules."""


@command.command("check")
@folders
@as_json_option
def check(paths: tuple[Path, ...], as_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Read every rule; name each one that cannot be loaded with file, line and reason.

    Exit codes: 0 every rule was loaded; 1 at least one was refused.
    """
    loaded = _load(paths)
    if as_json:
        _print_json(_check_as_json(loaded))
    else:
        for refusal in loaded.refused:
            click.echo(str(refusal))
        click.echo(
            f"{len(loaded.rules):,} rules, {len(loaded.correlations):,} correlations, {len(loaded.filters):,} filters "
            f"loaded; {len(loaded.refused):,} refused (rule set {loaded.version})",
            err=True,
        )
    if loaded.refused:
        sys.exit(1)


def _check_as_json(loaded: RuleSet) -> dict[str, object]:
    return {
        "rules": len(loaded.rules),
        "correlations": len(loaded.correlations),
        "filters": len(loaded.filters),
        "version": loaded.version,
        "refused": [{"file": each.file, "line": each.line, "reason": each.reason} for each in loaded.refused],
    }


@command.command("test")
@folders
@as_json_option
def test(paths: tuple[Path, ...], as_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Run the examples that rules bring along: hits must fire their rule, misses must not.

    Exit codes: 0 all are right; 1 one is not, or a rule was refused, or there are no examples.
    """
    from samdrift_logs.detect.examples import examples_of, try_examples

    loaded = _load(paths)
    verdicts = try_examples(loaded, examples_of(loaded))
    wrong = [verdict for verdict in verdicts if verdict.problem]
    if as_json:
        _print_json(
            _check_as_json(loaded)
            | {"examples": len(verdicts), "wrong": [f"{verdict.example}: {verdict.problem}" for verdict in wrong]}
        )
    else:
        for refusal in loaded.refused:
            click.echo(str(refusal))
        for verdict in wrong:
            click.echo(f"{verdict.example}: {verdict.problem}")
        tested = len({verdict.example.rule.id for verdict in verdicts})
        click.echo(f"{len(verdicts):,} examples of {tested:,} rules; {len(wrong):,} wrong", err=True)
    if wrong or loaded.refused or not verdicts:
        sys.exit(1)


@command.command("list")
@folders
@as_json_option
def list_rules(paths: tuple[Path, ...], as_json: bool) -> None:  # noqa: FBT001 - click passes by name
    """Print one line for each rule and correlation that is loaded."""
    loaded = _load(paths)
    for rule in _everything(loaded):
        row = _row(rule, is_silent=rule.id in loaded.silent)
        if as_json:
            _print_json(row)
        else:
            click.echo(f"{row['level']:<13} {row['id']}  {row['title']}  ({row['about']})")


def _row(rule: Rule | Correlation, *, is_silent: bool) -> dict[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "tags": list(rule.tags),
        "about": _about(rule),
        "raises_alerts": not is_silent,
        "file": rule.file,
        "line": rule.line,
    }


def _about(rule: Rule | Correlation) -> str:
    source = getattr(rule, "logsource", None)
    if source is None:
        return f"correlation {getattr(rule, 'kind', '')}"
    return "/".join(part for part in (source.product, source.category, source.service) if part)


@command.command("coverage")
@folders
@click.option("--name", default="Samdrift", show_default=True, help="Of the layer.")
def coverage(paths: tuple[Path, ...], name: str) -> None:
    """Print an ATT&CK Navigator layer: which techniques the rules speak of, and how severely.

    A technique with a rule but without data cannot be seen: the layer shows what rules cover, not what arrives.
    """
    _print_json(layer(_load(paths), name=name))


def layer(loaded: RuleSet, *, name: str) -> dict[str, object]:
    """Return a layer in the Navigator's format 4.5. The score is that of the severest rule of a technique."""
    rules_of: dict[str, list[Rule | Correlation]] = {}
    for rule in _everything(loaded):
        for technique in {_technique(tag) for tag in rule.tags} - {""}:
            rules_of.setdefault(technique, []).append(rule)
    return {
        "name": name,
        "versions": {"layer": "4.5", "navigator": "5.1.0"},
        "domain": "enterprise-attack",
        "description": f"{len(loaded.rules)} rules and {len(loaded.correlations)} correlations, {loaded.version}",
        "gradient": {"colors": ["#ffe766", "#8ec843"], "minValue": 0, "maxValue": 100},
        "techniques": [
            {
                "techniqueID": technique,
                "score": max(_SCORES[rule.level] for rule in rules),
                "enabled": True,
                "comment": "\n".join(sorted({rule.title for rule in rules})[:20]),
                "metadata": [{"name": "rules", "value": str(len(rules))}],
            }
            for technique, rules in sorted(rules_of.items())
        ],
    }


def _technique(tag: str) -> str:
    """Return T1003.001 of attack.t1003.001; empty for tactics, groups and software."""
    number = tag.lower().removeprefix("attack.t")
    return f"T{number}" if tag.lower().startswith("attack.t") and number[:4].isdigit() else ""


@command.command("explain")
@click.argument("rule_path", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="RULE")
@click.argument("event_path", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="EVENT.json")
@click.option("--type", "source_type", default="auto", show_default=True, help="Source type that reads the event.")
@as_json_option
def explain_rule(rule_path: Path, event_path: Path, source_type: str, as_json: bool) -> None:  # noqa: FBT001
    """Say why a rule is true of an event, or why not: each condition with what the event has there.

    RULE is a file with rules; EVENT.json one event as its source sends it. Lines that begin with + hold, with - do not.

    Exit codes: 0 a rule of the file fires; 3 none does; 1 something cannot be read.
    """
    from samdrift_logs.detect.explain import explain

    loaded = _load([rule_path])
    if not loaded.rules:
        reasons = "; ".join(map(str, loaded.refused)) or "it holds no rule"
        raise click.ClickException(f"{rule_path}: {reasons}")
    batch = _event(event_path, source_type)
    found = [(rule, explain(rule, batch)) for rule in loaded.rules]
    if as_json:
        import attrs

        _print_json([{"id": rule.id, "title": rule.title, **attrs.asdict(each)} for rule, each in found])
    else:
        for rule, each in found:
            click.echo(f"{rule.title}: {'fires' if each.fires else 'does not fire'}")
            click.echo(f"{'+' if each.is_asked else '-'} log source: {each.asked}")
            for line in _lines(each.condition, 0):
                click.echo(line)
    if not any(each.fires for _, each in found):
        sys.exit(3)


def _lines(part: Part, depth: int) -> Iterator[str]:
    found = f"   [{_printable(part.found)}]" if part.found else ""
    yield f"{'+' if part.holds else '-'} {'  ' * depth}{part.said}{found}"
    for inner in part.parts:
        yield from _lines(inner, depth + 1)


def _printable(text: str) -> str:
    """Show what an event brings without obeying it: escape sequences could rewrite what the terminal shows."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return shown if len(shown) <= 160 else f"{shown[:159]}…"


def _event(path: Path, source_type: str) -> Any:
    import datetime as dt
    import uuid

    from samdrift_logs.errors import InputRefused
    from samdrift_logs.events import RawBatch
    from samdrift_logs.normalise import normalise

    try:
        text = json.dumps(json.loads(path.read_bytes()), ensure_ascii=False, separators=(",", ":"))
    except ValueError as problem:
        raise InputRefused(f"no JSON: {problem}", file=str(path)) from problem
    nobody = uuid.UUID(int=0)
    raw = RawBatch(
        organisation=nobody,
        source=nobody,
        door="rules",
        peer="",
        received_at=dt.datetime.now(dt.UTC),
        lines=[text.encode()],
    )
    read = normalise([_Record(raw)], _OneSource(source_type))
    if not len(read.events):
        raise InputRefused(f"the event cannot be read: {read.rejects.table['reason'][0].as_py()}", file=str(path))
    return read.events


class _Record:
    """One line as a record of the journal."""

    partition = 0
    sequence = 1

    def __init__(self, batch: Any) -> None:
        self.batch = batch


class _OneSource:
    """A registry in which every source is of one type."""

    timezone = "UTC"

    def __init__(self, source_type: str) -> None:
        self.type = source_type

    def by_id(self, _source: object) -> _OneSource:
        return self


def _load(paths: Sequence[Path]) -> RuleSet:
    from samdrift_logs.detect.ruleset import load_rules

    return load_rules(paths, cache=CACHE.expanduser())


def _everything(loaded: RuleSet) -> list[Rule | Correlation]:
    return [*loaded.rules, *loaded.correlations]


def _print_json(document: Mapping[str, object] | Sequence[object]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, default=str))
