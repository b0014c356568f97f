"""Links between rows of different domains."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from samdrift.foundation.scoped import ScopedModel, Shared
from samdrift_logs.scope import Purpose


class CaseTicket(ScopedModel):
    """The ticket that a case opened. One for each case."""

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = frozenset({Purpose.SUPPORT, Purpose.WATCH, Purpose.OPERATION})
    write_purposes: ClassVar = frozenset({Purpose.OPERATION})

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    case = models.OneToOneField("soc.Case", models.PROTECT, related_name="+")
    ticket = models.OneToOneField("support.Ticket", models.PROTECT, related_name="+")
    linked_at = models.DateTimeField()
