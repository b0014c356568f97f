"""Tickets, legs and clocks as a Django app."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """What a municipality asks a unit for, who holds it, and by when."""

    name = "samdrift.support"
    label = "support"
