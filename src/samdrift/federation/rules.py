"""Who may do what, as pure predicates over roles and kinds of organisation."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """What kind of party an organisation is."""

    NATIONAL = "national", _("National body")
    UNIT = "unit", _("Unit")
    MUNICIPALITY = "municipality", _("Municipality")
    SUPPLIER = "supplier", _("Supplier")
    CERT = "cert", _("CERT")


class Line(models.TextChoices):
    """Which line of support a team is."""

    FIRST = "1st", _("1st line")
    SECOND = "2nd", _("2nd line")
    ONSITE = "onsite", _("On-site")
    SOC = "soc", _("SOC")


class Role(models.TextChoices):
    """What a member does."""

    SPOC_AGENT = "spoc_agent", _("SPOC agent")
    SECOND_LINE_AGENT = "second_line_agent", _("2nd line agent")
    SERVICE_BUYER = "service_buyer", _("Service buyer")
    SERVICE_MANAGER = "service_manager", _("Service manager")
    ANALYST = "analyst", _("Analyst")
    CISO = "ciso", _("CISO")
    GOVERNANCE = "governance", _("Governance")
    ADMINISTRATOR = "administrator", _("Administrator")
