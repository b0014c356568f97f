"""Who may do what with the catalogue. Pure: roles in, yes or no out."""

from __future__ import annotations

from collections.abc import Set

GOVERNANCE = "governance"
SERVICE_MANAGER = "service_manager"
SERVICE_BUYER = "service_buyer"


def may_publish(roles: Set[str]) -> bool:
    """Tell whether someone with `roles` may publish a version of a common service: the governance body only."""
    return GOVERNANCE in roles


def may_offer(roles: Set[str]) -> bool:
    """Tell whether someone with `roles` at a unit may declare what it offers."""
    return SERVICE_MANAGER in roles


def may_subscribe(roles: Set[str]) -> bool:
    """Tell whether someone with `roles` may put a subscription in force: the delivering unit's service manager."""
    return SERVICE_MANAGER in roles
