"""Makes rows of any scoped model from its fields, so that a new model is in the generated tests without further words.

Text carries the canary of the row's owner ("kanarie-odense-17"): whatever shows a canary of an organisation outside the
Scope has leaked. A model whose constraints cannot be guessed gets its values in `VALUES`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db import models

from samdrift.federation.models import Organisation, User
from samdrift.foundation import scoped
from samdrift.foundation.ids import uuid7
from samdrift.foundation.scoped import National, ScopedModel
from tests.boundary.world import AT, World, everyone

# model label → values for fields that cannot be guessed, made for a world and the row's parties
VALUES: dict[str, Callable[[World, tuple[UUID, ...]], Mapping[str, object]]] = {}

_numbers = itertools.count()


def canary(world: World, organisation: UUID) -> str:
    """Return the word that every text in this organisation's rows begins with."""
    return f"kanarie-{next(name for name, key in world.organisations.items() if key == organisation)}-"


def make_row(world: World, model: type[ScopedModel], parties: tuple[UUID, ...]) -> ScopedModel:
    """Store a row of `model` whose parties are `parties`, the owner first, with what it needs."""
    made: dict[type[models.Model], models.Model] = {}
    return _make(world, model, parties, made)


def _make(
    world: World, model: type[ScopedModel], parties: tuple[UUID, ...], made: dict[type[models.Model], models.Model]
) -> ScopedModel:
    values = dict(VALUES[model._meta.label](world, parties)) if model._meta.label in VALUES else {}
    names = list(model.boundary.writers)
    for name, party in itertools.zip_longest(names, parties[: len(names)]):
        field = model._meta.get_field(name)
        values.setdefault(field.attname, party)
    for field in model._meta.concrete_fields:
        if not {field.name, field.attname} & set(values) and not field.primary_key:
            values[field.attname] = _value(world, field, parties, made)
    with everyone(sorted(model.write_purposes)[0]):
        row = model(**values)
        row.save(force_insert=True)
    made[model] = row
    return row


def _value(world: World, field: Any, parties: tuple[UUID, ...], made: dict[type[models.Model], models.Model]) -> object:
    if isinstance(field, models.ForeignKey):
        return _related(world, field, parties, made)
    if field.has_default():
        return field.get_default()
    if field.null:
        return None
    if field.choices:
        return field.choices[0][0]
    number = next(_numbers)
    if isinstance(field, models.CharField | models.TextField):
        text = f"{canary(world, parties[0])}{number}"
        return text[-field.max_length :] if field.max_length else text
    for kind, value in (
        (models.UUIDField, uuid7()),
        (models.DateTimeField, AT),
        (models.DateField, AT.date()),
        (models.BooleanField, False),
        (models.JSONField, {"text": f"{canary(world, parties[0])}{number}"}),
        (models.IntegerField, number),
        (models.FloatField, 1.0),
        (models.DecimalField, 1),
    ):
        if isinstance(field, kind):
            return value
    raise NotImplementedError(f"give {field} a value in tests/boundary/rows.py")


def _related(
    world: World, field: Any, parties: tuple[UUID, ...], made: dict[type[models.Model], models.Model]
) -> object:
    target = field.related_model
    if field.null or target is field.model:
        return None
    if target is Organisation:
        return parties[0]
    if target is User:
        return next(iter(world.users.values()))
    if target not in made:
        if not issubclass(target, ScopedModel):
            raise NotImplementedError(f"give {field} a value in tests/boundary/rows.py")
        made[target] = _make(world, target, parties, made)
    return made[target].pk


def fill(world: World) -> None:
    """Give every scoped model rows of Odense and of Assens with Enhed Syd, and of Aalborg with Enhed Nord.

    Enhed Syd has a row of its own of each, too, which its owners do not see.
    """
    global _numbers
    _numbers = itertools.count(1_000)  # anew for each world, so that they fit a small integer
    at = world.organisations
    for model in scoped.registry().values():
        if isinstance(model.boundary, National):
            continue
        make_row(world, model, (at["odense"], at["syd"]))
        make_row(world, model, (at["assens"], at["syd"]))
        make_row(world, model, (at["aalborg"], at["nord"]))
        others = [model._meta.get_field(name) for name in model.boundary.parties[1:]]
        make_row(world, model, (at["syd"], *(at["nord"] for field in others if not field.null)))
