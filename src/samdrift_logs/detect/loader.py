"""Rule files to a RuleSet: every rule loaded, or refused with file, line and reason.

A folder is walked for *.yml and *.yaml. pySigma parses and validates on dictionaries that the C YAML loader built, of
which the nodes are kept for line numbers. Unknown top-level keys are custom attributes and ignored, save `samdrift`,
whose `response` (by language) says what to do.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import yaml
from sigma.exceptions import SigmaError
from sigma.policy.profiles import TrustedPolicy
from sigma.rule import SigmaRule
from sigma.rule.base import check_alias_expansion
from sigma.rule.detection import SigmaDetection

from samdrift_logs.detect.cells import canonical, fold
from samdrift_logs.detect.correlate.correlation import Correlation
from samdrift_logs.detect.correlate.parse import Draft, parse_correlation
from samdrift_logs.detect.correlate.resolve import resolve
from samdrift_logs.detect.expansions import expansions_in
from samdrift_logs.detect.files import RuleFile
from samdrift_logs.detect.filters import Filter, filtered, parse_filter
from samdrift_logs.detect.rules import Logsource, Refusal, Rule, RuleSet
from samdrift_logs.detect.translate import Values, translate_detection, translate_detections
from samdrift_logs.errors import InputRefused

# Rules without an id get one from their own content, so that it stays the same as long as they do.
_NAMELESS = uuid.UUID("5d0f2f0e-1c0c-5a53-9d0f-0c8f7a7a1f11")
_INACTIVE = {"deprecated", "unsupported"}
_LEVELS = ("informational", "low", "medium", "high", "critical")
MAX_FILE_BYTES = 2_000_000


class AliasBomb(SigmaError):
    """YAML aliases that would unfold to more than any rule holds, or that hold themselves."""


@attrs.frozen
class _Document:
    data: Any
    node: yaml.Node
    values: Values  # what `expand` puts in

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1


Outcome = Rule | Draft | Filter | Refusal


def parse_rules(files: Sequence[RuleFile]) -> RuleSet:
    """Turn rule files into a RuleSet. Never raises on content: what is wrong is in `refused`.

    A document is a rule, a correlation, a filter, or values for `expand`, which hold for the files of the whole set.
    """
    found: list[Rule | Draft | Filter] = []
    values, refused = expansions_in(files)
    first_places: dict[str, str] = {}
    for file in files:
        for outcome in _outcomes(file, values):
            if isinstance(outcome, Refusal):
                refused.append(outcome)
                continue
            meant = outcome.correlation if isinstance(outcome, Draft) else outcome
            if meant.id in first_places:
                taken = f"the id {meant.id} is already taken by {first_places[meant.id]}"
                refused.append(Refusal(meant.file, meant.line, taken))
                continue
            first_places[meant.id] = f"{meant.file}:{meant.line}"
            found.append(outcome)
    rules = [each for each in found if isinstance(each, Rule)]
    applied = filtered(rules, [each for each in found if isinstance(each, Filter)])
    resolved = resolve([each for each in found if isinstance(each, Draft)], applied.rules)
    return RuleSet(
        rules=applied.rules,
        refused=(*refused, *applied.refused, *resolved.refused),
        version=_version(applied.rules, resolved.correlations),
        correlations=resolved.correlations,
        silent=resolved.silent,
        filters=applied.titles,
    )


def _version(rules: Sequence[Rule], correlations: Sequence[Correlation]) -> str:
    digest = hashlib.sha256()
    for rule in sorted(rules, key=lambda each: each.id):
        digest.update(repr(rule.expression).encode())
        digest.update(repr((rule.id, rule.title, rule.level, rule.logsource, rule.tags, dict(rule.response))).encode())
    for correlation in sorted(correlations, key=lambda each: each.id):
        digest.update(repr(attrs.evolve(correlation, file="", line=0)).encode())
    return digest.hexdigest()[:16]


def _outcomes(file: RuleFile, values: Values) -> Iterator[Outcome]:
    if len(file.content) > MAX_FILE_BYTES:
        yield Refusal(file.name, 1, f"the file is larger than {MAX_FILE_BYTES} bytes")
        return
    try:
        for document in _documents(file, values):
            try:
                outcome = _outcome(file, document)
                if outcome is not None:
                    yield outcome
            except InputRefused as problem:
                yield Refusal(file.name, problem.line or document.line, problem.reason)
            except AliasBomb as problem:
                yield Refusal(file.name, document.line, _reason(problem))
            except (SigmaError, RecursionError, ValueError, TypeError, AttributeError, KeyError) as problem:
                yield Refusal(file.name, _line_of_problem(document), _reason(problem))
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        yield Refusal(file.name, mark.line + 1 if mark else 1, f"not YAML: {problem.problem or problem.context}")
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError, RecursionError) as problem:
        yield Refusal(file.name, 1, f"not YAML: {' '.join(str(problem).split())}")


def _outcome(file: RuleFile, document: _Document) -> Rule | Draft | Filter | None:
    _refuse_foreign(document)
    _refuse_repeated_keys(document.node)
    if "correlation" in document.data:
        return _correlation(file, document)
    if "filter" in document.data:
        return _filter(file, document)
    if "expand" in document.data and "detection" not in document.data:
        return None  # read already, before the rules that need it
    return _rule(file, document)


def _correlation(file: RuleFile, document: _Document) -> Draft:
    data = document.data
    _refuse_inactive(document)
    if "detection" in data:
        raise InputRefused("one document is a rule or a correlation: put --- between them")
    level = str(data.get("level", "informational")).lower()
    if level not in _LEVELS:
        raise InputRefused(f"{level!r} is no level", line=_line_at(document.node, ("level",)))
    try:
        return parse_correlation(
            data, file=file.name, line=document.line, level=level, response=_response(data.get("samdrift"))
        )
    except InputRefused as problem:
        raise InputRefused(problem.reason, line=_line_at(document.node, ("correlation",))) from problem


def _filter(file: RuleFile, document: _Document) -> Filter:
    try:
        data = {key: value for key, value in document.data.items() if key != "samdrift"}
        return parse_filter(data, file=file.name, line=document.line, values=document.values)
    except InputRefused as problem:
        raise InputRefused(problem.reason, line=_line_at(document.node, ("filter",))) from problem


def _documents(file: RuleFile, values: Values) -> Iterator[_Document]:
    loader = yaml.CSafeLoader(file.content.decode("utf-8-sig"))
    try:
        while loader.check_node():
            node = loader.get_node()
            data = loader.construct_document(node)
            if node is not None and data is not None:
                yield _Document(data, node, values)
    finally:
        loader.dispose()


def _rule(file: RuleFile, document: _Document) -> Rule:
    data = document.data
    parsed = SigmaRule.from_dict({key: value for key, value in data.items() if key != "samdrift"}, policy=TrustedPolicy)
    _refuse_inactive(document)
    expression = _located_expression(parsed, document)
    level = parsed.level.name.lower() if parsed.level else "informational"
    return Rule(
        id=str(parsed.id or uuid.uuid5(_NAMELESS, f"{parsed.title}\n{expression!r}")),
        title=parsed.title,
        level=level if level in _LEVELS else "informational",
        tags=tuple(str(tag) for tag in parsed.tags),
        status=parsed.status.name.lower() if parsed.status else "",
        description=(parsed.description or "").strip(),
        logsource=Logsource(
            product=_lower(parsed.logsource.product),
            category=_lower(parsed.logsource.category),
            service=_lower(parsed.logsource.service),
        ),
        expression=expression,
        file=file.name,
        line=document.line,
        name=parsed.name or "",
        references=tuple(str(each) for each in parsed.references),
        falsepositives=tuple(str(each) for each in parsed.falsepositives),
        author=parsed.author or "",
        response=_response(data.get("samdrift")),
        names=_spellings(data["detection"]),
    )


def _located_expression(parsed: SigmaRule, document: _Document) -> Any:
    try:
        return translate_detections(parsed.detection, document.values)
    except InputRefused as problem:
        raise InputRefused(problem.reason, line=_line_of_problem(document)) from problem


def _refuse_foreign(document: _Document) -> None:
    data = document.data
    if not isinstance(data, dict):
        raise InputRefused("not a Sigma rule: a rule is a YAML map with title, logsource and detection")
    check_alias_expansion(data, AliasBomb)
    if "action" in data:
        raise InputRefused(
            "action: belongs to rule collections of Sigma 1; write each rule out",
            line=_line_at(document.node, ("action",)),
        )
    if not data.keys() & {"detection", "logsource", "correlation", "filter", "expand"}:
        raise InputRefused("not a Sigma rule: it has neither logsource nor detection")


def _refuse_inactive(document: _Document) -> None:
    status = str(document.data.get("status", "")).lower()
    if status in _INACTIVE:
        raise InputRefused(f"its status is {status}", line=_line_at(document.node, ("status",)))


def _refuse_repeated_keys(root: yaml.Node) -> None:
    """YAML readers keep the last of two equal keys, so a condition would vanish without a word."""
    seen_nodes: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen_nodes:  # an alias
            continue
        seen_nodes.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            stack.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                    if key.value in keys:
                        raise InputRefused(
                            f"the key {key.value!r} stands twice in one map", line=key.start_mark.line + 1
                        )
                    keys.add(key.value)
                stack.append(value)


def _line_of_problem(document: _Document) -> int:
    """Find the line by asking again about smaller and smaller parts. Slow, but only on the way to a refusal."""
    data, node = document.data, document.node
    for section in ("correlation", "filter"):
        if isinstance(data, dict) and section in data:
            return _line_at(node, (section,))
    if not isinstance(data, dict) or not {"title", "logsource", "detection"} <= data.keys():
        return document.line
    detection = data["detection"]
    if isinstance(detection, dict):
        for name, definition in detection.items():
            if name == "timeframe":
                return _line_at(node, ("detection", name))
            if name == "condition" or _is_right(definition, document.values):
                continue
            for key in definition if isinstance(definition, dict) else ():
                if not _is_right({key: definition[key]}, document.values):
                    return _line_at(node, ("detection", name, key))
            return _line_at(node, ("detection", name))
    for key in data:
        if key not in {"detection", "samdrift"} and not _is_right_attribute(key, data[key]):
            return _line_at(node, (key,))
    return _line_at(node, ("detection", "condition"))


def _is_right(definition: Any, values: Values) -> bool:
    try:
        translate_detection(SigmaDetection.from_definition(definition, policy=TrustedPolicy), values)
    except Exception:
        return False
    return True


def _is_right_attribute(key: str, value: Any) -> bool:
    frame: dict[str, Any] = {
        "title": "frame",
        "logsource": {"product": "frame"},
        "detection": {"selection": {"frame": 1}, "condition": "selection"},
    }
    try:
        SigmaRule.from_dict({**frame, key: value})
    except Exception:
        return False
    return True


def _line_at(node: yaml.Node, path: Sequence[str]) -> int:
    line = int(node.start_mark.line) + 1
    for step in path:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == str(step):
                line, node = int(key.start_mark.line) + 1, value
                break
    return line


def _reason(problem: Exception) -> str:
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text if isinstance(problem, SigmaError) else f"not a valid Sigma rule: {type(problem).__name__}: {text}"


def _lower(text: str | None) -> str | None:
    return fold(text) if text else None


def _response(extra: Any) -> dict[str, str]:
    response = extra.get("response") if isinstance(extra, Mapping) else None
    if isinstance(response, str):
        return {"en": response.strip()}
    if isinstance(response, Mapping):
        return {str(language): str(text).strip() for language, text in response.items()}
    return {}


def _spellings(detection: Any) -> dict[str, str]:
    names: dict[str, str] = {}
    stack = [detection]
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
