"""Routes of the REST API. The description is at /api/v1/openapi.json."""

from __future__ import annotations

from django.urls import path

from samdrift.api import doors, myself, tickets, watch

api = doors.DescribedApi(
    title="Samdrift",
    version="1",
    description="The same queries and operations as the pages, for machines. Errors are application/problem+json.",
    auth=doors.TokenDoor(),
    docs_url=None,
    urls_namespace="api",
)
doors.install_problems(api)
api.add_router("", myself.router)
api.add_router("/tickets", tickets.router)
api.add_router("/alerts", watch.alerts)
api.add_router("/cases", watch.cases)
api.add_router("/logs", watch.logs)
api.add_router("/sources", watch.sources)
api.add_router("/ledger", watch.ledger)

operations, application, namespace = api.urls
for address in operations:
    assert address.callback is not None
    address.callback = doors.with_problems(address.callback)

urlpatterns = [path("", (operations, application, namespace)), path("<path:rest>", doors.no_operation)]
