"""How times, clocks and states are said. Pure: everything comes as arguments, words are translated when asked for."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

COPENHAGEN = ZoneInfo("Europe/Copenhagen")


def day(moment: datetime) -> str:
    """Return the Danish date: 23-11-2026."""
    return moment.astimezone(COPENHAGEN).strftime("%d-%m-%Y")


def precise(moment: datetime) -> str:
    """Return date and time to the millisecond in Copenhagen, as logs show it."""
    local = moment.astimezone(COPENHAGEN)
    return f"{local:%d-%m-%Y %H:%M:%S}.{local.microsecond // 1000:03d}"


def utc(moment: datetime) -> str:
    """Return the same instant in UTC, for those who compare with a machine."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def at_clock(moment: datetime, *, now: datetime) -> str:
    """Return the time as one says it aloud: only the time today, the weekday within a week, else the date."""
    local, today = moment.astimezone(COPENHAGEN), now.astimezone(COPENHAGEN)
    days = (local.date() - today.date()).days
    clock = f"{local:%H:%M}"
    if days == 0:
        return clock
    if days == 1:
        return _("tomorrow %(clock)s") % {"clock": clock}
    if days == -1:
        return _("yesterday %(clock)s") % {"clock": clock}
    if abs(days) < 7 and days > 0:
        return f"{weekday(local)} {clock}"
    shown = f"{local:%d-%m}" if local.year == today.year else f"{local:%d-%m-%Y}"
    return f"{shown} {clock}"


def weekday(moment: datetime) -> str:
    """Return the name of the day."""
    names = (
        _("Monday"),
        _("Tuesday"),
        _("Wednesday"),
        _("Thursday"),
        _("Friday"),
        _("Saturday"),
        _("Sunday"),
    )
    return names[moment.astimezone(COPENHAGEN).weekday()]


def span(length: timedelta) -> str:
    """Return a length of time with its one or two largest parts: 35 min, 2 h 10 min, 3 d 4 h."""
    minutes = math.floor(abs(length).total_seconds() / 60)
    if minutes == 0:
        return _("less than 1 min")
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [
        _("%(count)d d") % {"count": days} if days else "",
        _("%(count)d h") % {"count": hours} if hours else "",
        _("%(count)d min") % {"count": minutes} if minutes and not days else "",
    ]
    return " ".join(part for part in parts if part)


def ago(moment: datetime, *, now: datetime) -> str:
    """Return how far `moment` is from now: in 35 min, 3 d ago."""
    length = span(moment - now)
    return _("in %(span)s") % {"span": length} if moment > now else _("%(span)s ago") % {"span": length}


# ---- states: what word, and which of the five colours. Colour is never the only sign: each has its shape, too.


@attrs.frozen
class State:
    """A state as it is shown."""

    word: str
    tone: str


def level(value: str) -> State:
    """Return the words for the level of an alert or a rule."""
    known = {
        "critical": State(pgettext("level", "Critical"), "worst"),
        "high": State(pgettext("level", "High"), "late"),
        "medium": State(pgettext("level", "Medium"), "soon"),
        "low": State(pgettext("level", "Low"), "note"),
        "informational": State(pgettext("level", "Information"), "quiet"),
    }
    return known.get(value, State(value, "quiet"))


def ticket_state(value: str) -> State:
    """Return the words for the state of a ticket."""
    known = {
        "new": State(pgettext("ticket", "New"), "note"),
        "open": State(pgettext("ticket", "Open"), "note"),
        "waiting": State(pgettext("ticket", "Waiting"), "soon"),
        "resolved": State(pgettext("ticket", "Resolved"), "good"),
        "closed": State(pgettext("ticket", "Closed"), "quiet"),
    }
    return known.get(value, State(value, "quiet"))


def case_state(value: str) -> State:
    """Return the words for the state of a case."""
    known = {
        "new": State(pgettext("case", "New"), "late"),
        "open": State(pgettext("case", "Being investigated"), "note"),
        "waiting": State(pgettext("case", "Waiting"), "soon"),
        "contained": State(pgettext("case", "Contained"), "good"),
        "closed": State(pgettext("case", "Closed"), "quiet"),
    }
    return known.get(value, State(value, "quiet"))


def leg_state(value: str) -> State:
    """Return the words for the state of a leg."""
    known = {
        "offered": State(pgettext("leg", "Offered"), "soon"),
        "accepted": State(pgettext("leg", "Accepted"), "good"),
        "returned": State(pgettext("leg", "Returned"), "late"),
        "ended": State(pgettext("leg", "Ended"), "quiet"),
    }
    return known.get(value, State(value, "quiet"))


def priority(value: str) -> State:
    """Return a priority with its urgency as words."""
    known = {
        "P1": State(_("P1 critical"), "worst"),
        "P2": State(_("P2 high"), "late"),
        "P3": State(_("P3 normal"), "note"),
        "P4": State(_("P4 low"), "quiet"),
    }
    return known.get(value, State(value, "quiet"))


def level_class(value: str) -> str:
    """Return the name of a service level."""
    return {"bronze": _("Bronze"), "silver": _("Silver"), "gold": _("Gold")}.get(value, value)


def purpose(value: str) -> str:
    """Return the name of a purpose."""
    known = {
        "support": _("Support"),
        "watch": _("Watch"),
        "purchase": _("Purchase"),
        "administration": _("Administration"),
        "operation": _("Samdrift's own work"),
    }
    return known.get(value, value)


def counted(count: int) -> str:
    """Return a number with points between thousands, as Danish writes it."""
    return f"{count:,}".replace(",", ".")


def rows(count: int) -> str:
    """Return how many rows a list has."""
    return ngettext("%(count)s row", "%(count)s rows", count) % {"count": counted(count)}
