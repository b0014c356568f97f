"""Clocks in words: what is due when, and why then, line by line. Pure: the trace comes from support's queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from samdrift.support.queries import ClockFace, ClockPage, TraceStep
from samdrift.web import words

SOON = timedelta(hours=1)
_CLOSED = ("outside_hours", "closed_day")


@attrs.frozen(kw_only=True)
class ClockWords:
    """A clock as it is shown: an icon, one of the five tones, the words before the time, the time and what follows."""

    icon: str
    tone: str
    words: str
    moment: datetime | None
    after: str


@attrs.frozen(kw_only=True)
class Line:
    """One stretch of a clock's time in words. `counts` tells whether it used up any of the target."""

    when: str
    what: str
    counts: bool


@attrs.frozen(kw_only=True)
class Why:
    """A clock with the reason for its deadline, as the popover tells it."""

    id: str
    clock: ClockWords
    metric: str
    whose: str
    origin: str
    target: str
    carried: str
    calendar: str
    remaining: str
    lines: Sequence[Line]


def say(clock: ClockFace, *, now: datetime) -> ClockWords:
    """Return a clock in words: answer by 14:20 (in 35 min)."""
    state = clock.state(now)
    if state == "met":
        return ClockWords(icon="check", tone="good", words=_met(clock.metric), moment=clock.ended_at, after="")
    if state == "late":
        return ClockWords(icon="alert", tone="late", words=_late(clock.metric), moment=clock.ended_at, after="")
    if state == "cancelled":
        return ClockWords(icon="minus", tone="quiet", words=_("no longer counts"), moment=None, after="")
    if state == "paused":
        text = _("paused since")
        return ClockWords(icon="pause", tone="quiet", words=text, moment=clock.paused_at, after="")
    due = clock.due_at or clock.breached_at
    if due is None:
        return ClockWords(icon="clock", tone="quiet", words=metric(clock.metric), moment=None, after="")
    after = words.ago(due, now=now)
    if state == "breached":
        return ClockWords(icon="alert", tone="late", words=_overdue(clock.metric), moment=due, after=after)
    tone = "soon" if due - now <= SOON else ""
    return ClockWords(icon="clock", tone=tone, words=_before(clock.metric), moment=due, after=after)


def why(page: ClockPage, *, service: str, now: datetime) -> Why:
    """Return the reason for a deadline. `service` is the name of what is subscribed to, where anything is."""
    return Why(
        id=f"why-{page.clock.id}",
        clock=say(page.clock, now=now),
        metric=metric(page.clock.metric),
        whose=f"{page.team_name}, {page.clock.organisation_name}",
        origin=_origin(page.origin, service=service),
        target=words.span(timedelta(minutes=page.target_minutes)),
        carried=words.span(timedelta(minutes=page.carried_minutes)) if page.carried_minutes else "",
        calendar=calendar(page.clock.calendar),
        remaining=words.span(timedelta(seconds=page.remaining_s)) if page.remaining_s > 0 else "",
        lines=lines(page.steps),
    )


def _origin(origin: str, *, service: str) -> str:
    """Return where a target comes from: "server-operation 1.0 gold" is Serverdrift 1.0, gold."""
    if origin == "standard":
        return _("the standard, as no subscription covers it")
    slug, version, level = (*origin.split(" "), "", "")[:3]
    return ", ".join(part for part in (f"{service or slug} {version}".strip(), words.level_class(level)) if part)


def lines(steps: Sequence[TraceStep]) -> list[Line]:
    """Return the trace as lines to read: when, and what that time was to the clock."""
    return [
        Line(when=_stretch(step.start, step.end), what=_what(step), counts=step.kind == "counted")
        for step in _joined(steps)
    ]


def _joined(steps: Sequence[TraceStep]) -> list[TraceStep]:
    """Return the steps with neighbouring closed times as one, as people say "over the weekend"."""
    joined: list[TraceStep] = []
    for step in steps:
        last = joined[-1] if joined else None
        if last and last.end == step.start and last.kind in _CLOSED and step.kind in _CLOSED:
            kind = "closed_day" if "closed_day" in (last.kind, step.kind) else step.kind
            joined[-1] = attrs.evolve(last, end=step.end, kind=kind, minutes=last.minutes + step.minutes)
        else:
            joined.append(step)
    return joined


def _stretch(start: datetime, end: datetime) -> str:
    first, last = start.astimezone(words.COPENHAGEN), end.astimezone(words.COPENHAGEN)
    named = f"{words.weekday(first)} {first:%d-%m %H:%M}"
    if first.date() == last.date():
        return f"{named}–{last:%H:%M}"
    if last - first <= timedelta(days=1) and f"{last:%H:%M}" == "00:00":
        return f"{named}–24:00"
    return f"{named} – {words.weekday(last)} {last:%d-%m %H:%M}"


def _what(step: TraceStep) -> str:
    if step.kind == "counted":
        return _("counts: %(span)s") % {"span": words.span(step.end - step.start)}
    if step.kind == "paused":
        return _("paused: %(reason)s") % {"reason": step.reason} if step.reason else _("paused")
    if step.kind == "holiday":
        return _("does not count: %(holiday)s") % {"holiday": step.reason}
    if step.kind == "closed_day":
        return _("does not count: closed over the weekend")
    return _("does not count: outside opening hours")


def calendar(name: str) -> str:
    """Return the name of a calendar as people say it."""
    known = {
        "hverdage-8-16": _("weekdays 8–16"),
        "hverdage-7-17": _("weekdays 7–17"),
        "24x7": _("around the clock"),
    }
    return known.get(name, name)


def metric(name: str) -> str:
    """Return the name of what a clock measures."""
    known = {
        "respond": pgettext("metric", "Answer"),
        "resolve": pgettext("metric", "Solution"),
        "acknowledge": pgettext("metric", "Acknowledgement"),
    }
    return known.get(name, name)


def _before(name: str) -> str:
    known = {"respond": _("answer before"), "resolve": _("solve before"), "acknowledge": _("acknowledge before")}
    return known.get(name, name)


def _overdue(name: str) -> str:
    known = {
        "respond": _("should be answered"),
        "resolve": _("should be solved"),
        "acknowledge": _("should be acknowledged"),
    }
    return known.get(name, name)


def _met(name: str) -> str:
    known = {
        "respond": _("answered in time"),
        "resolve": _("solved in time"),
        "acknowledge": _("acknowledged in time"),
    }
    return known.get(name, name)


def _late(name: str) -> str:
    known = {"respond": _("answered late"), "resolve": _("solved late"), "acknowledge": _("acknowledged late")}
    return known.get(name, name)
