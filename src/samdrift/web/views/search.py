"""Log search: a query, a stretch of time, hits over time, frequent values, and events that open to their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import attrs
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from samdrift.federation import queries as federation
from samdrift.soc import queries
from samdrift.soc.queries.sources import source_names
from samdrift.web import charts, events, querying
from samdrift.web.acting import purpose
from samdrift_logs.errors import InputRefused, SamdriftError
from samdrift_logs.scope import Purpose

PAGE = 100
BUCKETS = 60
TOP_FIELDS = ("host", "user", "action", "event_code", "src_ip", "dst_ip", "process", "source_type")


@attrs.frozen(kw_only=True)
class Refused:
    """Why a search was not made, for the reader: the words, and the query cut where the fault is."""

    reason: str
    before: str = ""
    after: str = ""
    place: int = 0


@require_GET
@purpose(Purpose.WATCH)
def search(request: Any) -> HttpResponse:
    """Show the search page; search where a query was sent. Each search is written down before it is made."""
    context = _asked(request)
    if "q" in request.GET and context["refused"] is None:
        try:
            look = queries.open_look(
                query=context["text"],
                since=context["ends"].since,
                until=context["ends"].until,
                organisations=context["chosen"],
                at=request.at,
            )
            context |= _found(request, look, context)
        except InputRefused as refused:
            context["refused"] = _why_refused(refused, context["text"])
    status = 400 if context["refused"] else 200
    return render(
        request, "web/search/_more.html" if request.htmx else "web/search/search.html", context, status=status
    )


def _asked(request: Any) -> dict[str, Any]:
    """Read what the address asks for."""
    covered = [row for row in federation.organisations() if request.scope.covers(row.id)]
    chosen = [row.id for row in covered if str(row.id) == request.GET.get("organisation")] or None
    refused = None
    try:
        ends = querying.time_range(request.GET, now=request.at)
    except querying.RangeRefused as wrong:
        ends, refused = (
            querying.time_range(request.GET.__class__("range=24h"), now=request.at),
            Refused(reason=str(wrong)),
        )
    return {
        "text": request.GET.get("q", "")[:8_000],
        "ends": ends,
        "ranges": querying.range_names(),
        "organisations": covered,
        "organisation": request.GET.get("organisation", "") if chosen else "",
        "chosen": chosen,
        "refused": refused,
        "asked": "q" in request.GET,
        "own": querying.OWN,
        "completes": " ".join(events.FIELDS),
    }


def _found(request: Any, look: queries.Look, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hits of one page; on the first page the chart and the frequent values, too."""
    cursor = request.GET.get("after")
    result = queries.search_logs(look=look, limit=PAGE, cursor=cursor)
    sources = source_names()
    names = {row.id: row.short_name for row in context["organisations"]}
    keep = _keep(request, context)
    more = urlencode({**keep, "q": context["text"], "after": result.next_cursor}) if result.next_cursor else ""
    found: dict[str, Any] = {
        "result": result,
        "lines": [_line(hit, names=names, sources=sources, query=context["text"], keep=keep) for hit in result.hits],
        "more": f"?{more}" if more else "",
        "stopped": result.stopped,
    }
    if cursor is None:
        found |= {"chart": _chart(look, context, keep), "fields": _fields(look, context, keep)}
    return found


def _keep(request: HttpRequest, context: Mapping[str, Any]) -> dict[str, str]:
    """Return what links of this page carry on: the stretch of time and the organisation."""
    ends: querying.TimeRange = context["ends"]
    times = (
        {"since": ends.since_local, "until": ends.until_local}
        if ends.chosen == querying.OWN
        else {"range": ends.chosen}
    )
    return {**times, **({"organisation": context["organisation"]} if context["organisation"] else {})}


