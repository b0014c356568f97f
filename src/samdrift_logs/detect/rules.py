"""A rule, a refusal and a rule set, as values. What loads them is `loader`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from samdrift_logs.detect.correlate.correlation import Correlation
from samdrift_logs.detect.expressions import Expression, fields_read


@attrs.frozen(kw_only=True)
class Logsource:
    """Which events a rule speaks of: what is None is not asked for. Lower case."""

    product: str | None = None
    category: str | None = None
    service: str | None = None


@attrs.frozen(kw_only=True)
class Rule:
    """One Sigma rule, ready to be planned.

    `level` is informational, low, medium, high or critical. `response` says what to do, by language ("da", "en"), from
    the rule's own `samdrift.response`. `name` is what correlations and filters may call it. `names` maps each canonical
    field name to the spelling the rule uses.
    """

    id: str
    title: str
    level: str
    tags: tuple[str, ...]
    status: str
    description: str
    logsource: Logsource
    expression: Expression
    file: str
    line: int
    name: str = ""
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    author: str = ""
    response: Mapping[str, str] = attrs.field(factory=dict)
    names: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the canonical names of the fields this rule reads."""
        return fields_read(self.expression)


@attrs.frozen
class Refusal:
    """A rule that was not loaded, and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@attrs.frozen
class RuleSet:
    """Rules loaded, rules refused, and a version that changes with the content of the loaded ones.

    `correlations` stand innermost first. `silent` are ids of rules, and of correlations, that are only parts of
    correlations and raise no alert themselves. `filters` are titles of the filters that are part of the rules.
    """

    rules: Sequence[Rule]
    refused: Sequence[Refusal]
    version: str
    correlations: Sequence[Correlation] = ()
    silent: frozenset[str] = frozenset()
    filters: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.rules)
