"""Makes rows of any scoped model from its fields, so that a new model is in the generated tests without further words.

Text carries a canary that names the row's parties ("kanarie-odense+syd-17"): whatever shows one to a reader who is
none of them has leaked. Published rows carry none. A model whose constraints cannot be guessed gets its values in
`VALUES`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import models

from samdrift.federation.models import Organisation, User
from samdrift.foundation import scoped
from samdrift.foundation.ids import uuid7
from samdrift.foundation.scoped import National, ScopedModel
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, World, everyone

# model label → values for fields that cannot be guessed, made for a world and the row's parties
VALUES: dict[str, Callable[[World, tuple[UUID, ...]], Mapping[str, object]]] = {
    "support.Clock": lambda world, parties: {"calendar": "hverdage-8-16"},
    "support.ClockEvent": lambda world, parties: {"calendar": "hverdage-8-16"},
}

_numbers = itertools.count()


def canary(world: World, model: type[ScopedModel], parties: tuple[UUID, ...]) -> str:
    """Return the word that every text in a row of `model` with these parties begins with."""
    if isinstance(model.boundary, National):
        return "offentlig-"
    names = {key: name for name, key in world.organisations.items()}
    kind = "sag" if Purpose.WATCH in model.own_only else ""
    return f"{kind}kanarie-{'+'.join(names[party] for party in parties[: len(model.boundary.writers)])}-"


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
        text = f"{canary(world, field.model, parties)}{number}"
        return text[-field.max_length :] if field.max_length else text
    for kind, value in (
        (models.UUIDField, uuid7()),
        (models.DateTimeField, AT),
        (models.DateField, AT.date()),
        (models.BooleanField, False),
        (models.JSONField, {"text": f"{canary(world, field.model, parties)}{number}"}),
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
        home = next(name for name, key in world.organisations.items() if key == parties[0])
        return next(user for (name, _role), user in world.users.items() if name == home)
    if target not in made:
        if not issubclass(target, ScopedModel):
            raise NotImplementedError(f"give {field} a value in tests/boundary/rows.py")
        made[target] = _make(world, target, parties, made)
    return made[target].pk


# whose rows, shared with whom. Enhed Syd has some of its own, too, which its owners do not see.
PAIRS = (("odense", "syd"), ("assens", "syd"), ("aalborg", "nord"), ("syd", None))


def fill(world: World, *, pairs: Sequence[tuple[str, str | None]] = PAIRS, first: int = 1_000) -> None:
    """Give every scoped model a row of each pair; where the second must not be empty, Enhed Nord stands in.

    Numbers begin anew at `first` in each world, so that they fit a small integer.
    """
    global _numbers
    _numbers = itertools.count(first)
    at = world.organisations
    for model in scoped.registry().values():
        if isinstance(model.boundary, National):
            continue
        needed = any(not model._meta.get_field(name).null for name in model.boundary.parties[1:])
        for owner, other in pairs:
            shared_with = other or ("nord" if needed else None)
            make_row(world, model, (at[owner], at[shared_with]) if shared_with else (at[owner],))
