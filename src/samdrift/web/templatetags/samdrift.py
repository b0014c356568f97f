"""Template tags: icons, times, states. The words are in `samdrift.web.words`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from samdrift.web import words

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon. It is decoration: the words beside it say the same."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("web/icons.svg"), name
    )


@register.simple_tag
def mark(state: words.State) -> SafeString:
    """Draw a state: shape, colour and word."""
    return format_html('<span class="state {}">{}</span>', state.tone, state.word)


@register.simple_tag
def state(kind: str, value: object) -> SafeString:
    """Draw the state `value` of a kind of thing: level, ticket, case, leg, priority."""
    name = str(value)
    kinds = {
        "level": words.level,
        "ticket": words.ticket_state,
        "case": words.case_state,
        "leg": words.leg_state,
        "priority": words.priority,
    }
    return mark(kinds[kind](name))


@register.simple_tag(takes_context=True)
def when(context: template.Context, moment: datetime | None) -> SafeString:
    """Write a time as one says it, with the full date and UTC on hover."""
    if moment is None:
        return SafeString("–")
    shown = words.at_clock(moment, now=_now(context))
    return _time(
        moment, shown, f"{words.day(moment)} {moment.astimezone(words.COPENHAGEN):%H:%M:%S} · {words.utc(moment)}"
    )


@register.simple_tag(takes_context=True)
def ago(context: template.Context, moment: datetime | None) -> SafeString:
    """Write how far a time is from now."""
    if moment is None:
        return SafeString("–")
    return _time(moment, words.ago(moment, now=_now(context)), f"{words.precise(moment)} · {words.utc(moment)}")


@register.simple_tag
def stamp(moment: datetime | None) -> SafeString:
    """Write a time to the millisecond, as logs need it; UTC on hover."""
    if moment is None:
        return SafeString("–")
    return _time(moment, words.precise(moment), words.utc(moment))


@register.simple_tag
def level_class(value: object) -> str:
    """Write the name of a service level."""
    return words.level_class(str(value))


@register.filter
def counted(count: int) -> str:
    """Write a number with points between thousands."""
    return words.counted(count)


@register.filter
def purpose_name(value: object) -> str:
    """Write the name of a purpose."""
    return words.purpose(str(value))


def _time(moment: datetime, shown: str, title: str) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), title, shown)


def _now(context: template.Context) -> datetime:
    request: Any = context.get("request")
    return getattr(request, "at", None) or timezone.now()


@register.inclusion_tag("web/parts/field.html")
def field(bound: Any) -> dict[str, Any]:
    """Write one form field: label, hint, error, control, joined for those who hear the page."""
    widget = bound.field.widget
    described = " ".join(
        name
        for name, there in ((f"{bound.auto_id}-hint", bound.help_text), (f"{bound.auto_id}-error", bound.errors))
        if there
    )
    given: dict[str, str] = {}
    if described:
        given["aria-describedby"] = described
    if bound.errors:
        given["aria-invalid"] = "true"
    for unwanted in ("cols", "rows", "placeholder"):
        widget.attrs.pop(unwanted, None)
    return {
        "field": bound,
        "control": bound.as_widget(attrs=given),
        "checkbox": getattr(widget, "input_type", "") == "checkbox",
    }
