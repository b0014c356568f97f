"""The steps on a ticket as forms: what each asks, and which operation it calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from samdrift.support import operations
from samdrift.support.rules import CHECKLIST, Acting, Step

CHECKLIST_LABELS: Mapping[str, Any] = {
    "what_is_wrong": gettext_lazy("What is wrong?"),
    "who_is_hit": gettext_lazy("Who is hit, and how badly?"),
    "tried_so_far": gettext_lazy("What has been tried?"),
    "contact": gettext_lazy("Whom can they ask?"),
    "case": gettext_lazy("Case"),
}
PRIORITY_LABELS = [
    ("P1", gettext_lazy("P1 critical")),
    ("P2", gettext_lazy("P2 high")),
    ("P3", gettext_lazy("P3 normal")),
    ("P4", gettext_lazy("P4 low")),
]


def _text(label: Any, *, help_text: Any = "", required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=required, widget=forms.Textarea, max_length=20_000
    )


class NothingForm(forms.Form):
    """A step that asks nothing."""


class ReturnForm(forms.Form):
    reason = _text(gettext_lazy("Why does it go back?"), help_text=gettext_lazy("The other side reads this."))


class PauseForm(forms.Form):
    reason = _text(gettext_lazy("Who or what does it wait for?"), help_text=gettext_lazy("The other side reads this."))


class ReopenForm(forms.Form):
    reason = _text(gettext_lazy("Why is it not solved?"))


class ResolveForm(forms.Form):
    resolution = _text(gettext_lazy("How was it solved?"), help_text=gettext_lazy("The SPOC tells the user this."))


class CloseForm(forms.Form):
    note = _text(gettext_lazy("Note"), required=False)


class PriorityForm(forms.Form):
    priority = forms.ChoiceField(label=gettext_lazy("Priority"), choices=PRIORITY_LABELS)
    reason = _text(gettext_lazy("Why?"), help_text=gettext_lazy("The deadlines move with it."))


class MessageForm(forms.Form):
    body = _text(gettext_lazy("Message"))
    internal = forms.BooleanField(label=gettext_lazy("Only for our own organisation"), required=False)


class AssignForm(forms.Form):
    """Give the ticket to a colleague. `people` are (id, name)."""

    assignee = forms.ChoiceField(label=gettext_lazy("To whom?"), required=False)

    def __init__(self, *args: Any, people: Sequence[tuple[str, str]], **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["assignee"].choices = [("", _("Nobody")), *people]  # type: ignore[attr-defined]


class HandOverForm(forms.Form):
    """Hand over to another team, with everything its people need. `teams` are (id, name)."""

    team = forms.ChoiceField(label=gettext_lazy("To which team?"))

    def __init__(self, *args: Any, teams: Sequence[tuple[str, str]], **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["team"].choices = teams  # type: ignore[attr-defined]
        for key in CHECKLIST:
            self.fields[key] = forms.CharField(label=CHECKLIST_LABELS.get(key, key), max_length=2_000)
        self.fields["note"] = _text(gettext_lazy("Note"), required=False)


Act = Callable[[Acting, UUID, Mapping[str, Any], datetime], None]


@attrs.frozen(kw_only=True)
class StepForm:
    """A step on a ticket: what it asks and what it does."""

    step: Step
    label: str | Promise
    form: type[forms.Form]
    act: Act
    icon: str = "hand"


@attrs.frozen(kw_only=True)
class Offered:
    """A step as a page offers it: with its form, and `open` where the form came back with a fault."""

    step: Any
    form: forms.Form
    open: bool


def _hand_over(actor: Acting, ticket: UUID, given: Mapping[str, Any], at: datetime) -> None:
    checklist = {key: given[key] for key in CHECKLIST}
    operations.hand_over(
        actor=actor, ticket=ticket, team=UUID(given["team"]), checklist=checklist, note=given["note"], at=at
    )


def _assign(actor: Acting, ticket: UUID, given: Mapping[str, Any], at: datetime) -> None:
    assignee = UUID(given["assignee"]) if given["assignee"] else None
    operations.assign_ticket(actor=actor, ticket=ticket, assignee=assignee, at=at)


def _write(actor: Acting, ticket: UUID, given: Mapping[str, Any], at: datetime) -> None:
    operations.add_message(actor=actor, ticket=ticket, body=given["body"], internal=given["internal"], at=at)


STEPS: Mapping[Step, StepForm] = {
    item.step: item
    for item in (
        StepForm(
            step=Step.ACCEPT,
            label=pgettext_lazy("step", "Accept the ticket"),
            form=NothingForm,
            icon="check",
            act=lambda actor, ticket, given, at: operations.accept_leg(actor=actor, ticket=ticket, at=at),
        ),
        StepForm(
            step=Step.ACKNOWLEDGE,
            label=pgettext_lazy("step", "Acknowledge"),
            form=NothingForm,
            icon="check",
            act=lambda actor, ticket, given, at: operations.acknowledge_ticket(actor=actor, ticket=ticket, at=at),
        ),
        StepForm(
            step=Step.RESOLVE,
            label=pgettext_lazy("step", "Report it solved"),
            form=ResolveForm,
            icon="check",
            act=lambda actor, ticket, given, at: operations.resolve_ticket(
                actor=actor, ticket=ticket, resolution=given["resolution"], at=at
            ),
        ),
        StepForm(
            step=Step.CLOSE,
            label=pgettext_lazy("step", "Close the ticket"),
            form=CloseForm,
            icon="check",
            act=lambda actor, ticket, given, at: operations.close_ticket(
                actor=actor, ticket=ticket, note=given["note"], at=at
            ),
        ),
        StepForm(
            step=Step.REOPEN,
            label=pgettext_lazy("step", "Open it again"),
            form=ReopenForm,
            icon="back",
            act=lambda actor, ticket, given, at: operations.reopen_ticket(
                actor=actor, ticket=ticket, reason=given["reason"], at=at
            ),
        ),
        StepForm(step=Step.HAND_OVER, label=pgettext_lazy("step", "Hand over"), form=HandOverForm, act=_hand_over),
        StepForm(
            step=Step.RETURN,
            label=pgettext_lazy("step", "Send it back"),
            form=ReturnForm,
            icon="back",
            act=lambda actor, ticket, given, at: operations.return_leg(
                actor=actor, ticket=ticket, reason=given["reason"], at=at
            ),
        ),
        StepForm(step=Step.ASSIGN, label=pgettext_lazy("step", "Assign"), form=AssignForm, icon="user", act=_assign),
        StepForm(
            step=Step.PAUSE,
            label=pgettext_lazy("step", "Pause the clock"),
            form=PauseForm,
            icon="pause",
            act=lambda actor, ticket, given, at: operations.pause_clock(
                actor=actor, ticket=ticket, reason=given["reason"], at=at
            ),
        ),
        StepForm(
            step=Step.RESUME,
            label=pgettext_lazy("step", "Let the clock run"),
            form=NothingForm,
            icon="clock",
            act=lambda actor, ticket, given, at: operations.resume_clock(actor=actor, ticket=ticket, at=at),
        ),
        StepForm(
            step=Step.CHANGE_PRIORITY,
            label=pgettext_lazy("step", "Change priority"),
            form=PriorityForm,
            icon="alert",
            act=lambda actor, ticket, given, at: operations.change_priority(
                actor=actor, ticket=ticket, priority=given["priority"], reason=given["reason"], at=at
            ),
        ),
        StepForm(step=Step.WRITE, label=pgettext_lazy("step", "Send"), form=MessageForm, icon="note", act=_write),
    )
}


class OpenForm(forms.Form):
    """Open a ticket. `teams` and `services` are (id, name)."""

    title = forms.CharField(
        label=gettext_lazy("What is it about?"),
        max_length=200,
        help_text=gettext_lazy("One line, as you would say it."),
    )
    requester = forms.CharField(label=gettext_lazy("Who asks?"), max_length=120, required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[("incident", gettext_lazy("Incident")), ("request", gettext_lazy("Request"))],
    )
    priority = forms.ChoiceField(label=gettext_lazy("Priority"), choices=PRIORITY_LABELS, initial="P3")
    subscription = forms.ChoiceField(
        label=gettext_lazy("Service"),
        required=False,
        help_text=gettext_lazy("The subscribed level decides the deadlines."),
    )
    team = forms.ChoiceField(label=gettext_lazy("Which team takes it?"))
    description = _text(
        gettext_lazy("Description"),
        required=False,
        help_text=gettext_lazy("Write no CPR numbers: they are taken out."),
    )

    def __init__(
        self, *args: Any, teams: Sequence[tuple[str, str]], services: Sequence[tuple[str, str]], **named: Any
    ) -> None:
        super().__init__(*args, **named)
        self.fields["team"].choices = teams  # type: ignore[attr-defined]
        self.fields["subscription"].choices = [("", _("None of them")), *services]  # type: ignore[attr-defined]
