"""Upkeep of the lake: tables at onboarding, files merged, old days removed."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.conf import settings

from samdrift_logs.lake import Lake, Upkeep

RETENTION_DAYS = 396  # thirteen months, whichever they are


def prepare_lake(*, organisation: UUID) -> None:
    """Make the organisation's tables; the writer never does. Safe to repeat. Raises StorageFailed."""
    _lake().create(organisation)


def compact_lake(*, at: dt.datetime) -> Upkeep:
    """Merge small files, write checkpoints, delete what no version names any more. Readers go on meanwhile."""
    lake = _lake()
    return lake.compact().plus(lake.checkpoint()).plus(lake.vacuum())


def retain_lake(*, at: dt.datetime) -> Upkeep:
    """Remove the days that are older than thirteen months."""
    return _lake().retain(days=RETENTION_DAYS, now=at)


def _lake() -> Lake:
    return Lake(settings.SAMDRIFT.data / "lake")
