"""Detection: Sigma rules → typed expressions → one plan for all rules → run on EventBatch → matches.

The way in: `load_rules` reads rule folders, `Engine` evaluates a batch, `alerts_from` makes alerts of the matches.
docs/explanation/detection-engine.md walks through it.
"""

from samdrift_logs.detect.alerts import Alert, alerts_from
from samdrift_logs.detect.correlate.correlator import Change, CorrelationMatch, Correlator
from samdrift_logs.detect.engine import Engine, Match
from samdrift_logs.detect.live import LiveRules
from samdrift_logs.detect.rules import Logsource, Refusal, Rule, RuleSet
from samdrift_logs.detect.ruleset import load_rules

__all__ = [
    "Alert",
    "Change",
    "CorrelationMatch",
    "Correlator",
    "Engine",
    "LiveRules",
    "Logsource",
    "Match",
    "Refusal",
    "Rule",
    "RuleSet",
    "alerts_from",
    "load_rules",
]
