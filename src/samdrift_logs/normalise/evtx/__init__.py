"""Windows event log files: `read_evtx` gives the records, `normalise.read` their events."""

from samdrift_logs.normalise.evtx.files import EvtxRecord, Reject, read_evtx

__all__ = ["EvtxRecord", "Reject", "read_evtx"]
