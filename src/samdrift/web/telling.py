"""The story of a ticket in words: who did what, for whom, with which icon. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs
from django.utils.translation import gettext as _

from samdrift.support.queries import StoryItem
from samdrift.web import explaining, words
from samdrift.web.steps import CHECKLIST_LABELS


@attrs.frozen(kw_only=True)
class Told:
    """One thing that happened, as the page shows it. `facts` are label and value; `tone` is "internal" for a note."""

    at: datetime
    icon: str
    author: str
    organisation: str
    what: str
    text: str
    tone: str
    facts: Sequence[tuple[str, str]]


def story(items: Sequence[StoryItem], *, with_clocks: bool) -> list[Told]:
    """Return the story to read. What clocks did is left out unless asked for, save that a promise was broken."""
    return [tell(item) for item in items if with_clocks or item.kind != "clock" or item.what == "breach"]


def tell(item: StoryItem) -> Told:
    """Return one item in words."""
    icon, what = _of_kind(item)
    return Told(
        at=item.at,
        icon=icon,
        author=item.author or _("Samdrift"),
        organisation=item.organisation_name,
        what=what,
        text=item.text,
        tone="internal" if item.kind == "internal" else "",
        facts=_facts(item),
    )


def _of_kind(item: StoryItem) -> tuple[str, str]:
    team = str(item.facts.get("team", ""))
    kinds = {
        "opened": ("ticket", _("opens the ticket")),
        "message": ("note", _("writes")),
        "internal": ("lock", _("notes for the own organisation")),
        "offered": ("hand", _offered(item) % {"team": team}),
        "accepted": ("check", _("accepts for %(team)s") % {"team": team}),
        "acknowledged": ("check", _("acknowledges for %(team)s") % {"team": team}),
        "returned": ("back", _("sends it back from %(team)s") % {"team": team}),
        "let_go": ("fact", _("%(team)s lets go") % {"team": team}),
    }
    if item.kind == "fact":
        return _fact(item)
    if item.kind == "clock":
        return _clock(item)
    return kinds.get(item.kind, ("fact", item.kind))


def _offered(item: StoryItem) -> str:
    if item.facts.get("part") == "follower":
        return _("tells %(team)s")
    return _("offers it to %(team)s") if item.facts.get("part") == "receiver" else _("gives it to %(team)s")


def _fact(item: StoryItem) -> tuple[str, str]:
    to, before = str(item.facts.get("to", "")), str(item.facts.get("from", ""))
    known = {
        "assigned": ("user", _assigned(before, to)),
        "paused": ("pause", _("pauses the clock")),
        "resumed": ("clock", _("lets the clock run")),
        "priority_changed": (
            "alert",
            _("changes the priority from %(before)s to %(after)s") % {"before": before, "after": to},
        ),
        "resolved": ("check", _("reports it solved")),
        "closed": ("check", _("closes the ticket")),
        "reopened": ("back", _("opens it again")),
    }
    return known.get(item.what, ("fact", item.what.replace("_", " ")))


def _assigned(before: str, to: str) -> str:
    if to:
        return _("gives it to %(name)s") % {"name": to}
    return _("takes it from %(name)s") % {"name": before}


def _clock(item: StoryItem) -> tuple[str, str]:
    metric = explaining.metric(str(item.facts.get("metric", "")))
    known = {
        "start": ("clock", _("clock starts: %(metric)s")),
        "retarget": ("clock", _("clock gets a new target: %(metric)s")),
        "pause": ("pause", _("clock pauses: %(metric)s")),
        "resume": ("clock", _("clock runs again: %(metric)s")),
        "stop": ("check", _("clock stops: %(metric)s")),
        "cancel": ("minus", _("clock no longer counts: %(metric)s")),
        "breach": ("alert", _("deadline passed: %(metric)s")),
    }
    icon, template = known.get(item.what, ("clock", item.what))
    return icon, template % {"metric": metric} if "%(" in template else template


def _facts(item: StoryItem) -> list[tuple[str, str]]:
    facts = []
    if item.kind == "opened":
        facts = [(_("Priority"), words.priority(str(item.facts.get("priority", ""))).word)]
        if item.facts.get("requester"):
            facts.append((_("For"), str(item.facts["requester"])))
    checklist = item.facts.get("checklist")
    if isinstance(checklist, dict):
        told = {key: value for key, value in checklist.items() if value and key != "note"}
        facts += [(str(CHECKLIST_LABELS.get(key, key)), str(value)) for key, value in told.items()]
    if item.what == "breach" and item.facts.get("team"):
        facts.append((_("Held by"), str(item.facts["team"])))
    return facts
