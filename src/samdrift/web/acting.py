"""For whom, as what and why: the viewer's choice, and the Scope that a page's purpose gives them.

A page declares its purpose; the middleware calls `answer_within`, which finds out for whom the viewer acts, asks
`federation.boundary.scope_for`, and makes the page inside that Scope. Somebody who belongs to several organisations
chooses one explicitly; it is kept in the session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import attrs
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from samdrift.federation import boundary, queries, rules
from samdrift.federation.rules import Actor
from samdrift.foundation.scoped import entered
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose

KEY = "acting_for"
View = TypeVar("View", bound=Callable[..., HttpResponse])


class Detour(Exception):
    """The viewer must do something else first: log in, choose for whom to act, or turn on two-step login."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


@attrs.frozen(kw_only=True)
class Acting:
    """The one the viewer acts for."""

    actor: Actor
    several: bool

    @property
    def purposes(self) -> frozenset[Purpose]:
        """For what the viewer may look at data."""
        return rules.purposes_of(self.actor.roles)

    @property
    def label(self) -> str:
        """Say it in words: Analyst, Enhed Syd."""
        return f"{self.roles}, {self.actor.organisation_name}"

    @property
    def roles(self) -> str:
        """Name the roles."""
        return ", ".join(sorted(str(role.label) for role in self.actor.roles))


PurposeOf = Callable[[HttpRequest, Acting], Purpose]


def purpose(wanted: Purpose | PurposeOf) -> Callable[[View], View]:
    """Declare what a page is looked at for. A callable gets request and Acting and returns the purpose."""

    def declare(view: View) -> View:
        view.purpose = wanted  # type: ignore[attr-defined]
        return view

    return declare


def first_of(*purposes: Purpose) -> PurposeOf:
    """Return the first of `purposes` that the viewer's roles give, and the last where they give none (refused then)."""

    def choose(_request: HttpRequest, acting: Acting) -> Purpose:
        return next((item for item in purposes if item in acting.purposes), purposes[-1])

    return choose


def answer_within(
    request: Any, view: Callable[..., HttpResponse], wanted: Purpose | PurposeOf, args: tuple[Any, ...], kwargs: Any
) -> HttpResponse:
    """Make the page inside the Scope that its purpose gives the viewer. Raises Detour and ScopeRefused."""
    request.acting = acting_of(request)
    chosen = wanted if isinstance(wanted, Purpose) else wanted(request, request.acting)
    request.scope = boundary.scope_for(request.acting.actor, chosen, at=request.at)
    with entered(request.scope):
        response = view(request, *args, **kwargs)
        render = getattr(response, "render", None)
        return render() if callable(render) else response


def acting_of(request: Any) -> Acting:
    """Return for whom the viewer acts. Raises Detour where that must be settled first."""
    if not request.user.is_authenticated:
        raise Detour(redirect_to_login(request.get_full_path()).url)
    actors = queries.actors_of(user_id=request.user.pk, at=request.at)
    if not actors:
        raise ScopeRefused(_("You are not a member of any organisation today."))
    _require_second_factor(request)
    chosen = [actor for actor in actors if str(actor.organisation_id) == request.session.get(KEY)]
    if len(actors) > 1 and not chosen:
        raise Detour(f"{reverse('acting')}?{urlencode({'next': request.get_full_path()})}")
    return Acting(actor=(chosen or actors)[0], several=len(actors) > 1)


def choose(request: Any, organisation: UUID) -> None:
    """Keep for whom the viewer acts from now on. Raises ScopeRefused where they are no member."""
    actor = queries.actor_for(user_id=request.user.pk, organisation_id=organisation, at=request.at)
    request.session[KEY] = str(actor.organisation_id)


def _require_second_factor(request: Any) -> None:
    """Send whoever lacks a second factor, but is a member of an organisation that asks for one, to make it."""
    if is_mfa_enabled(request.user):
        request.session.pop("mfa_demanded", None)
        return
    if queries.mfa_required(user_id=request.user.pk, at=request.at):
        request.session["mfa_demanded"] = True
        raise Detour(reverse("mfa_activate_totp"))
