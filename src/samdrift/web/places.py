"""The navigation: what there is to go to, for which purpose, in groups by what the person does."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from samdrift.federation import rules
from samdrift.federation.rules import Role
from samdrift_logs.scope import Purpose


@attrs.frozen(kw_only=True)
class Place:
    """A page that one goes to, for any of its purposes; `only` is a further rule about the roles."""

    group: str | Promise
    name: str | Promise
    view: str
    icon: str
    purposes: frozenset[Purpose]
    only: Callable[..., bool] | None = None


@attrs.frozen(kw_only=True)
class Shown:
    """A place as it is drawn."""

    name: str
    address: str
    icon: str
    here: bool


@attrs.frozen(kw_only=True)
class Group:
    """Places that belong together."""

    name: str
    places: tuple[Shown, ...]


_ANY = frozenset(Purpose)
_WATCH = frozenset({Purpose.WATCH})
_SUPPORT = frozenset({Purpose.SUPPORT})

PLACES = (
    Place(group=_("Duty"), name=_("My work list"), view="home", icon="check", purposes=_ANY),
    Place(group=_("Tickets"), name=_("Tickets"), view="tickets", icon="ticket", purposes=_SUPPORT),
    Place(
        group=_("Services"), name=_("Services"), view="services", icon="service", purposes=frozenset({Purpose.PURCHASE})
    ),
    Place(group=_("Security"), name=_("Cases"), view="cases", icon="shield", purposes=_WATCH),
    Place(group=_("Security"), name=_("Log search"), view="search", icon="search", purposes=_WATCH),
    Place(group=_("Security"), name=_("Log sources"), view="sources", icon="source", purposes=_WATCH),
    Place(group=_("Security"), name=_("Ledger"), view="ledger", icon="ledger", purposes=_WATCH),
    Place(
        group=_("Governance"),
        name=_("Who did what"),
        view="audit",
        icon="govern",
        purposes=frozenset({Purpose.WATCH, Purpose.ADMINISTRATION}),
        only=rules.may_read_audit,
    ),
)


def groups(
    request: HttpRequest, *, purposes: frozenset[Purpose], roles: frozenset[Role] = frozenset()
) -> tuple[Group, ...]:
    """Return the places open for any of `purposes` to these `roles`, in groups, with the one we are in marked."""
    shown: dict[str, list[Shown]] = {}
    for place in PLACES:
        if place.purposes & purposes and (place.only is None or place.only(roles=roles)):
            address = reverse(place.view)
            here = request.path == address if address == "/" else request.path.startswith(address)
            shown.setdefault(str(place.group), []).append(
                Shown(name=str(place.name), address=address, icon=place.icon, here=here)
            )
    return tuple(Group(name=name, places=tuple(places)) for name, places in shown.items())
