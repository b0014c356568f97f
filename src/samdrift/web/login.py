"""How people log in: nobody signs up by themselves, and mail carries the reader's language."""

from __future__ import annotations

import time

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

FRESH_S = 300


class AccountAdapter(DefaultAccountAdapter):
    """allauth's questions, answered for organisations that make their own users."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up: an administrator makes users."""
        return False

    def is_reauthentication_required(self, *, app: str, **named: object) -> bool:
        """Ask for the password again unless it was given within five minutes: whoever just logged in is not asked."""
        since = time.time() - FRESH_S
        given = get_authentication_records(self.request, self.request.user)
        if any(record["at"] >= since for record in given):
            return False
        return bool(super().is_reauthentication_required(app=app, **named))

    def add_message(self, *args: object, **named: object) -> None:
        """Say nothing: the page that follows shows what happened."""

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return to one's own settings."""
        return "/settings/"
