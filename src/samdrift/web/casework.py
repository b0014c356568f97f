"""Security cases in words: their timeline, and the steps that analysts take, as forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
from django import forms
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from samdrift.soc import operations
from samdrift.soc.queries import CaseEntryRow, CasePage
from samdrift.soc.rules import Acting
from samdrift.web import words

CLASSIFICATIONS = [
    ("true_positive", gettext_lazy("A real attack")),
    ("benign", gettext_lazy("It happened, and it was allowed")),
    ("false_positive", gettext_lazy("False alarm: the rule was wrong")),
]


def classification(value: str) -> str:
    """Return what a case turned out to be, in words."""
    return str(dict(CLASSIFICATIONS).get(value, value))


# ---- the timeline


@attrs.frozen(kw_only=True)
class Told:
    """One line of the timeline as the page shows it; `address` is where it leads, if anywhere."""

    at: datetime
    icon: str
    author: str
    organisation: str
    what: str
    text: str
    tone: str
    facts: Sequence[tuple[str, str]]
    address: str
    link: str


def timeline(entries: Sequence[CaseEntryRow]) -> list[Told]:
    """Return the timeline to read, oldest first."""
    return [_told(entry) for entry in entries]


def _told(entry: CaseEntryRow) -> Told:
    icon, what = _what(entry)
    address, link = _address(entry)
    return Told(
        at=entry.at,
        icon=icon,
        author=entry.author_name,
        organisation="",
        what=what,
        text=entry.body,
        tone="",
        facts=_facts(entry),
        address=address,
        link=link,
    )


def _what(entry: CaseEntryRow) -> tuple[str, str]:
    fact = {name: str(value) for name, value in entry.facts.items() if value}
    before, after = fact.get("from", ""), fact.get("to", "")
    known = {
        "opened": ("shield", _("opens the case")),
        "alert": ("alert", _("new kind of alert: %(title)s") % {"title": fact.get("title", "")}),
        "escalated": (
            "alert",
            _("raises the level from %(before)s to %(after)s")
            % {"before": words.level(before).word, "after": words.level(after).word},
        ),
        "taken": ("user", _("takes the case")),
        "note": ("note", _("notes")),
        "decision": ("check", _("decides")),
        "state": (
            "fact",
            _("changes the state from %(before)s to %(after)s")
            % {"before": words.case_state(before).word, "after": words.case_state(after).word},
        ),
        "link": ("pivot", _("adds a link")),
        "ticket": ("ticket", _ticket(fact)),
        "closed": ("check", _("closes the case")),
    }
    return known.get(entry.kind, ("fact", entry.kind))


def _ticket(fact: Mapping[str, str]) -> str:
    known = {
        "opened": _("a ticket is opened"),
        "accepted": _("the ticket is accepted by %(by)s"),
        "acknowledged": _("the ticket is acknowledged by %(by)s"),
        "resolved": _("the ticket is reported solved by %(by)s"),
        "closed": _("the ticket is closed by %(by)s"),
        "reopened": _("the ticket is opened again by %(by)s"),
    }
    template = known.get(fact.get("what", ""), fact.get("what", ""))
    return template % {"by": fact.get("by", "")} if "%(" in template else template


def _facts(entry: CaseEntryRow) -> list[tuple[str, str]]:
    facts = []
    if entry.kind in ("opened", "alert") and entry.facts.get("level"):
        facts.append((_("Level"), words.level(str(entry.facts["level"])).word))
    for name, label in (("place", _("Machine")), ("user", _("Account"))):
        if entry.facts.get(name):
            facts.append((label, str(entry.facts[name])))
    if entry.facts.get("classification"):
        facts.append((_("It was"), classification(str(entry.facts["classification"]))))
    return facts


def _address(entry: CaseEntryRow) -> tuple[str, str]:
    """Return where an entry leads. A link that people wrote is shown as its address, so that nobody is deceived."""
    if entry.kind == "alert" and entry.facts.get("alert"):
        return reverse("alert", args=[UUID(str(entry.facts["alert"]))]), _("See the event")
    if entry.kind == "ticket" and entry.facts.get("ticket"):
        return reverse("ticket", args=[UUID(str(entry.facts["ticket"]))]), _("See the ticket")
    if entry.kind == "link":
        return str(entry.facts.get("address", "")), str(entry.facts.get("address", ""))
    return "", ""


# ---- the steps


def _text(label: Any, *, help_text: Any = "", required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=required, widget=forms.Textarea, max_length=20_000
    )


class TakeForm(forms.Form):
    """Nothing is asked."""


class NoteForm(forms.Form):
    body = _text(gettext_lazy("Note"), help_text=gettext_lazy("The municipality reads it, too."))


class DecisionForm(forms.Form):
    decision = _text(gettext_lazy("What is decided, and why?"))


class StateForm(forms.Form):
    """Move the case on. `states` are those it can go to, as (value, word)."""

    state = forms.ChoiceField(label=gettext_lazy("New state"))
    reason = _text(gettext_lazy("Why?"), required=False)

    def __init__(self, *args: Any, states: Sequence[tuple[str, str]], **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["state"].choices = states  # type: ignore[attr-defined]


class CloseForm(forms.Form):
    classification = forms.ChoiceField(label=gettext_lazy("What was it?"), choices=CLASSIFICATIONS)
    reason = _text(gettext_lazy("How do you know?"), help_text=gettext_lazy("So that the next one like it is faster."))


class ReopenForm(forms.Form):
    reason = _text(gettext_lazy("Why does it open again?"))


class LinkForm(forms.Form):
    title = forms.CharField(label=gettext_lazy("What is it?"), max_length=200)
    address = forms.URLField(label=gettext_lazy("Address"), assume_scheme="https")


Act = Callable[[Acting, UUID, Mapping[str, Any], datetime], None]


@attrs.frozen(kw_only=True)
class CaseStep:
    """A step on a case as the page offers it."""

    step: str
    label: str | Promise
    form: type[forms.Form]
    act: Act
    icon: str


STEPS: Mapping[str, CaseStep] = {
    item.step: item
    for item in (
        CaseStep(
            step="take",
            label=pgettext_lazy("case step", "Take the case"),
            form=TakeForm,
            icon="user",
            act=lambda actor, case, given, at: operations.take_case(actor=actor, case=case, at=at),
        ),
        CaseStep(
            step="decide",
            label=pgettext_lazy("case step", "Write down a decision"),
            form=DecisionForm,
            icon="check",
            act=lambda actor, case, given, at: operations.record_decision(
                actor=actor, case=case, decision=given["decision"], at=at
            ),
        ),
        CaseStep(
            step="state",
            label=pgettext_lazy("case step", "Change the state"),
            form=StateForm,
            icon="fact",
            act=lambda actor, case, given, at: operations.set_state(
                actor=actor, case=case, state=given["state"], reason=given["reason"], at=at
            ),
        ),
        CaseStep(
            step="close",
            label=pgettext_lazy("case step", "Close the case"),
            form=CloseForm,
            icon="check",
            act=lambda actor, case, given, at: operations.close_case(
                actor=actor, case=case, classification=given["classification"], reason=given["reason"], at=at
            ),
        ),
        CaseStep(
            step="reopen",
            label=pgettext_lazy("case step", "Open it again"),
            form=ReopenForm,
            icon="back",
            act=lambda actor, case, given, at: operations.reopen_case(
                actor=actor, case=case, reason=given["reason"], at=at
            ),
        ),
        CaseStep(
            step="link",
            label=pgettext_lazy("case step", "Add a link"),
            form=LinkForm,
            icon="pivot",
            act=lambda actor, case, given, at: operations.link_to_case(
                actor=actor, case=case, title=given["title"], address=given["address"], at=at
            ),
        ),
        CaseStep(
            step="note",
            label=pgettext_lazy("case step", "Note"),
            form=NoteForm,
            icon="note",
            act=lambda actor, case, given, at: operations.add_note(actor=actor, case=case, body=given["body"], at=at),
        ),
    )
}


def steps_open(page: CasePage) -> list[CaseStep]:
    """Return the steps the reader may take now."""
    closed = page.case.state == "closed"
    names = []
    if page.may_work:
        names = ["reopen"] if closed else ["take", "decide", "state", "close"]
    if page.may_note:
        names += ["link", "note"]
    return [STEPS[name] for name in names]


def states(page: CasePage) -> list[tuple[str, str]]:
    """Return the states that the case can go to by the state form, as (value, word)."""
    return [(state, words.case_state(state).word) for state in page.states if state != "closed"]


def tag(name: str) -> str:
    """Return a tag as people know it: attack.t1059.001 is T1059.001, attack.credential-access its tactic."""
    bare = name.removeprefix("attack.")
    if bare[:1] == "t" and bare[1:5].isdigit():
        return bare.upper()
    tactics = {
        "credential-access": pgettext("tactic", "Credential access"),
        "execution": pgettext("tactic", "Execution"),
        "persistence": pgettext("tactic", "Persistence"),
        "privilege-escalation": pgettext("tactic", "Privilege escalation"),
        "defense-evasion": pgettext("tactic", "Defence evasion"),
        "discovery": pgettext("tactic", "Discovery"),
        "lateral-movement": pgettext("tactic", "Lateral movement"),
        "collection": pgettext("tactic", "Collection"),
        "command-and-control": pgettext("tactic", "Command and control"),
        "exfiltration": pgettext("tactic", "Exfiltration"),
        "impact": pgettext("tactic", "Impact"),
        "initial-access": pgettext("tactic", "Initial access"),
        "reconnaissance": pgettext("tactic", "Reconnaissance"),
    }
    return tactics.get(bare.replace("_", "-"), name)
