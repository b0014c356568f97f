"""The OpenAPI description is committed, so that a change of the API is a diff that somebody reads."""

from __future__ import annotations

import json

from tests.samdrift.api.description import SNAPSHOT, describe

ANEW = "the API changed: run `python -m tests.samdrift.api.description`, read the diff, commit it"


def test_committed_description_is_current() -> None:
    assert json.loads(SNAPSHOT.read_text(encoding="utf-8")) == describe(), ANEW


def test_every_operation_is_described_with_its_problems() -> None:
    operations = [operation for found in describe()["paths"].values() for operation in found.values()]

    assert len(operations) >= 30
    for operation in operations:
        assert operation["description"] and operation["operationId"]
        assert {"401", "403", "404", "409", "422"} <= set(operation["responses"])


def test_lists_are_paged() -> None:
    paths = describe()["paths"]
    for address in ("tickets", "cases", "alerts"):
        names = {given["name"] for given in paths[f"/api/v1/{address}"]["get"]["parameters"]}
        assert {"page", "per_page"} <= names
