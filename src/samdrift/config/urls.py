"""The two HTTP doors: pages and the REST API."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("samdrift.api.urls")),
    path("", include("samdrift.web.urls")),
]

handler403 = "samdrift.web.errors.forbidden"
handler404 = "samdrift.web.errors.not_found"
handler500 = "samdrift.web.errors.server_error"
