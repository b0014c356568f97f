"""Log sources, alerts and cases as a Django app."""

from django.apps import AppConfig


class SocConfig(AppConfig):
    """Who sends logs, what the rules found in them, and what people did about it."""

    name = "samdrift.soc"
    label = "soc"
