"""Addresses made to be caught: a page and an API operation without a purpose, and their declared neighbours."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import NinjaAPI

from samdrift.api import doors
from samdrift.soc.models import Case
from samdrift.web import acting
from samdrift_logs.scope import Purpose

api = NinjaAPI(title="Seeded", auth=doors.TokenDoor(), docs_url=None, openapi_url=None, urls_namespace="seeded")
doors.install_problems(api)


@api.get("/forgotten")
def forgotten_operation(request: HttpRequest) -> Any:
    """Read rows without saying what for."""
    return [case.title for case in Case.objects.all()]


@api.get("/declared")
@doors.purpose(Purpose.WATCH)
def declared_operation(request: HttpRequest) -> Any:
    """Read rows and say what for."""
    return [case.title for case in Case.objects.all()]


def forgotten_page(request: HttpRequest) -> HttpResponse:
    """Read rows without saying what for."""
    return HttpResponse(", ".join(case.title for case in Case.objects.all()))


@acting.purpose(Purpose.WATCH)
def declared_page(request: HttpRequest) -> HttpResponse:
    """Read rows and say what for."""
    return HttpResponse(", ".join(case.title for case in Case.objects.all()))


urlpatterns = [
    path("api/", api.urls),
    path("forgotten/", forgotten_page),
    path("declared/", declared_page),
]
