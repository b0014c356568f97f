"""Fixtures and rules for the whole suite."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
REQUIRE_ALL = os.environ.get("SAMDRIFT_REQUIRE_ALL") == "1"

hypothesis.settings.register_profile("quick", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=5000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# component → where it may be found; the first that exists wins
COMPONENTS = {
    "chromium": ("/usr/bin/chromium", shutil.which("chromium"), shutil.which("chromium-browser")),
    "rsyslog": ("/usr/sbin/rsyslogd", shutil.which("rsyslogd")),
    "loopdevice": ("/dev/loop-control" if os.geteuid() == 0 and shutil.which("mkfs.ext4") else None,),
    "postgresql": (*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))), shutil.which("initdb")),
}


def find_component(name: str) -> str | None:
    """Return the path of a system component, or None where it is absent."""
    return next((path for path in COMPONENTS[name] if path and Path(path).exists()), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("component"):
            name = marker.args[0]
            if not find_component(name) and not REQUIRE_ALL:
                item.add_marker(pytest.mark.skip(reason=f"{name} is not installed on this machine"))
        if item.get_closest_marker("realdata") and not SHARED_DATA.is_dir() and not REQUIRE_ALL:
            item.add_marker(pytest.mark.skip(reason="../shared/data is not there"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real rules and logs."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is not there")
    return SHARED_DATA


@pytest.fixture(scope="session")
def content() -> Path:
    """The project's own content."""
    return ROOT / "content"


@pytest.fixture(autouse=True)
def _append_only_tables_can_be_emptied(request: pytest.FixtureRequest, _django_db_helper: None) -> Iterator[None]:
    """Between transactional tests Django empties every table, which the append-only triggers refuse. `post_migrate`,
    which Django sends afterwards, makes them anew."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if (marker and marker.kwargs.get("transaction")) or "transactional_db" in request.fixturenames:
        from django.db import connection

        from samdrift.foundation import append_only

        append_only.remove(connection)
