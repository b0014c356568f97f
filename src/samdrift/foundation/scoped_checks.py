"""System checks over every model: declared or exempt with a reason, and nothing that lets a query around the gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import models

from samdrift.foundation import scoped
from samdrift.foundation.exempt import EXEMPT
from samdrift.foundation.scoped import ScopedManager, ScopedModel


@checks.register(checks.Tags.models)
def check_boundary(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Refuse to start with a model whose boundary is not declared or can be walked around."""
    return [fault for model in apps.get_models(include_auto_created=True) for fault in faults_of(model)]


def faults_of(model: type[models.Model]) -> list[checks.CheckMessage]:
    """Return what is wrong with one model's declaration, empty when it is sound."""
    if not issubclass(model, ScopedModel):
        if model._meta.label in EXEMPT:
            return []
        return [_fault("E001", model, "is neither a ScopedModel nor on the exempt list (foundation/exempt.py)")]
    try:
        scoped.require_declaration(model)
    except scoped.BoundaryUndeclared as missing:
        return [_fault("E002", model, str(missing))]
    return [*_manager_faults(model), *_party_faults(model), *_relation_faults(model)]


def _manager_faults(model: type[ScopedModel]) -> Iterator[checks.CheckMessage]:
    managers: set[models.Manager[Any]] = {*model._meta.managers, model._base_manager, model._default_manager}
    for manager in managers:
        if not isinstance(manager, ScopedManager) or not issubclass(manager._queryset_class, scoped.ScopedQuerySet):
            yield _fault("E003", model, f"has the manager {manager.name!r} that is no ScopedManager")


def _party_faults(model: type[ScopedModel]) -> Iterator[checks.CheckMessage]:
    fields = {field.name: field for field in model._meta.concrete_fields}
    for name in (*model.boundary.writers, *([model.parent] if model.parent else [])):
        if name not in fields:
            yield _fault("E004", model, f"names {name!r} in its boundary, which is no field of it")
    owner = fields.get(model.boundary.writers[0]) if model.boundary.writers else None
    if owner is not None and owner.null:
        yield _fault("E005", model, f"lets its owner {owner.name!r} be empty: such a row is nobody's")
    if model.own_only & model.write_purposes or not model.own_only <= scoped.readable_purposes(model):
        yield _fault("E009", model, "reads at home only for a purpose that may write it, or may not read it")
    if model._meta.parents:
        yield _fault("E008", model, "inherits from another table, whose rows the gate would not see")


def _relation_faults(model: type[ScopedModel]) -> Iterator[checks.CheckMessage]:
    for field in (*model._meta.concrete_fields, *model._meta.local_many_to_many):
        target = field.related_model
        if target is None or not isinstance(target, type):
            continue
        if isinstance(field, models.ManyToManyField) and field.remote_field.through._meta.auto_created:  # type: ignore[union-attr]
            yield _fault("E006", model, f"needs a scoped `through` model for {field.name!r}")
        elif not issubclass(target, ScopedModel) and not field.remote_field.hidden:  # type: ignore[union-attr]
            yield _fault("E007", model, f'needs related_name="+" on {field.name!r}: {target._meta.label} is not scoped')


def _fault(code: str, model: type[models.Model], text: str) -> checks.Error:
    return checks.Error(f"{model._meta.label} {text}", obj=model, id=f"samdrift.{code}")
