"""Keys that sort by time, and numbers without holes."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from django.db import transaction

from samdrift.foundation import ids, scoped
from samdrift.foundation.ids import uuid7
from samdrift.foundation.numbers import next_number
from samdrift_logs.errors import ScopeMissing
from samdrift_logs.scope import Purpose, Scope

ODENSE, ASSENS = UUID(int=1), UUID(int=2)


def test_uuid7_is_one_by_its_standard() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_uuid7_only_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [uuid7() for _ in range(5_000)]
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000_000)  # the clock jumps back to 1970
    made += [uuid7() for _ in range(100)]

    assert made == sorted(set(made))


@pytest.mark.django_db
def test_numbers_count_by_organisation_and_series() -> None:
    with scoped.entered(Scope(organisations={ODENSE}, purpose=Purpose.SUPPORT, reason="test", actor="test")):
        given = [next_number(ODENSE, "ticket") for _ in range(3)]
        others = [next_number(ASSENS, "ticket"), next_number(ODENSE, "case")]

    assert (given, others) == ([1, 2, 3], [1, 1])


@pytest.mark.django_db
def test_number_of_what_was_rolled_back_is_given_again() -> None:
    with scoped.entered(Scope(organisations={ODENSE}, purpose=Purpose.SUPPORT, reason="test", actor="test")):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            next_number(ODENSE, "ticket")
            raise ZeroDivisionError

        assert next_number(ODENSE, "ticket") == 1


@pytest.mark.django_db
def test_number_needs_a_scope() -> None:
    with pytest.raises(ScopeMissing):
        next_number(ODENSE, "ticket")
