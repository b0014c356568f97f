"""What could walk around the gate, found in the source: each use is named here with its reason, and no other may be.

Asserted equal, so the list only shrinks or is argued about.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "samdrift"

WAYS = {
    "SQL by hand": re.compile(r"\.cursor\(|RawSQL|\.raw\(|\.extra\("),
    "a plain query set": re.compile(r"(?<![A-Za-z])QuerySet\((?!\))|sql\.Query\(|_raw_delete\("),
    "everyone's rows": re.compile(r"all_organisations\("),
    "a Scope made by hand": re.compile(r"(?<![A-Za-z])Scope\("),
    "the Scope's variable": re.compile(r"(?<!is)_entered\b"),
}

ALLOWED: dict[str, dict[str, str]] = {
    "SQL by hand": {
        "cli/check.py": "asks SQLite whether its file is whole",
        "foundation/append_only.py": "makes triggers",
        "foundation/row_security.py": "makes policies",
        "foundation/postgresql/base.py": "tells the session the Scope",
        "foundation/scoped.py": "the gate: refuses raw and extra",
    },
    "a plain query set": {"foundation/scoped.py": "the gate: looks up whose the target of a relation is"},
    "everyone's rows": {
        "federation/boundary.py": "decides Scopes",
        "soc/operations/sources.py": "writes the registry of sources for the receiver, which serves every organisation",
    },
    "a Scope made by hand": {
        "federation/boundary.py": "decides Scopes",
        "foundation/audit.py": "appends to one organisation's chain",
        "foundation/numbers.py": "counts in one organisation's series",
        "foundation/outbox.py": "publishes for one organisation; hands a fact to its parties",
        "soc/operations/sources.py": "counts versions of the registry in the installation's series",
    },
    "the Scope's variable": {"foundation/scope_at_hand.py": "keeps it"},
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_around_the_gate_are_those_that_are_argued(way: str) -> None:
    found = {
        str(path.relative_to(SOURCE))
        for path in sorted(SOURCE.rglob("*.py"))
        if "migrations" not in path.parts
        and any(WAYS[way].search(line) for line in path.read_text(encoding="utf-8").splitlines())
    }

    assert found == set(ALLOWED[way])
