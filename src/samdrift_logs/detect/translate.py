"""From what pySigma has parsed to our own typed expressions.

pySigma applies the modifiers to the values (base64, windash, wide …) and parses conditions; here its types become
atoms, and whatever we cannot honour exactly is refused with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sigma.conditions import ConditionAND, ConditionIdentifier, ConditionNOT, ConditionOR, ConditionSelector
from sigma.exceptions import SigmaValueError
from sigma.modifiers import (
    SigmaContainsModifier,
    SigmaEndswithModifier,
    SigmaRegularExpressionModifier,
    SigmaStartswithModifier,
    SigmaWideModifier,
    modifier_mapping,
)
from sigma.rule.detection import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from samdrift_logs.detect.cells import canonical, fold, text_of
from samdrift_logs.detect.expressions import (
    And,
    Compare,
    Exists,
    Expression,
    Glob,
    InNetwork,
    Keyword,
    KeywordPattern,
    Named,
    Not,
    Null,
    Or,
    Order,
    Part,
    Pattern,
    Position,
    Present,
    SameAs,
    Text,
    Wildcard,
)
from samdrift_logs.detect.regexes import searcher
from samdrift_logs.errors import InputRefused

_ORDERS = {
    CompareOperators.LT: Order.LESS,
    CompareOperators.LTE: Order.LESS_EQUAL,
    CompareOperators.GT: Order.GREATER,
    CompareOperators.GTE: Order.GREATER_EQUAL,
}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}
_AROUND_PATTERNS = {SigmaContainsModifier, SigmaStartswithModifier, SigmaEndswithModifier}
_MAX_DEPTH = 60
_LARGEST_EXACT = 2**53

# Sigma 2.1 names it so and `wide` an alias of it; pySigma 2.0 knows only the alias.
modifier_mapping.setdefault("utf16le", SigmaWideModifier)

Parts = tuple[str | Wildcard, ...]
Values = Mapping[str, Sequence[str]]
NO_VALUES: Values = {}


class ExpressionRefused(InputRefused):
    """A detection that cannot be evaluated as it is written."""


def translate_detections(detections: SigmaDetections, values: Values = NO_VALUES) -> Expression:
    """Return the expression of a whole rule: its conditions, OR-linked. Raises InputRefused or a SigmaError.

    `values` are those that `expand` puts in, by name.
    """
    if "timeframe" in detections.detections:
        raise ExpressionRefused("timeframe belongs to aggregations of Sigma 1: write a correlation rule")
    selections = {name: translate_detection(detection, values) for name, detection in detections.detections.items()}
    conditions = [
        _condition(parsed.parse(postprocess=False), detections, selections, depth=0)
        for parsed in detections.parsed_condition
    ]
    return _joined(Or, conditions)


def _condition(
    node: Any, detections: SigmaDetections, selections: Mapping[str, Expression], *, depth: int
) -> Expression:
    if depth > _MAX_DEPTH:
        raise ExpressionRefused(f"the condition is nested more than {_MAX_DEPTH} deep")
    if isinstance(node, ConditionIdentifier):
        if node.identifier not in selections:
            raise ExpressionRefused(f"the condition names {node.identifier!r}, which is not among the selections")
        return Named(node.identifier, selections[node.identifier])
    if isinstance(node, ConditionSelector):
        found = node.resolve_referenced_detections(detections)
        if not found:
            raise ExpressionRefused(f"'{node.args[0]} of {node.pattern}' fits none of the selections")
        kind = And if node.cond_class is ConditionAND else Or
        return _joined(kind, [_condition(item, detections, selections, depth=depth + 1) for item in found])
    children = [_condition(argument, detections, selections, depth=depth + 1) for argument in node.args]
    if isinstance(node, ConditionNOT):
        return Not(children[0])
    if isinstance(node, ConditionAND):
        return _joined(And, children)
    if isinstance(node, ConditionOR):
        return _joined(Or, children)
    raise ExpressionRefused(f"the condition holds {type(node).__name__}, which is unknown here")


def translate_detection(detection: SigmaDetection, values: Values = NO_VALUES) -> Expression:
    """Return the expression of one selection: a map is AND over its items, a list of maps is OR."""
    kind = And if detection.item_linking is ConditionAND else Or
    children = [
        translate_detection(item, values) if isinstance(item, SigmaDetection) else translate_item(item, values)
        for item in detection.detection_items
    ]
    return _joined(kind, children)


def translate_item(item: SigmaDetectionItem, values: Values = NO_VALUES) -> Expression:
    """Return the expression of one `field|modifiers: values`. Values are OR-linked, AND-linked with `all`."""
    if not item.value:
        raise ExpressionRefused(f"{item.field or 'a keyword list'} has an empty list of values")
    if SigmaRegularExpressionModifier in item.modifiers and _AROUND_PATTERNS & set(item.modifiers):
        raise ExpressionRefused("re searches anywhere in the value: it goes with no contains, startswith or endswith")
    kind = And if item.value_linking is ConditionAND else Or
    given = [_expanded(value, values) for value in item.value]
    if item.field is None:
        joined = _joined(kind, [_keyword(value) for value in given])
    else:
        field = canonical(item.field)
        joined = _joined(kind, [_field_value(field, value) for value in given])
    return Not(joined) if item.negated else joined


def _expanded(value: SigmaType, values: Values) -> SigmaType:
    """Put values in for the names between per cent signs; each makes a value of its own, of which any is enough."""
    if isinstance(value, SigmaExpansion):
        return SigmaExpansion([_expanded(each, values) for each in value.values])
    if not isinstance(value, SigmaString | SigmaRegularExpression) or not value.contains_placeholder():
        return value
    is_pattern = isinstance(value, SigmaRegularExpression)

    def given(name: Placeholder) -> Iterator[SigmaString]:
        if not values.get(name.name):
            raise ExpressionRefused(f"expand needs the values of %{name.name}%, and no `expand:` document gives them")
        for text in values[name.name]:
            plain = SigmaString()
            plain.s = [re.escape(text)] if is_pattern else SigmaString(text).s
            yield plain

    try:
        made = value.replace_placeholders(given)
    except SigmaValueError as problem:
        raise ExpressionRefused(f"expand makes too many values: {problem}") from problem
    is_cased = isinstance(value, SigmaCasedString)
    return SigmaExpansion([_cased(each) if is_cased and isinstance(each, SigmaString) else each for each in made])


def _cased(value: SigmaString) -> SigmaCasedString:
    cased = SigmaCasedString()
    cased.s = value.s
    return cased


def _field_value(field: str, value: SigmaType) -> Expression:
    if isinstance(value, SigmaExpansion):
        return _joined(Or, [_field_value(field, each) for each in value.values])
    for kind, make in _FIELD_ATOMS:
        if isinstance(value, kind):
            return make(field, value)
    raise ExpressionRefused(f"a value of kind {type(value).__name__} is unknown here")


def _text(field: str, value: SigmaString) -> Expression:
    cased = isinstance(value, SigmaCasedString)
    parts = _parts(value, cased=cased)
    if parts == (Wildcard.MANY,):
        return Present(field)
    literals = [part for part in parts if isinstance(part, str)]
    many_before = bool(parts) and parts[0] is Wildcard.MANY
    many_after = len(parts) > 1 and parts[-1] is Wildcard.MANY
    inner = parts[many_before : len(parts) - many_after]
    if len(literals) > 1 or any(isinstance(part, Wildcard) for part in inner):
        return Glob(field, parts, cased)
    position = {
        (False, False): Position.EQUALS,
        (True, True): Position.CONTAINS,
        (False, True): Position.STARTS,
        (True, False): Position.ENDS,
    }[many_before, many_after]
    return Text(field, position, "".join(literals), cased)


def _parts(value: SigmaString, *, cased: bool) -> Parts:
    parts: list[str | Wildcard] = []
    for part in value.s:
        if isinstance(part, Placeholder):
            raise ExpressionRefused(f"expand needs the values of %{part.name}%, and none are given")
        if isinstance(part, SpecialChars):
            wildcard = Wildcard.MANY if part is SpecialChars.WILDCARD_MULTI else Wildcard.ONE
            if wildcard is Wildcard.ONE or parts[-1:] != [Wildcard.MANY]:
                parts.append(wildcard)
        elif part:
            text = part if cased else fold(part)
            if parts and isinstance(parts[-1], str):
                parts[-1] += text
            else:
                parts.append(text)
    return tuple(parts)


def _number(field: str, value: SigmaNumber) -> Expression:
    return Text(field, Position.EQUALS, fold(text_of(_exact(value))))


def _exact(value: SigmaNumber) -> int | float:
    """pySigma turns whole numbers that no float can hold into the nearest one that it can."""
    if isinstance(value.number, float) and abs(value.number) >= _LARGEST_EXACT:
        raise ExpressionRefused(
            f"the number near {value.number:.0f} is too large to be exact: write it as text, 'in quotes'"
        )
    return value.number


def _time_part(field: str, value: SigmaTimestampPart) -> Expression:
    return Compare(field, Order.EQUAL, value.number, Part(value.timestamp_part.name.lower()))


def _compare(field: str, value: SigmaCompareExpression) -> Expression:
    part = Part(value.number.timestamp_part.name.lower()) if isinstance(value.number, SigmaTimestampPart) else None
    return Compare(field, _ORDERS[value.op], _exact(value.number), part)


def _pattern(field: str, value: SigmaRegularExpression) -> Expression:
    pattern, flags = _checked_pattern(value)
    return Pattern(field, pattern, flags)


def _checked_pattern(value: SigmaRegularExpression) -> tuple[str, str]:
    for part in value.regexp.s:
        if isinstance(part, Placeholder):
            raise ExpressionRefused(f"expand needs the values of %{part.name}%, and none are given")
    pattern = str(value.regexp)
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    searcher(pattern, flags)
    return pattern, flags


def _field_reference(field: str, value: SigmaFieldReference) -> Expression:
    position = {
        (False, False): Position.EQUALS,
        (True, True): Position.CONTAINS,
        (True, False): Position.STARTS,
        (False, True): Position.ENDS,
    }[value.starts_with, value.ends_with]
    return SameAs(field, canonical(value.field), position)


def _network(field: str, value: SigmaCIDRExpression) -> Expression:
    return InNetwork(field, value.network)


def _exists(field: str, value: SigmaExists) -> Expression:
    return Exists(field) if value.exists else Not(Exists(field))


# First fit wins, so the special kind stands before the general one.
_FIELD_ATOMS: Sequence[tuple[type[SigmaType], Callable[[str, Any], Expression]]] = (
    (SigmaString, _text),
    (SigmaTimestampPart, _time_part),
    (SigmaNumber, _number),
    (SigmaBool, lambda field, value: Text(field, Position.EQUALS, text_of(value.boolean))),
    (SigmaNull, lambda field, _value: Null(field)),
    (SigmaRegularExpression, _pattern),
    (SigmaCIDRExpression, _network),
    (SigmaCompareExpression, _compare),
    (SigmaExists, _exists),
    (SigmaFieldReference, _field_reference),
)


def _keyword(value: SigmaType) -> Expression:
    if isinstance(value, SigmaExpansion):
        return _joined(Or, [_keyword(each) for each in value.values])
    if isinstance(value, SigmaString):
        cased = isinstance(value, SigmaCasedString)
        parts = _parts(value, cased=cased)
        if not any(isinstance(part, str) for part in parts):
            raise ExpressionRefused("a keyword without any text would fit every event")
        return Keyword(_trimmed(parts), cased)
    if isinstance(value, SigmaNumber) and not isinstance(value, SigmaTimestampPart):
        return Keyword((fold(text_of(_exact(value))),))
    if isinstance(value, SigmaRegularExpression):
        return KeywordPattern(*_checked_pattern(value))
    raise ExpressionRefused(f"a keyword is text, a number or a regular expression, not {type(value).__name__}")


def _trimmed(parts: Parts) -> Parts:
    start = 1 if parts[0] is Wildcard.MANY else 0
    end = len(parts) - (1 if parts[-1] is Wildcard.MANY else 0)
    return parts[start:end]


def _joined(kind: type[And] | type[Or], children: Sequence[Expression]) -> Expression:
    if len(children) == 1:
        return children[0]
    flat: list[Expression] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else [child])
    return kind(tuple(flat))
