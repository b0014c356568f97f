"""The tables that are not scoped, each with the reason. Nothing else may be without a declaration."""

from __future__ import annotations

_LOGIN = "identity: read before any Scope exists, by the login only"
_DJANGO = "Django's own catalogue of its models; holds nothing of an organisation"

EXEMPT: dict[str, str] = {
    "federation.User": "identity: a person may belong to several organisations; who belongs where is in Membership",
    "sessions.Session": _LOGIN,
    "account.EmailAddress": _LOGIN,
    "account.EmailConfirmation": _LOGIN,
    "mfa.Authenticator": _LOGIN,
    "auth.Group": "unused: roles are in Membership",
    "auth.Permission": _DJANGO,
    "auth.Group_permissions": "unused: roles are in Membership",
    "contenttypes.ContentType": _DJANGO,
    "migrations.Migration": _DJANGO,
}
