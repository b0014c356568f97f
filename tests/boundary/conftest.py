"""The world and the specimens for the boundary's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from tests.boundary.world import World, build_world


@contextmanager
def installed_specimens() -> Iterator[None]:
    """Install the app of specimens and make its tables."""
    apps.set_installed_apps([*settings.INSTALLED_APPS, "tests.boundary.specimens"])
    apps.clear_cache()  # Django forgets which relations models have only when this is asked for
    from tests.boundary.specimens.models import SPECIMENS

    try:
        with connection.schema_editor() as editor:
            for model in SPECIMENS:
                editor.create_model(model)
        yield
        with connection.schema_editor() as editor:
            for model in reversed(SPECIMENS):
                editor.delete_model(model)
    finally:
        apps.unset_installed_apps()
        apps.clear_cache()


@pytest.fixture(scope="module")
def specimens(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Tables for models made to be attacked, for one module of tests."""
    with django_db_blocker.unblock(), installed_specimens():
        yield


@pytest.fixture
def world(db: None) -> World:
    """Two units, three municipalities, their people, and what every app adds."""
    return build_world()
