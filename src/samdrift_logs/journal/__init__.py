"""Accepted means: fsynced here. Segments, receipts, replay and the ledger."""

from samdrift_logs.journal.counters import CountersFile, read_counters
from samdrift_logs.journal.journal import Committed, Journal, JournalFull, JournalInUse, JournalLimits
from samdrift_logs.journal.leases import Leases
from samdrift_logs.journal.ledger import LEDGER_PURPOSES, Ledger, LedgerRow, Received, Settlement, minute_of
from samdrift_logs.journal.marks import Lock
from samdrift_logs.journal.quiet import Quiet
from samdrift_logs.journal.reading import Reader
from samdrift_logs.journal.records import JournalRecord, Receipt, batch_count, partition_of
from samdrift_logs.journal.segments import Damage, JournalDamaged
from samdrift_logs.journal.tally import Tally

__all__ = [
    "LEDGER_PURPOSES",
    "Committed",
    "CountersFile",
    "Damage",
    "Journal",
    "JournalDamaged",
    "JournalFull",
    "JournalInUse",
    "JournalLimits",
    "JournalRecord",
    "Leases",
    "Ledger",
    "LedgerRow",
    "Lock",
    "Quiet",
    "Reader",
    "Receipt",
    "Received",
    "Settlement",
    "Tally",
    "batch_count",
    "minute_of",
    "partition_of",
    "read_counters",
]
