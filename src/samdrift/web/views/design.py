"""The design system: every component on one page, with invented content. Reads nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from samdrift.web import charts, lists, words

STYLESHEET = Path(__file__).resolve().parent.parent / "static" / "web" / "samdrift.css"
ICONS = STYLESHEET.parent / "icons.svg"


class SampleForm(forms.Form):
    """A form with one mistake in it."""

    name = forms.CharField(label=gettext_lazy("Name"), help_text=gettext_lazy("As others know it."))
    address = forms.EmailField(label=gettext_lazy("Email"))
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=[("a", gettext_lazy("Unit")), ("b", gettext_lazy("Municipality"))]
    )
    told = forms.BooleanField(label=gettext_lazy("The user has been told"), required=False)


@require_GET
def components(request: HttpRequest) -> HttpResponse:
    """Show every component."""
    now = timezone.now()
    step = timedelta(minutes=5)
    start = now - step * 48
    counts = [(place * 37) % 23 + (90 if place == 31 else 0) for place in range(48)]
    buckets = [
        charts.Bucket(
            since=start + step * place,
            until=start + step * (place + 1),
            count=count,
            tone="late" if place == 31 else "",
        )
        for place, count in enumerate(counts)
    ]
    query = QueryDict("state=open&sort=-due")
    context = {
        "tokens": re.findall(
            r"^\s+--([\w-]+): light-dark\((#\w+), (#\w+)\);", STYLESHEET.read_text("utf-8"), re.MULTILINE
        ),
        "icons": re.findall(r'symbol id="(\w+)"', ICONS.read_text("utf-8")),
        "tones": [words.State(name, name) for name in ("quiet", "note", "good", "soon", "late", "worst")],
        "levels": ["informational", "low", "medium", "high", "critical"],
        "form": SampleForm({"name": "", "address": "anna@", "kind": "a"}),
        "chart": charts.histogram(buckets),
        "heads": lists.heads(_columns(), sort="-due", query=query),
        "filters": [
            lists.choice(query, name="state", label=_("State"), values=[("open", _("Open")), ("closed", _("Closed"))])
        ],
        "soon": now + timedelta(minutes=35),
        "late": now - timedelta(hours=2, minutes=10),
        "earlier": now - timedelta(days=1, hours=3),
    }
    return render(request, "web/design/components.html", context)


def _columns() -> list[lists.Column]:
    return [
        lists.Column(label=_("Number"), sort="number"),
        lists.Column(label=_("Title")),
        lists.Column(label=_("State"), sort="state"),
        lists.Column(label=_("Due"), sort="due"),
        lists.Column(label=_("Alerts"), sort="alerts", number=True),
    ]
