"""What every domain stands on, as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FoundationConfig(AppConfig):
    name = "samdrift.foundation"
    label = "foundation"

    def ready(self) -> None:
        """Register the boundary's checks and what must be made anew after every migrate."""
        from samdrift.foundation import append_only, row_security, scoped_checks  # noqa: F401

        post_migrate.connect(append_only.install_after_migrate, dispatch_uid="samdrift.append_only")
        post_migrate.connect(row_security.install_after_migrate, dispatch_uid="samdrift.row_security")
