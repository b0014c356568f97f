"""The log store: write, keep small, and the gate that is its only reader."""

from samdrift_logs.lake.gate import Gate, GateView, LakeFile, OrganisationStatistics, ReadTooLarge, TableFiles
from samdrift_logs.lake.store import Lake
from samdrift_logs.lake.upkeep import Upkeep
from samdrift_logs.lake.write import LakeWriter, OrganisationUnknown, Written

__all__ = [
    "Gate",
    "GateView",
    "Lake",
    "LakeFile",
    "LakeWriter",
    "OrganisationStatistics",
    "OrganisationUnknown",
    "ReadTooLarge",
    "TableFiles",
    "Upkeep",
    "Written",
]
