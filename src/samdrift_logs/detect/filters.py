"""Global filters of Sigma: a condition that is added to rules, by id or name or to all of a log source."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sigma.filters import SigmaFilter
from sigma.policy.profiles import TrustedPolicy

from samdrift_logs.detect.cells import canonical, fold
from samdrift_logs.detect.expressions import And, Expression
from samdrift_logs.detect.rules import Logsource, Refusal, Rule
from samdrift_logs.detect.translate import Values, translate_detections
from samdrift_logs.errors import InputRefused

_NAMELESS = uuid.UUID("3b1a4b52-0f9c-5a39-9a55-6d2f1b7e0c33")


@attrs.frozen
class Filter:
    """One filter. `rules` are ids or names as written; None is any rule that its log source covers."""

    id: str
    title: str
    logsource: Logsource
    rules: tuple[str, ...] | None
    expression: Expression
    names: Mapping[str, str]
    file: str
    line: int


@attrs.frozen
class Filtered:
    """Rules with their filters; filters that could not be applied; titles of those that were."""

    rules: tuple[Rule, ...]
    refused: tuple[Refusal, ...]
    titles: tuple[str, ...]


def parse_filter(data: Mapping[str, Any], *, file: str, line: int, values: Values) -> Filter:
    """Return the filter of one document. Raises InputRefused or a SigmaError with the reason."""
    if "detection" in data or "correlation" in data:
        raise InputRefused("one document is a rule or a filter: put --- between them")
    parsed = SigmaFilter.from_dict(dict(data), policy=TrustedPolicy)
    expression = translate_detections(parsed.filter, values)
    rules = None if isinstance(parsed.filter.rules, str) else tuple(each.reference for each in parsed.filter.rules)
    source = parsed.logsource
    return Filter(
        id=str(parsed.id or uuid.uuid5(_NAMELESS, f"{parsed.title}\n{expression!r}")),
        title=parsed.title,
        logsource=Logsource(
            product=_lower(source.product), category=_lower(source.category), service=_lower(source.service)
        ),
        rules=rules,
        expression=expression,
        names=_spellings(data["filter"]),
        file=file,
        line=line,
    )


def filtered(rules: Sequence[Rule], filters: Sequence[Filter]) -> Filtered:
    """Add filters to the rules they name: a rule is then true where it was and its filters' conditions are too.

    A filter that names a rule which is not there, or which its log source does not cover, is refused whole: half a
    filter would be one that nobody wrote.
    """
    by_id = {rule.id: rule for rule in rules}
    refused: list[Refusal] = []
    titles: list[str] = []
    for each in filters:
        try:
            named = _named(each, list(by_id.values()))
        except InputRefused as problem:
            refused.append(Refusal(each.file, each.line, problem.reason))
            continue
        titles.append(each.title)
        for rule in named:
            both = And((rule.expression, each.expression))
            by_id[rule.id] = attrs.evolve(rule, expression=both, names={**each.names, **rule.names})
    return Filtered(tuple(by_id.values()), tuple(refused), tuple(titles))


def _named(each: Filter, rules: Sequence[Rule]) -> list[Rule]:
    if each.rules is None:
        found = [rule for rule in rules if _covers(each.logsource, rule.logsource)]
        if not found:
            raise InputRefused("no rule has the log source of this filter")
        return found
    named: dict[str, Rule] = {}
    for reference in each.rules:
        meant = [rule for rule in rules if rule.id == reference.lower() or rule.name == reference]
        if len(meant) != 1:
            what = "no id or name of a loaded rule" if not meant else f"the name of {len(meant)} rules"
            raise InputRefused(f"the filter names {reference!r}, which is {what}")
        if not _covers(each.logsource, meant[0].logsource):
            raise InputRefused(f"the log source of the filter does not cover that of {reference!r}")
        named[meant[0].id] = meant[0]
    return list(named.values())


def _covers(wider: Logsource, narrower: Logsource) -> bool:
    return all(
        wanted is None or wanted == has
        for wanted, has in (
            (wider.product, narrower.product),
            (wider.category, narrower.category),
            (wider.service, narrower.service),
        )
    )


def _lower(text: str | None) -> str | None:
    return fold(text) if text else None


def _spellings(section: Any) -> dict[str, str]:
    names: dict[str, str] = {}
    stack = [section]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            for key, value in part.items():
                name = str(key).split("|")[0]
                names.setdefault(canonical(name), name)
                stack.append(value)
        elif isinstance(part, list):
            stack.extend(part)
    return names
