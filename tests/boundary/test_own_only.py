"""The watch of a unit reaches its owners' logs and cases, and nothing that they say among themselves or to others."""

from __future__ import annotations

import attrs
import pytest

from samdrift.federation.rules import Role
from samdrift.foundation import scoped
from samdrift.foundation.scoped import National, ScopedModel
from samdrift.processes.models import CaseTicket
from samdrift.support.models import Leg, Message, Ticket
from samdrift_logs.scope import Purpose
from tests.boundary.rows import fill
from tests.boundary.test_models import everything, named
from tests.boundary.world import World

pytestmark = pytest.mark.django_db

WATCHED = [
    model
    for model in scoped.registry().values()
    if not isinstance(model.boundary, National) and Purpose.WATCH in model.read_purposes
]
# What a unit's watch reaches of its owners' rows. A model that may be read for watch is here with its reason, or is
# declared `own_only`; asserted equal.
REACHED = {
    "catalogue.Offering": "which unit offers which service to whom: what a case's machine belongs to",
    "catalogue.Subscription": "which unit runs what a log comes from",
    "catalogue.OfferedTo": "who is offered a service",
    "federation.Membership": "who works on a case",
    "foundation.Counter": "numbers of cases",
    "processes.CaseTicket": "that a case has a ticket; the ticket itself is own_only",
    "soc.Alert": "the watch's own",
    "soc.Case": "the watch's own",
    "soc.CaseEntry": "the watch's own",
    "soc.Source": "the watch's own",
}


def test_models_that_the_watch_reaches_are_those_that_are_argued() -> None:
    assert {named(model) for model in WATCHED if Purpose.WATCH not in model.own_only} == set(REACHED)


@pytest.mark.parametrize("model", WATCHED, ids=named)
def test_watch_sees_the_owners_rows_or_only_its_own(world: World, model: type[ScopedModel]) -> None:
    fill(world)
    rows = everything(model)
    reached = {world.organisations[name] for name in ("syd", "odense", "assens")}
    expected = {world.organisations["syd"]} if Purpose.WATCH in model.own_only else reached

    with world.acting("syd", Role.ANALYST, Purpose.WATCH):
        seen = set(model.objects.values_list("pk", flat=True))
        counted = model.objects.count()

    assert seen == {key for key, parties in rows.items() if parties & expected}
    assert counted == len(seen)


def test_own_only_holds_over_relations_too(world: World) -> None:
    fill(world)
    fill(world, pairs=[("odense", None)], first=3_000)
    with world.acting("syd", Role.ANALYST, Purpose.WATCH):
        seen = {*Ticket.objects.values_list("title", flat=True), *Message.objects.values_list("body", flat=True)}
        for source, path in (
            (CaseTicket, "ticket__title"),
            (Ticket, "messages__body"),
            (Leg, "ticket__title"),
            (Leg, "ticket__messages__body"),
        ):
            assert set(source.objects.values_list(path, flat=True)) - {None} <= seen
        assert not Ticket.objects.exclude(messages__organisation=world.organisations["syd"]).filter(
            counterparty=None, organisation=world.organisations["odense"]
        )


def test_scope_that_does_not_say_whose_it_is_shows_nothing_that_is_own_only(world: World) -> None:
    fill(world)
    with world.within("odense", "syd", purpose=Purpose.WATCH) as scope:
        assert Message.objects.count() == 0
        assert Leg.objects.filter(ticket__title__contains="kanarie").count() == 0
    with scoped.entered(attrs.evolve(scope, home=world.organisations["aalborg"])):
        assert Message.objects.count() == 0


def test_an_owners_internal_note_is_not_found_by_the_units_watch(world: World) -> None:
    """Regression: the watch's Scope over the owners opened their internal notes, which have no counterparty."""
    fill(world, pairs=[("odense", None)])
    with world.acting("odense", Role.ANALYST, Purpose.WATCH):
        assert Message.objects.filter(counterparty=None).exists()
    with world.acting("syd", Role.ANALYST, Purpose.WATCH):
        assert not Message.objects.exists()
        assert not Ticket.objects.filter(messages__body__contains="kanarie").exists()
