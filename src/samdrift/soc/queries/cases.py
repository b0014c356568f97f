"""Cases: the queue, and one case with its timeline, its kinds of alert and the next step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import attrs
from django.db.models import Count, Max, Min, Q, QuerySet

from samdrift.soc import rules
from samdrift.soc.models import Alert, Case, CaseEntry
from samdrift.soc.queries.alerts import AlertRow, alert_row, loaded_alerts
from samdrift.soc.rules import Acting, CaseState, EntryKind, rank
from samdrift_logs.errors import SamdriftError

PAGE = 50
OPEN = tuple(state.value for state in CaseState if state is not CaseState.CLOSED)
SORTS = ("level", "opened", "last_alert", "changed", "number")
_SHOWN_ALERTS = 200


class CaseMissing(SamdriftError):
    """There is no such case within the Scope at hand."""


@attrs.frozen(kw_only=True)
class CaseRow:
    """A case in a list."""

    id: UUID
    number: str
    title: str
    level: str
    state: str
    place: str
    organisation: UUID
    organisation_name: str
    handler: UUID
    handler_name: str
    assignee: UUID | None
    assignee_name: str
    alert_count: int
    kind_count: int
    opened_at: dt.datetime
    first_alert_at: dt.datetime
    last_alert_at: dt.datetime
    changed_at: dt.datetime
    closed_at: dt.datetime | None
    classification: str


@attrs.frozen(kw_only=True)
class CaseFilters:
    """What the queue is narrowed to; an empty value narrows nothing. `level` is the mildest to show."""

    states: Sequence[str] = OPEN
    level: str = ""
    organisation: UUID | None = None
    handler: UUID | None = None
    assignee: UUID | None = None
    unassigned: bool = False
    text: str = ""


@attrs.frozen(kw_only=True)
class CaseList:
    """One page of cases. Pages count from 1."""

    rows: Sequence[CaseRow]
    total: int
    page: int
    pages: int


@attrs.frozen(kw_only=True)
class CaseCounts:
    """Figures that one acts on."""

    open: int
    new: int
    mine: int
    severe: int


@attrs.frozen(kw_only=True)
class CaseEntryRow:
    """One line of the timeline. `kind` is an EntryKind; `facts` are the values of an automatic one."""

    id: UUID
    kind: str
    at: dt.datetime
    author_name: str
    body: str
    facts: Mapping[str, object]


@attrs.frozen(kw_only=True)
class AlertKind:
    """All alerts of one rule in a case: counted, with the first of them."""

    rule_id: str
    title: str
    level: str
    count: int
    first_at: dt.datetime
    last_at: dt.datetime
    first: AlertRow | None
    tags: Sequence[str]
    what_to_do: str
    description: str


@attrs.frozen(kw_only=True)
class CasePage:
    """Everything on a case's page. `alerts` are the first 200 in the order of arrival; `kinds` counts all.

    `next_step` is take, decide, close or nothing; `states` are those it can go to; `may_work` and `may_note` say what
    the reader may do.
    """

    case: CaseRow
    reason: str
    subscription: UUID | None
    entries: Sequence[CaseEntryRow]
    kinds: Sequence[AlertKind]
    alerts: Sequence[AlertRow]
    users: Sequence[str]
    tags: Sequence[str]
    next_step: str
    states: Sequence[str]
    may_work: bool
    may_note: bool


def case_queue(
    *,
    filters: CaseFilters | None = None,
    sort: str = "level",
    descending: bool = False,
    page: int = 1,
    per_page: int = PAGE,
) -> CaseList:
    """Return cases in Scope, the worst and newest first. Two queries."""
    found = _filtered(filters or CaseFilters())
    total = found.count()
    pages = max(1, -(-total // per_page))
    chosen = min(max(page, 1), pages)
    rows = found.order_by(*_order(sort, descending=descending))[(chosen - 1) * per_page : chosen * per_page]
    return CaseList(rows=[case_row(row) for row in rows], total=total, page=chosen, pages=pages)


def my_cases(*, user: UUID, limit: int = 30) -> list[CaseRow]:
    """Return the open cases that a person has taken, worst first. One query."""
    found = _filtered(CaseFilters(assignee=user)).order_by(*_order("level", descending=False))
    return [case_row(row) for row in found[:limit]]


def case_counts(*, user: UUID | None, handler: UUID | None = None) -> CaseCounts:
    """Return the figures of the open cases in Scope, of one handler where given. One query."""
    found = _filtered(CaseFilters(handler=handler)).order_by()
    counted = found.aggregate(
        open=Count("id"),
        new=Count("id", filter=Q(state=CaseState.NEW)),
        mine=Count("id", filter=Q(assignee=user) if user else Q(pk__in=[])),
        severe=Count("id", filter=Q(level_rank__gte=rank("high"))),
    )
    return CaseCounts(**counted)


def search_cases(*, text: str, limit: int = 10) -> list[CaseRow]:
    """Return cases in any state whose number, title or host has every word, newest first. One query."""
    found = _filtered(CaseFilters(states=(), text=text)).order_by("-opened_at", "-id")
    return [case_row(row) for row in found[:limit]] if text.strip() else []


def cases_by_id(ids: Iterable[UUID]) -> Mapping[UUID, CaseRow]:
    """Return the cases in Scope among `ids`. One query."""
    return {row.pk: case_row(row) for row in _loaded(Case.objects.filter(pk__in=list(ids)))}


def case_page(*, case: UUID, actor: Acting) -> CasePage:
    """Return one case as `actor` sees it. Raises CaseMissing. Five queries."""
    found = _loaded(Case.objects.filter(pk=case)).first()
    if found is None:
        raise CaseMissing(f"there is no case {case} within what you may see")
    entries = [_entry_row(entry) for entry in CaseEntry.objects.filter(case=found)]
    alerts = loaded_alerts(Alert.objects.filter(case=found)).order_by("received_at", "id")
    listed = list(alerts[:_SHOWN_ALERTS])
    firsts = list(alerts.filter(is_first_of_kind=True))
    kinds = _kinds(found, firsts)
    state = CaseState(found.state)
    parties = [party for party in (found.organisation_id, found.counterparty_id) if party is not None]
    decided = any(entry.kind == EntryKind.DECISION for entry in entries)
    return CasePage(
        case=case_row(found),
        reason=found.reason,
        subscription=found.subscription_id,
        entries=entries,
        kinds=kinds,
        alerts=[alert_row(alert) for alert in listed],
        users=sorted({alert.user for alert in listed if alert.user}),
        tags=sorted({tag for kind in kinds for tag in kind.tags}),
        next_step=rules.next_step(state, decided=decided),
        states=sorted(rules.states_after(state)),
        may_work=rules.may_work_on(actor, handler=found.handler_id),
        may_note=rules.may_note_on(actor, parties=parties),
    )


def case_row(case: Case) -> CaseRow:
    """Return a row; organisation and handler must be loaded."""
    return CaseRow(
        id=case.pk,
        number=case.number,
        title=case.title,
        level=case.level,
        state=case.state,
        place=case.place,
        organisation=case.organisation_id,
        organisation_name=case.organisation.short_name,
        handler=case.handler_id,
        handler_name=case.handler.short_name,
        assignee=case.assignee_id,
        assignee_name=case.assignee_name,
        alert_count=case.alert_count,
        kind_count=case.kind_count,
        opened_at=case.opened_at,
        first_alert_at=case.first_alert_at,
        last_alert_at=case.last_alert_at,
        changed_at=case.changed_at,
        closed_at=case.closed_at,
        classification=case.classification,
    )


def _loaded(rows: QuerySet[Case]) -> QuerySet[Case]:
    return rows.select_related("organisation", "handler")


def _filtered(filters: CaseFilters) -> QuerySet[Case]:
    found = _loaded(Case.objects.all())
    exact = {"organisation": filters.organisation, "handler": filters.handler, "assignee": filters.assignee}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if filters.states:
        found = found.filter(state__in=list(filters.states))
    if filters.level:
        found = found.filter(level_rank__gte=rank(filters.level))
    if filters.unassigned:
        found = found.filter(assignee__isnull=True)
    for word in filters.text.split():
        found = found.filter(Q(number__icontains=word) | Q(title__icontains=word) | Q(place__icontains=word))
    return found


def _order(sort: str, *, descending: bool) -> list[str]:
    """Return the order; `level` means worst first unless `descending` turns it round."""
    fields = {"opened": "opened_at", "last_alert": "last_alert_at", "changed": "changed_at", "number": "number"}
    if sort in fields:
        sign = "-" if descending else ""
        return [f"{sign}{fields[sort]}", f"{sign}id"]
    sign = "" if descending else "-"
    return [f"{sign}level_rank", "-last_alert_at", "-id"]


def _entry_row(entry: CaseEntry) -> CaseEntryRow:
    return CaseEntryRow(
        id=entry.pk, kind=entry.kind, at=entry.at, author_name=entry.author_name, body=entry.body, facts=entry.facts
    )


def _kinds(case: Case, firsts: Sequence[Alert]) -> list[AlertKind]:
    """Return one entry for each rule in the case, in the order they first came."""
    by_rule: dict[str, Alert] = {}
    for alert in firsts:
        by_rule.setdefault(alert.rule_id, alert)
    counted = (
        Alert.objects.filter(case=case)
        .order_by()
        .values("rule_id")
        .annotate(
            count=Count("id"),
            first_at=Min("received_at"),
            last_at=Max("received_at"),
            title=Min("title"),
            worst=Max("level_rank"),
        )
    )
    kinds = []
    for row in sorted(counted, key=lambda row: row["first_at"]):
        first = by_rule.get(row["rule_id"])
        kinds.append(
            AlertKind(
                rule_id=row["rule_id"],
                title=row["title"],
                level=rules.LEVELS[row["worst"]],
                count=row["count"],
                first_at=row["first_at"],
                last_at=row["last_at"],
                first=alert_row(first) if first else None,
                tags=tuple(first.tags) if first else (),
                what_to_do=first.what_to_do if first else "",
                description=first.description if first else "",
            )
        )
    return kinds
