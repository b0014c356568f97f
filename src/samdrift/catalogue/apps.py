"""The common catalogue as a Django app."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """What every unit must offer, what each offers, and who subscribes to it."""

    name = "samdrift.catalogue"
    label = "catalogue"
