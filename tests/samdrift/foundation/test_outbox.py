"""The outbox: published with the change, handed out once, tried again, dead in the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from samdrift.foundation import outbox, scoped
from samdrift.foundation.ids import uuid7
from samdrift.foundation.models import Delivery, Fact
from samdrift_logs.scope import Purpose, Scope, all_organisations

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 5, 9, 0, tzinfo=UTC)
OWNER, OTHER = uuid7(), uuid7()


@pytest.fixture(autouse=True)
def _everyone() -> Iterator[None]:
    with scoped.entered(all_organisations(purpose=Purpose.OPERATION, reason="dispatch", actor="samdrift tasks")):
        yield


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[outbox.Received]:
    """The facts called "tests.happened" that a handler got."""
    monkeypatch.setattr(outbox, "_subscribers", {})
    got: list[outbox.Received] = []
    outbox.subscribe("tests.happened")(got.append)
    return got


def publish() -> None:
    outbox.publish(organisation=OWNER, counterparties=[OTHER], fact="tests.happened", payload={"a": 1}, at=NOW)


def test_dispatch_hands_out_once(received: list[outbox.Received]) -> None:
    publish()

    first = outbox.dispatch(now=NOW)
    second = outbox.dispatch(now=NOW)

    assert (first, second) == (outbox.Dispatched(done=1), outbox.Dispatched())
    assert [(fact.name, fact.payload, fact.at) for fact in received] == [("tests.happened", {"a": 1}, NOW)]


def test_publish_rolls_back_with_what_happened(received: list[outbox.Received]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publish()
        raise ZeroDivisionError

    assert outbox.dispatch(now=NOW) == outbox.Dispatched()
    assert received == []


@pytest.mark.django_db(transaction=True)
def test_publish_outside_a_transaction() -> None:
    with pytest.raises(outbox.OutboxOutsideTransaction, match="publish tests"):
        publish()


def test_handler_works_in_the_scope_of_the_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_subscribers", {})
    scopes: list[Scope] = []

    @outbox.subscribe("tests.happened")
    def note_scope(fact: outbox.Received) -> None:
        scopes.append(scoped.current())

    publish()
    outbox.dispatch(now=NOW)

    assert [(scope.organisations, scope.everyone) for scope in scopes] == [(frozenset({OWNER, OTHER}), False)]


def test_failing_handler_is_rolled_back_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_subscribers", {})
    answers = iter([ValueError("no"), None])

    @outbox.subscribe("tests.happened")
    def fail_once(fact: outbox.Received) -> None:
        outbox.publish(organisation=OWNER, fact="tests.followed", payload={}, at=NOW)
        if answer := next(answers):
            raise answer

    publish()

    assert outbox.dispatch(now=NOW) == outbox.Dispatched(failed=1)
    assert Fact.objects.filter(name="tests.followed").count() == 0
    assert outbox.dispatch(now=NOW + timedelta(seconds=4)) == outbox.Dispatched()
    assert outbox.dispatch(now=NOW + timedelta(seconds=5)) == outbox.Dispatched(done=1)
    assert Fact.objects.filter(name="tests.followed").count() == 1


def test_one_failing_handler_holds_back_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_subscribers", {})
    got: list[outbox.Received] = []

    @outbox.subscribe("tests.happened")
    def always_fail(fact: outbox.Received) -> None:
        raise ValueError("never")

    outbox.subscribe("tests.happened")(got.append)
    publish()

    assert outbox.dispatch(now=NOW) == outbox.Dispatched(done=1, failed=1)
    assert len(got) == 1


def test_delivery_is_dead_after_the_last_attempt_and_can_be_revived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_subscribers", {})

    @outbox.subscribe("tests.happened")
    def always_fail(fact: outbox.Received) -> None:
        raise ValueError("never")

    publish()
    runs = [outbox.dispatch(now=NOW + timedelta(hours=2 * number)) for number in range(outbox.ATTEMPTS + 1)]

    delivery = Delivery.objects.get()
    assert runs[-2:] == [outbox.Dispatched(dead=1), outbox.Dispatched()]
    assert (delivery.state, delivery.attempts) == ("dead", outbox.ATTEMPTS)
    assert "ValueError: never" in delivery.last_error

    outbox.revive(delivery=delivery.pk, now=NOW)

    assert outbox.dispatch(now=NOW) == outbox.Dispatched(failed=1)


def test_pause_grows_to_an_hour() -> None:
    assert [outbox.pause_s(attempts) for attempts in (1, 2, 3, 8, 20)] == [5, 10, 20, 640, 3600]
