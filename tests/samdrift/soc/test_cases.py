"""Work on a case, by those who may."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from samdrift.federation.rules import Role
from samdrift.foundation import audit
from samdrift.soc import operations, queries
from samdrift.soc.rules import CaseStepRefused
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, everyone
from tests.samdrift.services import Services, alert


@pytest.fixture
def source(services: Services) -> UUID:
    """A source of Odense."""
    with everyone():
        return operations.register_source(organisation=services.id("odense"), name="AD", at=AT).source


@pytest.fixture
def case(services: Services, source: UUID) -> UUID:
    """A case on a host of Odense, handled by Enhed Syd."""
    with everyone():
        return operations.record_alerts(alerts=[alert(services.id("odense"), source)], at=AT).cases_opened[0]


def test_case_is_taken_decided_and_closed_with_what_it_was(services: Services, case: UUID) -> None:
    analyst = services.world.actor("syd", Role.ANALYST)
    steps = []
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        steps.append(queries.case_page(case=case, actor=analyst).next_step)
        operations.take_case(actor=analyst, case=case, at=AT)
        steps.append(queries.case_page(case=case, actor=analyst).next_step)
        operations.record_decision(actor=analyst, case=case, decision="Serveren tages af nettet", at=AT)
        operations.set_state(actor=analyst, case=case, state="contained", at=AT)
        steps.append(queries.case_page(case=case, actor=analyst).next_step)
        operations.link_to_case(
            actor=analyst, case=case, title="Vejledning", address="https://cfcs.example/vejledning", at=AT
        )
        operations.close_case(actor=analyst, case=case, classification="true_positive", reason="Set i log", at=AT)
        page = queries.case_page(case=case, actor=analyst)

    assert steps == ["take", "decide", "close"]
    assert (page.case.state, page.case.classification, page.reason, page.next_step) == (
        "closed",
        "true_positive",
        "Set i log",
        "nothing",
    )
    assert [entry.kind for entry in page.entries] == [
        "opened",
        "alert",
        "taken",
        "decision",
        "state",
        "link",
        "closed",
    ]
    with everyone(Purpose.ADMINISTRATION):
        assert audit.verify(organisation=services.id("odense")) == []


def test_close_without_a_word_or_a_reason_is_refused(services: Services, case: UUID) -> None:
    analyst = services.world.actor("syd", Role.ANALYST)
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        with pytest.raises(operations.CaseRefused, match="true_positive"):
            operations.close_case(actor=analyst, case=case, classification="maybe", reason="x", at=AT)
        with pytest.raises(operations.CaseRefused, match="why"):
            operations.close_case(actor=analyst, case=case, classification="benign", reason="  ", at=AT)
        with pytest.raises(CaseStepRefused, match="cannot become contained"):
            operations.set_state(actor=analyst, case=case, state="contained", at=AT)


def test_reopened_case_takes_new_alerts_and_a_closed_one_does_not(services: Services, case: UUID, source: UUID) -> None:
    analyst = services.world.actor("syd", Role.ANALYST)
    odense = services.id("odense")
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        operations.close_case(actor=analyst, case=case, classification="benign", reason="Planlagt", at=AT)
    with everyone():
        after_close = operations.record_alerts(alerts=[alert(odense, source, event_id="0-2-0")], at=AT)
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        operations.close_case(
            actor=analyst, case=after_close.cases_opened[0], classification="benign", reason="Planlagt", at=AT
        )
        operations.reopen_case(actor=analyst, case=case, reason="Alligevel ikke", at=AT)
    with everyone():
        after_reopen = operations.record_alerts(alerts=[alert(odense, source, event_id="0-3-0")], at=AT)

    assert len(after_close.cases_opened) == 1
    assert after_reopen.cases_opened == []


def test_owner_notes_on_the_case_but_does_not_work_it(services: Services, case: UUID) -> None:
    ciso = services.world.actor("odense", Role.CISO)
    with services.world.acting("odense", Role.CISO, Purpose.WATCH):
        operations.add_note(actor=ciso, case=case, body="Vi har ikke planlagt noget", at=AT)
        with pytest.raises(operations.CaseRefused):
            operations.take_case(actor=ciso, case=case, at=AT)
        page = queries.case_page(case=case, actor=ciso)

    assert (page.may_note, page.may_work) == (True, False)
    assert page.entries[-1].body == "Vi har ikke planlagt noget"


def test_stranger_finds_no_case_and_support_only_reads(services: Services, case: UUID) -> None:
    stranger = services.world.actor("nord", Role.ANALYST)
    with services.world.acting("nord", Role.ANALYST, Purpose.WATCH):
        with pytest.raises(operations.CaseNotFound):
            operations.take_case(actor=stranger, case=case, at=AT)
    agent = services.world.actor("syd", Role.SECOND_LINE_AGENT)
    with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
        assert queries.case_page(case=case, actor=agent).may_work is False
        with pytest.raises((ScopeRefused, operations.CaseRefused)):
            operations.add_note(actor=agent, case=case, body="Hej", at=AT)


def test_query_counts_do_not_grow_with_rows(services: Services, case: UUID, source: UUID) -> None:
    analyst = services.world.actor("syd", Role.ANALYST)

    def looks() -> list[int]:
        counted = []
        with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
            for look in (
                queries.case_queue,
                queries.alert_list,
                lambda: queries.case_counts(user=analyst.user_id),
                lambda: queries.my_cases(user=analyst.user_id),
                lambda: queries.case_page(case=case, actor=analyst),
                lambda: queries.sources(at=AT),
            ):
                with CaptureQueriesContext(connection) as captured:
                    look()
                counted.append(len(captured))
        return counted

    with_one = looks()
    odense = services.id("odense")
    with everyone():
        operations.register_source(organisation=odense, name="To", at=AT)
        operations.register_source(organisation=services.id("assens"), name="Tre", at=AT)
        more = [alert(odense, source, event_id=f"0-5-{row}", rule_id=f"r{row}") for row in range(3)]
        more += [alert(odense, source, event_id=f"0-6-{row}", host=f"srv{row}") for row in range(2)]
        operations.record_alerts(alerts=more, at=AT + dt.timedelta(minutes=1))

    assert looks() == with_one
    assert max(with_one) <= 6