def _line(
    hit: Any, *, names: Mapping[UUID, str], sources: Mapping[UUID, str], query: str, keep: Mapping[str, str]
) -> dict[str, Any]:
    opened = reverse("event", args=[hit.event_id]) + "?" + urlencode({**keep, "q": query})
    values = {name: getattr(hit, name) for name in events.TELLING}
    return {
        "id": hit.event_id,
        "at": hit.at,
        "host": hit.host or "",
        "line": events.line_of(values),
        "organisation": names.get(hit.organisation, ""),
        "source": sources.get(hit.source, ""),
        "address": opened,
    }


def _chart(look: queries.Look, context: Mapping[str, Any], keep: Mapping[str, str]) -> charts.Histogram | None:
    """Return the hits over time, None where counting took too long: the hits are shown all the same."""
    try:
        counted = queries.histogram(look=look, buckets=BUCKETS, time_limit_s=8)
    except InputRefused:
        raise
    except SamdriftError:
        return None
    buckets = []
    for bucket, following in zip(counted.buckets, [*counted.buckets[1:], None], strict=True):
        until = following.start if following else bucket.start + querying.seconds(counted.step_s)
        ends = querying.TimeRange(since=bucket.start, until=until, chosen=querying.OWN)
        address = {**keep, "since": ends.since_local, "until": ends.until_local, "q": context["text"]}
        address.pop("range", None)
        buckets.append(
            charts.Bucket(since=bucket.start, until=until, count=bucket.total, address=f"?{urlencode(address)}")
        )
    return charts.histogram(buckets)


def _fields(look: queries.Look, context: Mapping[str, Any], keep: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Return the most frequent values of the usual fields, None where counting took too long."""
    try:
        counted = queries.top_values(look=look, fields=TOP_FIELDS, limit=8, time_limit_s=5)
    except InputRefused:
        raise
    except SamdriftError:
        return None
    return [
        {
            "name": field.field,
            "present": field.present,
            "distinct": field.distinct,
            "values": [_value(field.field, value, field.present, context["text"], keep) for value in field.values],
        }
        for field in counted
        if field.present
    ]


def _value(field: str, value: Any, present: int, query: str, keep: Mapping[str, str]) -> dict[str, Any]:
    return {
        "value": value.value,
        "count": value.count,
        "percent": round(value.count / present * 100) if present else 0,
        "only": "?" + urlencode({**keep, "q": querying.added(query, field, value.value)}),
        "without": "?" + urlencode({**keep, "q": querying.excluded(query, field, value.value)}),
    }


def _why_refused(refused: InputRefused, query: str) -> Refused:
    """Return a refusal in the reader's language. The language's own messages are constant and translated."""
    template, place = getattr(refused, "template", None), getattr(refused, "position", None)
    if template is None or place is None:
        return Refused(reason=str(refused))
    reason = _(template).format(**getattr(refused, "values", {}))
    return Refused(reason=reason[:1].upper() + reason[1:], before=query[:place], after=query[place:], place=place + 1)


@require_GET
@purpose(Purpose.WATCH)
def event(request: Any, event: str) -> HttpResponse:
    """Show one event with its fields. The look is written to the chain of whose log it is."""
    try:
        page = queries.event_page(event_id=event, at=request.at)
    except (queries.EventMissing, InputRefused) as missing:
        raise Http404 from missing
    hit = page.event
    keep = {name: request.GET[name] for name in ("since", "until", "range", "organisation") if request.GET.get(name)}
    values = attrs.asdict(hit, recurse=False)
    around = querying.TimeRange(
        since=hit.received_at - querying.AROUND, until=hit.received_at + querying.AROUND, chosen=querying.OWN
    )
    context = {
        "page": page,
        "event": hit,
        "line": events.line_of(values),
        "fields": events.field_rows(values, hit.fields, query=request.GET.get("q", ""), keep=keep),
        "raw": hit.raw,
        "may_search": True,
        "around": reverse("search")
        + "?"
        + urlencode(
            {
                "q": querying.term("host", hit.host) if hit.host else "",
                "since": around.since_local,
                "until": around.until_local,
            }
        ),
    }
    return render(request, "web/search/_event.html" if request.htmx else "web/search/event.html", context)
