"""Schemathesis over the description, as an analyst and as a SPOC agent: no failure of ours, no answer off the schema.

Valid requests about rows that are there and rows that are not; invalid ones, which must be refused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from samdrift.federation.rules import Role
from tests.boundary.site import Site
from tests.boundary.test_requests import ids_by_model, reader_of
from tests.samdrift.api.description import describe

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

OPERATIONS = [(method.upper(), path) for path, found in describe()["paths"].items() for method in found]
READERS = {"analyst": ("syd", Role.ANALYST), "spoc": ("odense", Role.SPOC_AGENT)}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 6
BOUNDED = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """Keep the test's connection open between requests, as Django's own test client does."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def schema() -> Any:
    """The description, as Schemathesis reads it."""
    return schemathesis.openapi.from_dict(describe())


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: str(part))
@pytest.mark.parametrize("who", READERS)
def test_operation_keeps_to_its_description(
    site: Site, schema: Any, who: str, method: str, path: str, mode: GenerationMode
) -> None:
    organisation, role = READERS[who]
    known = _known_ids(site, organisation, role)
    headers = _headers(site, organisation, role)
    operation = schema[path][method]
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS
    if mode is GenerationMode.NEGATIVE and not _takes_anything(operation.definition.raw):
        pytest.skip("takes nothing that could be invalid")

    @BOUNDED
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), there=st.booleans())
    def keeps(case: Any, there: bool) -> None:
        if mode is GenerationMode.POSITIVE and there:
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        answer = case.call(app=WSGIHandler(), headers=headers)
        case.validate_response(answer, checks=checks, headers=headers)

    keeps()


def _headers(site: Site, organisation: str, role: Role) -> dict[str, str]:
    """Return the caller's token; and no compression, which Schemathesis does not undo on this way."""
    return {"Authorization": f"Bearer {site.tokens[organisation, role]}", "Accept-Encoding": "identity"}


def _known_ids(site: Site, organisation: str, role: Role) -> Mapping[str, str]:
    """Return the id of a row that the caller sees, by the name of the part of an address."""
    found = ids_by_model(reader_of(site, organisation, role), theirs=False)
    return {"event_id" if name == "event" else name: keys[0] for name, keys in found.items() if keys}


def _takes_anything(described: Mapping[str, Any]) -> bool:
    return bool(described.get("parameters") or described.get("requestBody"))


def test_seeded_breach_of_the_description_is_caught(site: Site) -> None:
    organisation, role = READERS["analyst"]
    headers = _headers(site, organisation, role)
    wrong = copy.deepcopy(describe())
    wrong["components"]["schemas"]["CasesOut"]["properties"]["total"] = {"type": "string"}
    case = schemathesis.openapi.from_dict(wrong)["/api/v1/cases"]["GET"].Case()

    answer = case.call(app=WSGIHandler(), headers=headers)

    assert answer.status_code == 200
    with pytest.raises(FailureGroup):
        case.validate_response(answer, checks=CHECKS, headers=headers)
