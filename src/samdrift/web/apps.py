"""The web door: pages for people."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "samdrift.web"
    label = "web"
