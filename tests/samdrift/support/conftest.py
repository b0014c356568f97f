"""A world with subscriptions."""

from __future__ import annotations

import pytest

from tests.boundary.world import build_world
from tests.samdrift.services import Services, with_services


@pytest.fixture
def services(db: None) -> Services:
    """Two units, three municipalities, each subscribed to server operation."""
    return with_services(build_world())
