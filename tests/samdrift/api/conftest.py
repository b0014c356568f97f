"""The boundary's site for the API's tests: people with tokens, tickets, cases and logs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from samdrift.federation.rules import Role
from tests.boundary.conftest import site, site_once
from tests.boundary.site import Site

__all__ = ["caller", "site", "site_once"]

Caller = Callable[[str, Role], Client]


@pytest.fixture
def caller(site: Site) -> Caller:
    """Call with the token of somebody with one role."""

    def call(organisation: str, role: Role) -> Client:
        return Client(headers={"Authorization": f"Bearer {site.tokens[organisation, role]}"})

    return call
