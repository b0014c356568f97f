"""The pages and the REST API, served by gunicorn."""

from __future__ import annotations

import click

from samdrift.cli.context import Context, pass_context
from samdrift.cli.processes import require_free


@click.command("web")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1, 64), help="Threads in each.")
@pass_context
def command(context: Context, workers: int, threads: int) -> None:
    """Serve the pages and the REST API."""
    settings = context.settings
    require_free({"SAMDRIFT_WEB_PORT": (settings.web_host, settings.web_port)})
    context.start_django()
    from django.core.wsgi import get_wsgi_application
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self) -> None:
            host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
            for name, value in {
                "bind": f"{host}:{settings.web_port}",
                "workers": workers,
                "threads": threads,
                "worker_class": "gthread",
                "timeout": 60,
                "graceful_timeout": 10,
                "max_requests": 20000,
                "max_requests_jitter": 2000,
                "control_socket_disable": True,
            }.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> object:
            return get_wsgi_application()

    Server().run()
