"""What the frame of every page needs, beside what the page itself says."""

from __future__ import annotations

from typing import Any

import attrs
from django.conf import settings
from django.http import HttpRequest

from samdrift.web import places

THEMES = ("auto", "light", "dark")
DENSITIES = ("dense", "roomy")


@attrs.frozen(kw_only=True)
class Look:
    """How the reader wants pages to look. Kept in cookies of this browser: a screen is dark, not a person."""

    theme: str
    density: str


@attrs.frozen(kw_only=True)
class Frame:
    """Navigation and the name of the reader."""

    groups: tuple[places.Group, ...]
    name: str
    email: str


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the frame. Asks the database for nothing: the middleware has read what it needs."""
    acting = getattr(request, "acting", None)
    user: Any = getattr(request, "user", None)
    return {
        "demo": settings.SAMDRIFT.demo,
        "look": Look(
            theme=_one_of(request.COOKIES.get("theme"), THEMES),
            density=_one_of(request.COOKIES.get("density"), DENSITIES),
        ),
        "frame": Frame(
            groups=places.groups(request, purposes=acting.purposes, roles=acting.actor.roles) if acting else (),
            name=getattr(user, "name", ""),
            email=getattr(user, "email", ""),
        ),
    }


def _one_of(given: str | None, known: tuple[str, ...]) -> str:
    return given if given in known else known[0]
