"""An organisation that was onboarded gets its tables in the lake: the writer never makes any."""

from __future__ import annotations

from samdrift.foundation import outbox
from samdrift.foundation.outbox import Received
from samdrift.soc import operations as soc


@outbox.subscribe("federation.organisation.onboarded")
def prepare_lake(fact: Received) -> None:
    """Make the tables. Doing it again changes nothing."""
    soc.prepare_lake(organisation=fact.organisation)
