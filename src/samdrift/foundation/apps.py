"""What every domain stands on, as a Django app."""

from django.apps import AppConfig


class FoundationConfig(AppConfig):
    name = "samdrift.foundation"
    label = "foundation"

    def ready(self) -> None:
        """Register the boundary's checks and what must be made anew after every migrate."""
        from samdrift.foundation import scoped_checks  # noqa: F401
