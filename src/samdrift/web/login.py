"""How people log in: nobody signs up by themselves, and mail carries the reader's language."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """allauth's questions, answered for organisations that make their own users."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up: an administrator makes users."""
        return False

    def add_message(self, *args: object, **named: object) -> None:
        """Say nothing: the page that follows shows what happened."""

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return to one's own settings."""
        return "/settings/"
