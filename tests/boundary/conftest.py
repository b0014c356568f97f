"""The world and the specimens for the boundary's tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from tests.boundary.site import NOW, Site, build_site
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


@pytest.fixture(scope="module")
def site_once(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The world as it lives, made once for a module, at a moment that stands still."""
    data = tmp_path_factory.mktemp("data")
    named = {
        "SAMDRIFT": attrs.evolve(settings.SAMDRIFT, data=data),
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    }
    with (
        django_db_blocker.unblock(),
        override_settings(**named),
        time_machine.travel(NOW, tick=False),
        transaction.atomic(),
    ):
        yield build_site(data)
        transaction.set_rollback(True)


@pytest.fixture
def site(site_once: Site, db: None) -> Site:
    """The world as it lives, in a savepoint of the test's own."""
    return site_once


# ---- how many cases there were, said at the end

cases: Counter[str] = Counter()


@pytest.fixture
def count_cases() -> Counter[str]:
    """Where a test that walks many cases adds them up, by kind."""
    return cases


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count each test as one case of its module, beside what walks count themselves."""
    module = report.nodeid.split("::")[0]
    if report.when == "call" and module.startswith("tests/boundary/"):
        cases[f"tests in {module.rsplit('/', 1)[-1].removesuffix('.py')}"] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases of each kind were tried."""
    if cases:
        told = ", ".join(f"{kind} {count}" for kind, count in sorted(cases.items()))
        terminalreporter.write_line(f"boundary: {sum(cases.values())} cases: {told}")
