"""Fixtures for the pages."""

from __future__ import annotations

import pytest
from tools import messages


@pytest.fixture(scope="session")
def catalogues() -> None:
    """The message catalogues as the install leaves them: compiled from what is in the tree now."""
    messages.compile_catalogues()
