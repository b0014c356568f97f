"""A world with subscriptions and a data folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.boundary.world import build_world
from tests.samdrift.services import Services, with_services


@pytest.fixture
def services(db: None, data: Path) -> Services:
    """Two units, three municipalities, each subscribed to server operation."""
    return with_services(build_world())


@pytest.fixture
def data(tmp_path: Path, settings: Any) -> Path:
    """An empty data folder that the platform's settings name."""
    settings.SAMDRIFT = attrs.evolve(settings.SAMDRIFT, data=tmp_path)
    return tmp_path
