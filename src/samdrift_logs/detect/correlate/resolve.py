"""Drafts to correlations: references found, chains ordered, the fields that each must keep, and who stays silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from samdrift_logs.detect.cells import canonical
from samdrift_logs.detect.correlate.correlation import Correlation, outermost_first
from samdrift_logs.detect.correlate.parse import Draft
from samdrift_logs.detect.rules import Refusal, Rule


@attrs.frozen
class Resolved:
    """Correlations, innermost first; what was refused; ids of rules and correlations that raise no alert themselves."""

    correlations: tuple[Correlation, ...]
    refused: tuple[Refusal, ...]
    silent: frozenset[str]


class _Unknown(Exception):
    pass


def resolve(drafts: Sequence[Draft], rules: Sequence[Rule]) -> Resolved:
    """Look up what correlations refer to. One that refers to nothing is refused, and so is what is made of it."""
    refused: list[Refusal] = []
    good = list(drafts)
    while True:
        known = _Known(rules, [draft.correlation for draft in good])
        kept: list[Draft] = []
        found: list[Correlation] = []
        for draft in good:
            try:
                found.append(_with_ids(draft, known))
                kept.append(draft)
            except _Unknown as problem:
                refused.append(Refusal(draft.correlation.file, draft.correlation.line, str(problem)))
        if len(kept) == len(good):
            break
        good = kept
    try:
        ordered = outermost_first(found)
    except ValueError as circle:
        culprit = next(each for each in found if each.id == str(circle))
        refused.append(Refusal(culprit.file, culprit.line, "this correlation is made of itself"))
        rest = resolve([draft for draft in good if draft.correlation.id != culprit.id], rules)
        return Resolved(rest.correlations, (*refused, *rest.refused), rest.silent)
    planned = _with_columns(ordered, {draft.correlation.id: draft for draft in good}, known)
    return Resolved(tuple(reversed(planned)), tuple(refused), _silent(planned))


class _Known:
    def __init__(self, rules: Sequence[Rule], correlations: Sequence[Correlation]) -> None:
        called = [(each.id, each.name) for each in rules] + [(each.id, each.name) for each in correlations]
        self._ids = {identity for identity, _ in called}
        self._names: dict[str, list[str]] = {}
        for identity, name in called:
            if name:
                self._names.setdefault(name, []).append(identity)

    def id_of(self, reference: str) -> str:
        if reference.lower() in self._ids:
            return reference.lower()
        found = self._names.get(reference, [])
        if not found:
            raise _Unknown(f"it refers to {reference!r}, which is no id or name of a loaded rule")
        if len(found) > 1:
            raise _Unknown(f"it refers to {reference!r}, which is the name of {len(found)} rules")
        return found[0]


def _with_ids(draft: Draft, known: _Known) -> Correlation:
    correlation = attrs.evolve(draft.correlation, rules=tuple(map(known.id_of, draft.correlation.rules)))
    if len(set(correlation.rules)) < len(correlation.rules):
        raise _Unknown("it names a rule twice, by id and by name: each event counts once for a rule")
    for alias, fields in draft.aliases.items():
        missing = set(correlation.rules) - {known.id_of(reference) for reference in fields}
        if missing:
            raise _Unknown(f"the alias {alias!r} has no field for {', '.join(sorted(missing))}")
    return correlation


def _with_columns(ordered: Sequence[Correlation], drafts: Mapping[str, Draft], known: _Known) -> list[Correlation]:
    """Say what each correlation keeps of an event. Outermost first, for they ask the inner ones for fields."""
    asked: dict[str, dict[str, str]] = {correlation.id: {} for correlation in ordered}  # canonical → as written
    by_id = {correlation.id: correlation for correlation in ordered}
    delays: dict[str, int] = {}
    planned: list[Correlation] = []
    for correlation in reversed(ordered):
        inner = [by_id[rule] for rule in correlation.rules if rule in by_id]
        delays[correlation.id] = max((delays[each.id] + each.span_us for each in inner), default=0)
    for correlation in ordered:
        names = {canonical(name): name for name in (*correlation.group_by, *correlation.measured)}
        columns = tuple(
            (names | {key: name for key, name in asked[correlation.id].items() if key not in names}).values()
        )
        aliases = {
            canonical(alias): {known.id_of(reference): field for reference, field in fields.items()}
            for alias, fields in drafts[correlation.id].aliases.items()
        }
        reads: list[tuple[str, ...]] = []
        for rule in correlation.rules:
            fields = [aliases.get(canonical(column), {}).get(rule, column) for column in columns]
            if rule in asked:
                for field in fields:
                    asked[rule].setdefault(canonical(field), field)
            reads.append(tuple(canonical(field) for field in fields))
        planned.append(attrs.evolve(correlation, columns=columns, reads=tuple(reads), delay_us=delays[correlation.id]))
    return planned


def _silent(correlations: Sequence[Correlation]) -> frozenset[str]:
    """Return the rules that are part of correlations only: no correlation over them says `generate`."""
    inner = {rule for correlation in correlations for rule in correlation.rules}
    loud = {rule for correlation in correlations if correlation.generate for rule in correlation.rules}
    return frozenset(inner - loud)
