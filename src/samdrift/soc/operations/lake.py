"""Upkeep of the lake and the ledger: tables at onboarding, files merged, what is old removed."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.conf import settings

from samdrift.soc.queries import stores
from samdrift_logs.lake import Lake, Upkeep

RETENTION_DAYS = 396  # thirteen months, whichever they are
# The ledger tells of a day for a week longer: a lake that could not remove the day yet never has more than the ledger.
LEDGER_DAYS = RETENTION_DAYS + 7


def prepare_lake(*, organisation: UUID) -> None:
    """Make the organisation's tables; the writer never does. Safe to repeat. Raises StorageFailed."""
    _lake().create(organisation)


def compact_lake(*, at: dt.datetime) -> Upkeep:
    """Merge small files and write checkpoints. Readers go on meanwhile."""
    lake = _lake()
    return lake.compact().plus(lake.checkpoint())


def vacuum_lake(*, at: dt.datetime) -> Upkeep:
    """Delete the files that left their table an hour ago, which no reader can still hold. It lists every folder."""
    return _lake().vacuum()


def retain_lake(*, at: dt.datetime) -> Upkeep:
    """Remove the days that are older than thirteen months."""
    return _lake().retain(days=RETENTION_DAYS, now=at)


def retain_ledger(*, at: dt.datetime) -> int:
    """Forget the counts of minutes that are older than the lake's days and a week; return how many rows."""
    return stores.ledger().forget(at - dt.timedelta(days=LEDGER_DAYS))


def _lake() -> Lake:
    return Lake(settings.SAMDRIFT.data / "lake")
