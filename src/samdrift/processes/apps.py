"""Journeys that cross domains, as a Django app."""

from django.apps import AppConfig


class ProcessesConfig(AppConfig):
    """Links between domains and what one does when another has done something."""

    name = "samdrift.processes"
    label = "processes"

    def ready(self) -> None:
        """Subscribe to the facts that begin each journey."""
        from samdrift.processes import (  # noqa: F401
            case_opens_ticket,
            organisation_gets_lake,
            ticket_follows_case,
        )
