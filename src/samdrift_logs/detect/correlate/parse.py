"""A correlation document to a Correlation whose references are still as written. `resolve` looks them up."""

from __future__ import annotations

import itertools
import math
import uuid
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.policy.profiles import TrustedPolicy

from samdrift_logs.detect.cells import canonical
from samdrift_logs.detect.correlate.correlation import (
    OPERATORS,
    Bounds,
    Correlation,
    Extended,
    Kind,
    Number,
    Wanted,
)
from samdrift_logs.errors import InputRefused

# Correlations without an id get one from their own content.
_NAMELESS = uuid.UUID("0a5a2d0c-6c5e-5f0e-8a4e-4a3a3f1f0b7d")
_KNOWN_KEYS = {"type", "rules", "group-by", "timespan", "condition", "aliases", "generate"}
_MOST_ALTERNATIVES = 64
_MICROSECONDS = 1_000_000

Literals = tuple[tuple[int, bool], ...]


@attrs.frozen
class Draft:
    """A correlation whose `rules` are names or ids as written; `aliases` is alias → reference → field."""

    correlation: Correlation
    aliases: Mapping[str, Mapping[str, str]]


def parse_correlation(
    data: Mapping[str, Any], *, file: str, line: int, level: str, response: Mapping[str, str]
) -> Draft:
    """Return the draft of one document. Raises InputRefused or a SigmaError with the reason."""
    section = data["correlation"]
    if not isinstance(section, dict):
        raise InputRefused("correlation: is a map with type, rules, timespan and condition")
    unknown = sorted(map(str, section.keys() - _KNOWN_KEYS))
    if unknown:
        raise InputRefused(f"correlation has {', '.join(unknown)}, which is unknown here")
    parsed = SigmaCorrelationRule.from_dict(_for_pysigma(data), policy=TrustedPolicy)
    kind = Kind(parsed.type.name.lower())
    condition, rules = _condition(section.get("condition"), kind, _references(section.get("rules")))
    if len(set(rules)) < len(rules):
        raise InputRefused("correlation names a rule twice: each event counts once for a rule")
    measured, percentile = _measured(section.get("condition"), kind)
    correlation = Correlation(
        id=str(parsed.id or uuid.uuid5(_NAMELESS, f"{parsed.title}\n{section!r}")),
        name=parsed.name or "",
        title=parsed.title,
        level=level,
        tags=tuple(str(tag) for tag in parsed.tags),
        status=parsed.status.name.lower() if parsed.status else "",
        description=(parsed.description or "").strip(),
        kind=kind,
        rules=rules,
        span_us=parsed.timespan.seconds * _MICROSECONDS,
        condition=condition,
        group_by=tuple({canonical(name): name for name in parsed.group_by or ()}.values()),
        measured=measured,
        percentile=percentile,
        generate=parsed.generate,
        file=file,
        line=line,
        references=tuple(str(each) for each in parsed.references),
        falsepositives=tuple(str(each) for each in parsed.falsepositives),
        author=parsed.author or "",
        response=response,
    )
    aliases = section.get("aliases") or {}
    return Draft(correlation, {str(name): {str(k): str(v) for k, v in of.items()} for name, of in aliases.items()})


def _for_pysigma(data: Mapping[str, Any]) -> dict[str, Any]:
    """pySigma knows one comparison in a condition; ranges have several, and a percentile may have a fraction."""
    section = dict(data["correlation"])
    condition = section.get("condition")
    if isinstance(condition, dict):
        first = next((operator for operator in OPERATORS if operator in condition), None)
        kept = {key: value for key, value in condition.items() if key not in (*OPERATORS, "percentile")}
        section["condition"] = kept | ({first: condition[first]} if first else {})
    return {key: value for key, value in data.items() if key != "samdrift"} | {"correlation": section}


def _references(rules: Any) -> tuple[str, ...]:
    if rules is None:
        return ()
    return (rules,) if isinstance(rules, str) else tuple(str(rule) for rule in rules)


def _condition(condition: Any, kind: Kind, rules: tuple[str, ...]) -> tuple[Bounds | Extended, tuple[str, ...]]:
    if isinstance(condition, str):
        return _extended(condition, rules)
    if not rules:
        raise InputRefused("correlation names no rules")
    if condition is None:
        if not kind.is_temporal:
            raise InputRefused(f"{kind} needs a condition: how many are enough")
        return Bounds((("gte", len(rules)),)), rules
    found = tuple((operator, _threshold(condition[operator])) for operator in OPERATORS if operator in condition)
    if kind.is_temporal and any(operator in ("gte", "eq") and threshold > len(rules) for operator, threshold in found):
        raise InputRefused(f"the condition asks for more than the {len(rules)} rules there are")
    return Bounds(found), rules


def _threshold(value: Any) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputRefused(f"a condition compares with a number, not {value!r}")
    exact = Fraction(str(value))
    return exact.numerator if exact.denominator == 1 else exact


def _measured(condition: Any, kind: Kind) -> tuple[tuple[str, ...], Number | None]:
    condition = condition if isinstance(condition, dict) else {}
    field, percentile = condition.get("field"), condition.get("percentile")
    fields = tuple(map(str, field)) if isinstance(field, list) else () if field is None else (str(field),)
    if fields and not (kind.is_numeric or kind is Kind.VALUE_COUNT):
        raise InputRefused(f"{kind} measures no field")
    if kind.is_numeric and len(fields) != 1:
        raise InputRefused(f"{kind} measures exactly one field")
    if kind is Kind.VALUE_COUNT and not fields:
        raise InputRefused("value_count needs a field whose values it counts")
    if kind is not Kind.VALUE_PERCENTILE:
        if percentile is not None:
            raise InputRefused(f"{kind} has no percentile")
        return fields, None
    if percentile is None:
        raise InputRefused("value_percentile needs percentile, from 0 to 100")
    share = _threshold(percentile)
    if not 0 <= share <= 100:
        raise InputRefused("percentile is from 0 to 100")
    return fields, share


def _extended(text: str, rules: tuple[str, ...]) -> tuple[Extended, tuple[str, ...]]:
    parsed = SigmaExtendedCorrelationCondition(text)
    rules = rules or tuple(parsed.get_referenced_rules())
    alternatives = {_without_repeats(each): None for each in _alternatives(parsed.parsed, rules, met=True)}
    possible = [each for each in alternatives if not any((place, not met) in each for place, met in each)]
    if not possible:
        raise InputRefused("the condition can never be true")
    if any(not any(met for _, met in each) for each in possible):
        raise InputRefused("the condition is true where nothing happens: there is no event to tell of it")
    return Extended(text, tuple(Wanted(each) for each in possible)), rules


def _alternatives(node: Any, rules: Sequence[str], *, met: bool) -> list[Literals]:
    """Return the disjunctive normal form, each alternative in the order of the text."""
    if isinstance(node, SigmaRuleReference):
        return [((rules.index(node.reference), met),)]
    assert isinstance(node, CorrelationConditionItem)
    if isinstance(node, CorrelationConditionNOT):
        return _alternatives(node.args[0], rules, met=not met)
    parts = [_alternatives(argument, rules, met=met) for argument in node.args]
    if isinstance(node, CorrelationConditionAND) != met:
        found = [each for part in parts for each in part]
    else:
        if math.prod(map(len, parts)) > _MOST_ALTERNATIVES:
            raise InputRefused(f"the condition has more than {_MOST_ALTERNATIVES} alternatives")
        found = [tuple(itertools.chain.from_iterable(each)) for each in itertools.product(*parts)]
    return found


def _without_repeats(literals: Literals) -> Literals:
    return tuple(dict.fromkeys(literals))
