"""Which case an alert belongs to, and how much of it is kept. Pure.

Alerts on one host of one organisation, handled by one unit, belong together while the case is open and its last alert
is no older than a day. In a storm every alert is kept and counted, but only the first of each kind in a case carry a
copy of their event (the lake has them all). The first of a new kind always shows in the timeline.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

import attrs

from samdrift.soc.rules import opens_case, rank

WINDOW = dt.timedelta(hours=24)
COPIES_A_KIND = 20  # events kept beside the alert, for each rule in each case


@attrs.frozen
class GroupKey:
    """What alerts of one case have in common. `place` is the host, or the source where no host is named."""

    organisation: UUID
    handler: UUID
    place: str


@attrs.frozen(kw_only=True)
class Arriving:
    """What grouping needs to know of a new alert."""

    id: UUID
    rule_id: str
    level: str
    received_at: dt.datetime


@attrs.define(kw_only=True)
class CaseDraft:
    """A case as grouping sees it: one that is stored (`is_new` False) or one to be opened."""

    key: GroupKey
    level: str
    last_alert_at: dt.datetime
    is_new: bool
    case_id: UUID | None = None
    kinds: Counter[str] = attrs.field(factory=Counter)
    alerts: list[UUID] = attrs.field(factory=list)
    first_of_kind: list[UUID] = attrs.field(factory=list)
    escalated: bool = False

    def takes(self, alert: Arriving) -> bool:
        """Tell whether the alert is close enough in time, whichever of the two came first."""
        return abs(alert.received_at - self.last_alert_at) <= WINDOW

    def add(self, alert: Arriving) -> None:
        """Count the alert in."""
        if alert.rule_id not in self.kinds:
            self.first_of_kind.append(alert.id)
        self.kinds[alert.rule_id] += 1
        self.alerts.append(alert.id)
        self.last_alert_at = max(self.last_alert_at, alert.received_at)
        if rank(alert.level) > rank(self.level):
            self.level = alert.level
            self.escalated = not self.is_new


@attrs.frozen(kw_only=True)
class Placement:
    """Where an alert ends. `draft` is None for a mild alert that has no case to join."""

    draft: CaseDraft | None
    keeps_copy: bool
    is_first_of_kind: bool


def place_alerts(
    alerts: Iterable[tuple[GroupKey, Arriving]], stored: Mapping[GroupKey, list[CaseDraft]]
) -> dict[UUID, Placement]:
    """Return where each alert ends. `stored` holds the open cases by key and gets the new drafts added to it.

    Alerts are taken in the order of their arrival, then as given; the same id twice is placed once.
    """
    open_cases = {key: list(drafts) for key, drafts in stored.items()}
    placements: dict[UUID, Placement] = {}
    for key, alert in sorted(alerts, key=lambda pair: pair[1].received_at):
        if alert.id in placements:
            continue
        drafts = open_cases.setdefault(key, [])
        draft = next((draft for draft in reversed(drafts) if draft.takes(alert)), None)
        if draft is None and opens_case(alert.level):
            draft = CaseDraft(key=key, level=alert.level, last_alert_at=alert.received_at, is_new=True)
            drafts.append(draft)
        placements[alert.id] = _placed(draft, alert)
    return placements


def _placed(draft: CaseDraft | None, alert: Arriving) -> Placement:
    if draft is None:
        return Placement(draft=None, keeps_copy=True, is_first_of_kind=True)
    is_first = alert.rule_id not in draft.kinds
    draft.add(alert)
    return Placement(draft=draft, keeps_copy=draft.kinds[alert.rule_id] <= COPIES_A_KIND, is_first_of_kind=is_first)
