"""The log half's stores as this process reads them: opened once for each data folder."""

from __future__ import annotations

import functools
from pathlib import Path

from django.conf import settings

from samdrift_logs.journal.ledger import Ledger
from samdrift_logs.lake import Gate, Lake


def ledger() -> Ledger:
    """Return the ledger of the data folder. Raises StorageFailed."""
    return _ledger(settings.SAMDRIFT.data / "ledger")


def gate() -> Gate:
    """Return the gate of the lake in the data folder."""
    return _gate(settings.SAMDRIFT.data / "lake")


@functools.lru_cache(maxsize=4)
def _ledger(folder: Path) -> Ledger:
    return Ledger(folder)


@functools.lru_cache(maxsize=4)
def _gate(root: Path) -> Gate:
    return Gate(Lake(root))
