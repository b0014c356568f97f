"""Fixtures for the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client, override_settings
from django.utils import timezone
from tools import messages

from tests.samdrift.web import federation as making

LogIn = Callable[[str], Client]


@pytest.fixture(scope="session", autouse=True)
def catalogues() -> None:
    """The message catalogues as the install leaves them: compiled from what is in the tree now."""
    messages.compile_catalogues()


@pytest.fixture(scope="module")
def made_once(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory, content: Path
) -> Iterator[making.Federation]:
    """The federation, made once for a module: each test works in a savepoint of its own, so none sees another's."""
    data = tmp_path_factory.mktemp("data")
    quick = {
        "SAMDRIFT": attrs.evolve(settings.SAMDRIFT, data=data),
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    }
    with django_db_blocker.unblock(), override_settings(**quick), transaction.atomic():
        yield making.build(content=content, data=data, at=timezone.now())
        transaction.set_rollback(True)


@pytest.fixture
def federation(made_once: making.Federation, db: None) -> making.Federation:
    """Two units, three municipalities, a user in each role, tickets, logs, alerts and a case."""
    return made_once


@pytest.fixture
def log_in(federation: making.Federation) -> LogIn:
    """Log one of the users in, by their key in `federation.users`."""

    def login(who: str) -> Client:
        client = Client()
        person: Any = making.person(federation.users[who])
        client.force_login(person)
        return client

    return login
