"""The REST API as a Django app."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "samdrift.api"
    label = "api"
