"""Organisations, people and who may see what, as a Django app."""

from django.apps import AppConfig


class FederationConfig(AppConfig):
    name = "samdrift.federation"
    label = "federation"
