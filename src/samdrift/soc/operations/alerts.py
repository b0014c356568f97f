"""The sink of the pipeline: store alerts, group them into cases, tell of new and worse cases.

Called by the worker with up to hundreds of alerts at once, again with the same ones after a crash: an alert that is
stored already changes nothing. All of a batch is one transaction, so what is told is what is stored.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import attrs
import structlog
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from samdrift.federation import boundary
from samdrift.federation.models import Organisation, Ownership
from samdrift.foundation import audit, outbox
from samdrift.foundation.ids import uuid7
from samdrift.foundation.numbers import next_number
from samdrift.soc.domain.grouping import WINDOW, Arriving, CaseDraft, GroupKey, Placement, place_alerts
from samdrift.soc.domain.storable import storable, storable_text
from samdrift.soc.models import Alert, Case, CaseEntry, Source
from samdrift.soc.rules import CaseState, EntryKind, rank

if TYPE_CHECKING:  # the detection package compiles kernels when it is imported; the platform needs none of them
    from samdrift_logs.detect.alerts import Alert as LogAlert

AUTHOR = "Samdrift"
_CHUNK = 500
_ORPHANS = 200  # mild alerts from before a case opened that are put into it

log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class Recorded:
    """What became of a batch. `refused` are alerts of organisations that are not in the federation."""

    stored: int
    already_there: int
    refused: Sequence[UUID]
    cases_opened: Sequence[UUID]
    cases_escalated: Sequence[UUID]


@attrs.frozen(kw_only=True)
class _Handling:
    """Who handles what comes from a source."""

    handler: UUID
    subscription: UUID | None
    source_name: str

    def counterparty(self, organisation: UUID) -> UUID | None:
        return self.handler if self.handler != organisation else None


@transaction.atomic
def record_alerts(*, alerts: Sequence[LogAlert], at: dt.datetime) -> Recorded:
    """Store new alerts, open and extend cases, publish soc.case.opened and soc.case.escalated. Safe to repeat.

    Needs a Scope for operation over everyone. An alert joins the open case of its host that had an alert within a day;
    from medium up it opens one where there is none. Query count grows with organisations and new cases, not alerts.
    """
    batch = list({alert.id: alert for alert in alerts}.values())
    known = _known([alert.id for alert in batch])
    fresh = [alert for alert in batch if alert.id not in known]
    if not fresh:
        return Recorded(stored=0, already_there=len(batch), refused=(), cases_opened=(), cases_escalated=())
    handling = _handling(fresh, at=at)
    refused = [alert.id for alert in fresh if alert.source not in handling]
    if refused:
        log.error("soc.alerts.refused", reason="organisation is not in the federation", count=len(refused))
    taken = [alert for alert in fresh if alert.source in handling]
    keyed = [(_key(alert, handling[alert.source]), alert) for alert in taken]
    stored_cases = _open_cases(key for key, _ in keyed)
    drafts = _drafts(stored_cases)
    placements = place_alerts(((key, _arriving(alert)) for key, alert in keyed), drafts)
    by_id = {alert.id: alert for alert in taken}
    opened = _open_new(placements, by_id=by_id, handling=handling, at=at)
    cases = {**{case.pk: case for case in stored_cases}, **{case.pk: case for case in opened}}
    Alert.objects.bulk_create(
        [_row(alert, placements[alert.id], handling[alert.source], cases, at=at) for alert in taken],
        batch_size=_CHUNK,
        ignore_conflicts=True,
    )
    for case in opened:
        _adopt_orphans(case, at=at)
    touched = {id(p.draft): p.draft for p in placements.values() if p.draft is not None}.values()
    escalated = _extend(touched, cases, by_id=by_id, at=at)
    _tell_recorded(taken, at=at)
    for case in opened:
        _tell_case(case, "soc.case.opened", by_id=by_id, placements=placements, at=at)
    for case in escalated:
        _tell_case(case, "soc.case.escalated", by_id=by_id, placements=placements, at=at)
    return Recorded(
        stored=len(taken),
        already_there=len(batch) - len(fresh),
        refused=refused,
        cases_opened=[case.pk for case in opened],
        cases_escalated=[case.pk for case in escalated],
    )


def _known(ids: Sequence[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    for start in range(0, len(ids), _CHUNK):
        found.update(Alert.objects.filter(pk__in=ids[start : start + _CHUNK]).values_list("pk", flat=True))
    return found


def _handling(alerts: Sequence[LogAlert], *, at: dt.datetime) -> dict[UUID, _Handling]:
    """Return who handles each source: the unit of its subscription, else the owner unit, else the owner itself.

    Sources of organisations that are not in the federation are left out. Three queries.
    """
    organisations = {alert.source: alert.organisation for alert in alerts}
    known = set(Organisation.objects.filter(pk__in=set(organisations.values())).values_list("pk", flat=True))
    today = boundary.local_date(at)
    owners: dict[UUID, UUID] = {}
    ownerships = Ownership.objects.filter(municipality__in=known).order_by("-from_date", "id")
    for ownership in boundary.current_ones(ownerships, today=today):
        owners.setdefault(ownership.municipality_id, ownership.unit_id)
    sources = {row.pk: row for row in Source.objects.filter(pk__in=list(organisations)).select_related("subscription")}
    handling = {}
    for source_id, organisation in organisations.items():
        if organisation not in known:
            continue
        source = sources.get(source_id)
        subscription = source.subscription if source is not None else None
        in_force = subscription is not None and (subscription.to_date is None or today < subscription.to_date)
        handler = subscription.counterparty_id if subscription and in_force else owners.get(organisation, organisation)
        handling[source_id] = _Handling(
            handler=handler,
            subscription=subscription.pk if subscription and in_force else None,
            source_name=source.name if source else "",
        )
    return handling


def _place(alert: LogAlert, handling: _Handling) -> str:
    """Return the host, or the source where no host is named."""
    return storable_text(alert.host or handling.source_name or f"source {alert.source}", longest=300)


def _key(alert: LogAlert, handling: _Handling) -> GroupKey:
    return GroupKey(organisation=alert.organisation, handler=handling.handler, place=_place(alert, handling).lower())


def _arriving(alert: LogAlert) -> Arriving:
    return Arriving(id=alert.id, rule_id=alert.rule_id, level=alert.level, received_at=alert.received_at)


def _open_cases(keys: Iterable[GroupKey]) -> list[Case]:
    wanted = set(keys)
    found = Case.objects.select_for_update().filter(
        organisation__in={key.organisation for key in wanted},
        place_key__in={key.place for key in wanted},
    )
    return [
        case
        for case in found.exclude(state=CaseState.CLOSED).order_by("last_alert_at", "id")
        if GroupKey(organisation=case.organisation_id, handler=case.handler_id, place=case.place_key) in wanted
    ]


def _drafts(cases: Sequence[Case]) -> dict[GroupKey, list[CaseDraft]]:
    kinds: dict[UUID, Counter[str]] = {case.pk: Counter() for case in cases}
    if cases:
        counted = (
            Alert.objects.filter(case__in=list(kinds)).order_by().values("case", "rule_id").annotate(n=Count("id"))
        )
        for row in counted:
            kinds[row["case"]][row["rule_id"]] = row["n"]
    drafts: dict[GroupKey, list[CaseDraft]] = {}
    for case in cases:
        key = GroupKey(organisation=case.organisation_id, handler=case.handler_id, place=case.place_key)
        draft = CaseDraft(
            key=key,
            level=case.level,
            last_alert_at=case.last_alert_at,
            is_new=False,
            case_id=case.pk,
            kinds=kinds[case.pk],
        )
        drafts.setdefault(key, []).append(draft)
    return drafts


def _open_new(
    placements: Mapping[UUID, Placement],
    *,
    by_id: Mapping[UUID, LogAlert],
    handling: Mapping[UUID, _Handling],
    at: dt.datetime,
) -> list[Case]:
    """Store the cases that placement opened, in the order of their first alert, and give the drafts their ids."""
    opened: list[Case] = []
    for alert_id, placement in placements.items():
        draft = placement.draft
        if draft is None or draft.case_id is not None:
            continue
        first = by_id[alert_id]
        worst = max((by_id[key] for key in draft.first_of_kind), key=lambda alert: rank(alert.level))
        year = timezone.localtime(at).year
        case = Case(
            id=uuid7(),
            organisation_id=draft.key.organisation,
            counterparty_id=handling[first.source].counterparty(draft.key.organisation),
            handler_id=draft.key.handler,
            number=f"{year}-{next_number(draft.key.handler, f'case {year}'):04d}",
            title=storable_text(worst.title, longest=300),
            level=draft.level,
            level_rank=rank(draft.level),
            place=_place(first, handling[first.source]),
            place_key=draft.key.place,
            subscription_id=handling[first.source].subscription,
            opened_at=at,
            first_alert_at=first.received_at,
            last_alert_at=draft.last_alert_at,
            changed_at=at,
        )
        case.save(force_insert=True)
        draft.case_id = case.pk
        opened.append(case)
        _enter(case, EntryKind.OPENED, at=at, facts={"level": case.level, "place": case.place})
    return opened


def _row(
    alert: LogAlert, placement: Placement, handling: _Handling, cases: Mapping[UUID, Case], *, at: dt.datetime
) -> Alert:
    case = cases[placement.draft.case_id] if placement.draft and placement.draft.case_id else None
    return Alert(
        id=alert.id,
        organisation_id=alert.organisation,
        counterparty_id=handling.counterparty(alert.organisation),
        source_id=alert.source,
        source_name=handling.source_name,
        case=case,
        rule_id=storable_text(alert.rule_id, longest=100),
        title=storable_text(alert.title, longest=300),
        level=alert.level,
        level_rank=rank(alert.level),
        tags=storable(alert.tags),
        ruleset_version=storable_text(alert.ruleset_version, longest=80),
        event_id=alert.event_id,
        event_at=alert.event_at,
        received_at=alert.received_at,
        recorded_at=at,
        host=storable_text(alert.host or "", longest=300),
        user=storable_text(alert.user or "", longest=300),
        matched=storable(alert.fields),
        event=storable(alert.event) if placement.keeps_copy else None,
        what_to_do=storable_text(alert.what_to_do),
        description=storable_text(alert.description),
        is_first_of_kind=placement.is_first_of_kind,
    )


def _adopt_orphans(case: Case, *, at: dt.datetime) -> None:
    """Put the mild alerts that the place had within the window before into the case: what led up to it."""
    since = case.first_alert_at - WINDOW
    mild = Alert.objects.filter(
        case__isnull=True, organisation=case.organisation_id, host__iexact=case.place_key, received_at__gte=since
    )
    for alert in mild.order_by("-received_at")[:_ORPHANS]:
        alert.case = case
        alert.save(update_fields=["case"])


def _extend(
    drafts: Iterable[CaseDraft], cases: Mapping[UUID, Case], *, by_id: Mapping[UUID, LogAlert], at: dt.datetime
) -> list[Case]:
    """Bring the cases up to what placement made of them; returns those that got worse."""
    escalated = []
    for draft in drafts:
        assert draft.case_id is not None
        case = cases[draft.case_id]
        figures = Alert.objects.filter(case=case).aggregate(alerts=Count("id"), kinds=Count("rule_id", distinct=True))
        before = case.level
        case.alert_count, case.kind_count = figures["alerts"], figures["kinds"]
        case.level, case.level_rank = draft.level, rank(draft.level)
        case.last_alert_at, case.changed_at = draft.last_alert_at, max(at, case.changed_at)
        case.save(update_fields=["alert_count", "kind_count", "level", "level_rank", "last_alert_at", "changed_at"])
        for alert_id in draft.first_of_kind:
            _enter_alert(case, by_id[alert_id], at=at)
        if draft.escalated:
            _enter(case, EntryKind.ESCALATED, at=at, facts={"from": before, "to": case.level})
            escalated.append(case)
    return escalated


def _enter_alert(case: Case, alert: LogAlert, *, at: dt.datetime) -> None:
    facts = {
        "alert": str(alert.id),
        "rule": alert.rule_id,
        "title": storable_text(alert.title, longest=300),
        "level": alert.level,
        "user": storable_text(alert.user or "", longest=300),
        "event_at": alert.event_at.isoformat() if alert.event_at else None,
        "received_at": alert.received_at.isoformat(),
    }
    _enter(case, EntryKind.ALERT, at=at, facts=facts)


def _enter(case: Case, kind: EntryKind, *, at: dt.datetime, facts: Mapping[str, object]) -> None:
    CaseEntry.objects.create(
        case=case,
        organisation_id=case.organisation_id,
        counterparty_id=case.counterparty_id,
        kind=kind,
        at=at,
        author_name=AUTHOR,
        facts=dict(facts),
    )


def _tell_recorded(alerts: Sequence[LogAlert], *, at: dt.datetime) -> None:
    """Write one audit entry and publish one fact for each organisation whose logs gave alerts."""
    counted = Counter(alert.organisation for alert in alerts)
    for organisation, count in sorted(counted.items()):
        levels = Counter(alert.level for alert in alerts if alert.organisation == organisation)
        after: dict[str, object] = {"alerts": count, "levels": dict(sorted(levels.items()))}
        audit.record(organisation=organisation, action="soc.alerts.recorded", after=after, at=at)
        outbox.publish(organisation=organisation, fact="soc.alerts.recorded", payload=after, at=at)


def _tell_case(
    case: Case, fact: str, *, by_id: Mapping[UUID, LogAlert], placements: Mapping[UUID, Placement], at: dt.datetime
) -> None:
    first = next(alert for key, alert in by_id.items() if (draft := placements[key].draft) and draft.case_id == case.pk)
    payload = {
        "case": str(case.pk),
        "number": case.number,
        "title": case.title,
        "level": case.level,
        "place": case.place,
        "handler": str(case.handler_id),
        "subscription": str(case.subscription_id) if case.subscription_id else None,
        "what_to_do": storable_text(first.what_to_do, longest=2000),
    }
    for party in (case.organisation_id, case.counterparty_id):
        if party is not None:
            audit.record(organisation=party, action=fact, subject=case, after=payload, at=at)
    others = [case.counterparty_id] if case.counterparty_id else []
    outbox.publish(organisation=case.organisation_id, counterparties=others, fact=fact, payload=payload, at=at)
