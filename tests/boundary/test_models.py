"""The generated matrix: every scoped model × every organisation × every purpose, with rows that could leak.

Nothing here names a model: a new one is in as soon as it exists, with rows made from its fields (`rows.py`).
"""

from __future__ import annotations

import functools
from typing import Any
from uuid import UUID

import pytest
from django.db import models, transaction

from samdrift.foundation import scoped
from samdrift.foundation.scoped import National, ScopedModel
from samdrift_logs.errors import ScopeMissing, ScopeRefused
from samdrift_logs.scope import Purpose, Scope
from tests.boundary.rows import fill
from tests.boundary.world import World, build_world, everyone

pytestmark = pytest.mark.django_db

MODELS = list(scoped.registry().values())
PRIVATE = [model for model in MODELS if not isinstance(model.boundary, National)]


def named(model: type[ScopedModel]) -> str:
    return model._meta.label


@pytest.fixture
def filled(db: None) -> World:
    """The world with rows of every model for two unconnected pairs of organisations."""
    world = build_world()
    fill(world)
    return world


def everything(model: type[ScopedModel]) -> dict[UUID, frozenset[UUID]]:
    """Return the parties of every stored row, seen past the gate."""
    with everyone(sorted(scoped.readable_purposes(model))[0]):
        return {row.pk: scoped.parties_of(row) for row in model.objects.all()}


def within(organisation: UUID, purpose: Purpose) -> Any:
    scope = Scope(organisations={organisation}, purpose=purpose, reason="test", actor="test")
    return scoped.entered(scope)


@pytest.mark.parametrize("model", PRIVATE, ids=named)
def test_model_shows_each_organisation_its_rows_and_no_other(filled: World, model: type[ScopedModel]) -> None:
    rows = everything(model)
    owners = frozenset().union(*rows.values())
    assert filled.organisations["odense"] in owners and filled.organisations["aalborg"] in owners, "nothing could leak"

    for organisation in filled.organisations.values():
        expected = {key for key, parties in rows.items() if organisation in parties}
        hidden = set(rows) - expected
        for purpose in sorted(model.read_purposes):
            with within(organisation, purpose):
                assert set(model.objects.values_list("pk", flat=True)) == expected
                assert set(model._base_manager.filter(pk__in=rows).values_list("pk", flat=True)) == expected
                assert model.objects.filter(pk__in=hidden).count() == 0
                assert not model.objects.filter(pk__in=hidden).exists()
                assert model.objects.aggregate(n=models.Count("pk"))["n"] == len(expected)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_model_refuses_without_a_scope(model: type[ScopedModel]) -> None:
    for attempt in (model.objects.all, model._base_manager.all, model.objects.count, model.objects.first):
        with pytest.raises(ScopeMissing):
            attempt()


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_model_refuses_other_purposes(filled: World, model: type[ScopedModel]) -> None:
    row = next(iter(everything(model)), None)
    for purpose in Purpose:
        with within(filled.organisations["odense"], purpose):
            if purpose not in scoped.readable_purposes(model):
                with pytest.raises(ScopeRefused):
                    list(model.objects.all())
            if purpose not in model.write_purposes:
                for attempt in (
                    functools.partial(model.objects.filter(pk=row).delete)
                    if purpose in scoped.readable_purposes(model)
                    else model.objects.all,
                    model(pk=row).save,
                ):
                    with pytest.raises(ScopeRefused), transaction.atomic():
                        attempt()


@pytest.mark.parametrize("model", PRIVATE, ids=named)
def test_model_keeps_others_from_writing(filled: World, model: type[ScopedModel]) -> None:
    purpose = sorted(model.write_purposes)[0]
    foreign = [row for row in _stored_rows(model) if filled.organisations["aalborg"] in scoped.parties_of(row)]
    assert foreign, "nothing could be written to"

    with within(filled.organisations["odense"], purpose):
        for row in foreign:
            for attempt in (row.save, row.delete):
                with pytest.raises(ScopeRefused), transaction.atomic():
                    attempt()
            clone = type(row)(**{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})
            clone.pk = None
            with pytest.raises(ScopeRefused), transaction.atomic():
                clone.save()


def _stored_rows(model: type[ScopedModel]) -> list[ScopedModel]:
    with everyone(sorted(scoped.readable_purposes(model))[0]):
        return list(model.objects.all())


@pytest.mark.parametrize("model", PRIVATE, ids=named)
def test_model_is_not_reached_over_relations(filled: World, model: type[ScopedModel]) -> None:
    """Every relation from another model, read as Odense: the joined rows are Odense's own, in each kind of query."""
    rows = everything(model)
    organisation = filled.organisations["odense"]
    own = {key for key, parties in rows.items() if organisation in parties}
    for source, query_name in _ways_to(model):
        for purpose in sorted(scoped.readable_purposes(source)):
            with within(organisation, purpose):
                joined = source.objects.values_list(f"{query_name}__pk", flat=True)
                if purpose not in model.read_purposes:
                    with pytest.raises(ScopeRefused):
                        list(joined)
                    continue
                assert set(joined) - {None} <= own
                if not source._meta.get_field(query_name).concrete:  # one's own column may be compared with any id
                    found = source.objects.filter(**{f"{query_name}__in": set(rows) - own})
                    assert not found.exists()


def _ways_to(model: type[ScopedModel]) -> list[tuple[type[ScopedModel], str]]:
    ways: list[tuple[type[ScopedModel], str]] = []
    for source in MODELS:
        for field in source._meta.get_fields():
            if field.is_relation and field.related_model is model:
                ways.append((source, field.name))
    return ways
