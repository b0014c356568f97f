"""Break the gate on purpose: the generated suite must notice. A suite that catches nothing proves nothing."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

import pytest
from _pytest.outcomes import Failed
from django.db import DatabaseError, connection, transaction
from django.db.models.sql.datastructures import Join

from samdrift.federation.models import Membership
from samdrift.foundation import scoped
from samdrift.foundation.models import Fact
from samdrift.foundation.scoped import ScopedModel, ScopedQuery, ScopedQuerySet
from tests.boundary import test_models as suite
from tests.boundary.rows import fill
from tests.boundary.world import World, build_world

pytestmark = pytest.mark.django_db
Patch = pytest.MonkeyPatch


def _forget_the_filter(patch: Patch) -> None:
    patch.setattr(scoped, "_restriction", lambda model, scope: None)


def _forget_the_joins(patch: Patch) -> None:
    patch.setattr(ScopedQuery, "join_class", Join)


def _forget_the_purpose(patch: Patch) -> None:
    patch.setattr(scoped, "_require_purpose", lambda *anything: None)


def _forget_a_party_check(patch: Patch) -> None:
    patch.setattr(scoped, "_check_covered", lambda *anything: None)


def _forget_to_check_writes(patch: Patch) -> None:
    patch.setattr(scoped, "check_write", lambda *anything, **named: None)
    patch.setattr(ScopedModel, "delete", lambda self: None)


def _publish_a_private_model(patch: Patch) -> None:
    patch.setattr(Fact, "boundary", scoped.National())


def _answer_without_a_scope(patch: Patch) -> None:
    patch.setattr(ScopedQuerySet, "__init__", functools.partialmethod(_plain_init))


def _plain_init(self: ScopedQuerySet, model: object = None, query: object = None, **named: object) -> None:
    from django.db.models import QuerySet

    QuerySet.__init__(self, model=model, query=query, **named)


def shows_no_other(world: World) -> None:
    suite.test_model_shows_each_organisation_its_rows_and_no_other(world, Fact)


def refuses_without_scope(world: World) -> None:
    suite.test_model_refuses_without_a_scope(Fact)


def refuses_purposes(world: World) -> None:
    suite.test_model_refuses_other_purposes(world, Fact)


def keeps_from_writing(world: World) -> None:
    suite.test_model_keeps_others_from_writing(world, Membership)


def not_over_relations(world: World) -> None:
    suite.test_model_is_not_reached_over_relations(world, Membership)


SEEDED: dict[Callable[[Patch], None], Callable[[World], None]] = {
    _forget_the_filter: shows_no_other,
    _forget_the_joins: not_over_relations,
    _forget_the_purpose: refuses_purposes,
    _forget_a_party_check: keeps_from_writing,
    _forget_to_check_writes: keeps_from_writing,
    _publish_a_private_model: shows_no_other,
    _answer_without_a_scope: refuses_without_scope,
}


# What PostgreSQL's row-level security holds when the gate fails: nothing is shown, or the statement is refused.
HELD_BY_THE_SECOND_LOCK = (_forget_the_filter, _forget_the_joins, _forget_a_party_check)


@pytest.mark.parametrize(("leak", "check"), SEEDED.items(), ids=lambda item: item.__name__.strip("_"))
def test_seeded_leak_is_caught(
    monkeypatch: pytest.MonkeyPatch, db: None, leak: Callable[[Patch], None], check: Callable[[World], None]
) -> None:
    world = build_world()
    fill(world)
    check(world)

    with monkeypatch.context() as patch:
        leak(patch)
        if connection.vendor == "postgresql" and leak in HELD_BY_THE_SECOND_LOCK:
            with contextlib.suppress(DatabaseError), transaction.atomic():
                check(world)
            return
        with pytest.raises((AssertionError, Failed)):
            check(world)
