"""The audit chain: whole when left alone, and every kind of tampering is found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from samdrift.foundation import append_only, audit, scoped
from samdrift.foundation.ids import uuid7
from samdrift.foundation.models import AuditEntry
from samdrift_logs.errors import ScopeMissing, ScopeRefused
from samdrift_logs.scope import Purpose, Scope

pytestmark = pytest.mark.django_db
AT = datetime(2026, 5, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def organisation() -> Iterator[UUID]:
    key = uuid7()
    with scoped.entered(
        Scope(organisations={key}, purpose=Purpose.ADMINISTRATION, reason="member of it", actor="Anna")
    ):
        yield key


def record_entries(organisation: UUID, *, count: int) -> None:
    for number in range(count):
        audit.record(
            organisation=organisation,
            action="tests.thing.done",
            at=AT + timedelta(minutes=number),
            after={"number": number, "name": "Ærø"},
        )


def tamper(statement: str, *parameters: object) -> None:
    append_only.remove(connection)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_record_fills_in_the_scope(organisation: UUID) -> None:
    entry = audit.record(organisation=organisation, action="tests.thing.done", at=AT, reason="because")

    stored = AuditEntry.objects.get()
    assert (stored.actor, stored.purpose, stored.scope_reason) == ("Anna", "administration", "member of it")
    assert (stored.sequence, stored.previous, stored.digest) == (1, audit.FIRST, entry.digest)


def test_record_without_a_scope() -> None:
    with pytest.raises(ScopeMissing):
        audit.record(organisation=uuid7(), action="tests.thing.done", at=AT)


def test_verify_holds_for_each_chain_alone(organisation: UUID) -> None:
    other = uuid7()
    record_entries(organisation, count=3)
    record_entries(other, count=2)

    assert audit.verify(organisation=organisation) == []
    assert audit.verify(organisation=other) == []
    assert audit.verify(organisation=uuid7()) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE foundation_auditentry SET actor = 'Nobody' WHERE sequence = 2", [(2, "changed")]),
        ("UPDATE foundation_auditentry SET after = '{}' WHERE sequence = 4", [(4, "changed")]),
        ("DELETE FROM foundation_auditentry WHERE sequence = 2", [(2, "missing"), (3, "follow")]),
        ("DELETE FROM foundation_auditentry WHERE sequence = 4", [(4, "end")]),
        ("DELETE FROM foundation_auditentry WHERE sequence > 0", [(1, "end")]),
    ],
)
def test_verify_finds_tampering(organisation: UUID, statement: str, expected: list[tuple[int, str]]) -> None:
    record_entries(organisation, count=4)

    tamper(statement)

    faults = audit.verify(organisation=organisation)
    assert [fault.sequence for fault in faults] == [sequence for sequence, _ in expected]
    assert all(word in fault.what for fault, (_, word) in zip(faults, expected, strict=True))


def test_verify_finds_an_entry_rewritten_with_its_digest(organisation: UUID) -> None:
    record_entries(organisation, count=3)
    entry = AuditEntry.objects.get(sequence=2)
    entry.actor = "Nobody"

    tamper("UPDATE foundation_auditentry SET actor = 'Nobody', digest = %s WHERE sequence = 2", audit.digest_of(entry))

    assert [(fault.sequence, fault.what) for fault in audit.verify(organisation=organisation)] == [
        (3, "does not follow the one before")
    ]


@pytest.mark.parametrize(
    "statement", ["UPDATE foundation_auditentry SET actor = 'Nobody'", "DELETE FROM foundation_auditentry"]
)
def test_triggers_refuse(organisation: UUID, statement: str) -> None:
    record_entries(organisation, count=1)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_gate_refuses_to_change_or_delete(organisation: UUID) -> None:
    record_entries(organisation, count=1)
    entry = AuditEntry.objects.get()

    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="Nobody"),
        lambda: AuditEntry.objects.bulk_update([entry], ["actor"]),
    ):
        with pytest.raises(ScopeRefused, match="append-only"), transaction.atomic():
            attempt()


def test_triggers_come_back_after_a_table_was_altered(organisation: UUID) -> None:
    """Django remakes a table on SQLite and loses its triggers; `post_migrate` makes them anew."""
    append_only.remove(connection)

    append_only.install_after_migrate(apps.get_app_config("foundation"), using="default")

    test_triggers_refuse(organisation, "DELETE FROM foundation_auditentry")
