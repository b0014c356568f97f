"""Every model says whose its rows are, and a model that does not is caught."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

from samdrift.foundation import scoped
from samdrift.foundation.exempt import EXEMPT
from samdrift.foundation.scoped_checks import check_boundary, faults_of
from samdrift_logs.scope import Purpose, all_organisations
from tests.boundary.specimens import faulty
from tests.boundary.specimens.models import SPECIMENS


def test_every_model_is_sound() -> None:
    assert check_boundary() == []


def test_every_model_is_scoped_or_exempt() -> None:
    labels = {model._meta.label for model in apps.get_models(include_auto_created=True)}

    assert labels - set(EXEMPT) == set(scoped.registry())


def test_every_exemption_is_needed_and_has_a_reason() -> None:
    labels = {model._meta.label for model in apps.get_models(include_auto_created=True)} | {"migrations.Migration"}

    assert set(EXEMPT) - labels == set()
    assert all(len(reason) > 20 for reason in EXEMPT.values())


@pytest.mark.parametrize("model", SPECIMENS, ids=lambda model: model.__name__)
def test_sound_specimens_have_no_fault(model: type[models.Model]) -> None:
    assert faults_of(model) == []


@pytest.mark.parametrize(("model", "fault"), faulty.FAULTY.items(), ids=lambda item: getattr(item, "__name__", item))
def test_seeded_fault_is_caught(model: type[models.Model], fault: str) -> None:
    assert fault in {found.id for found in faults_of(model)}


@pytest.mark.parametrize("model", [faulty.Undeclared, faulty.WithoutPurposes])
def test_undeclared_model_can_be_neither_read_nor_written(model: type[scoped.ScopedModel]) -> None:
    with scoped.entered(all_organisations(purpose=Purpose.SUPPORT, reason="test", actor="test")):
        with pytest.raises(scoped.BoundaryUndeclared, match=model.__name__):
            model.objects.all()
        with pytest.raises(scoped.BoundaryUndeclared, match=model.__name__):
            model().save()
