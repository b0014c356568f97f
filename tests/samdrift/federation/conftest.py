"""The small federation for these tests."""

from __future__ import annotations

import pytest

from tests.boundary.world import World, build_world


@pytest.fixture
def world(db: None) -> World:
    """Two units, three municipalities and their people."""
    return build_world()
