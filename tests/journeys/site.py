"""A site with the small federation of tests/samdrift/web, for tests that look at pages in a browser.

    python -m tests.journeys.site FOLDER

Prints one JSON line (address and ids) when it answers, and serves until it is told to stop.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

CONTENT = Path(__file__).resolve().parent.parent.parent / "content"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a test reads what went wrong from the page."""


def main(folder: Path) -> None:
    """Make the data and serve it."""
    os.environ.update(
        {
            "SAMDRIFT_DATA": str(folder),
            "SAMDRIFT_MODE": "demo",
            "DJANGO_SETTINGS_MODULE": "samdrift.config.django_settings",
        }
    )
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    from django.core.management import call_command
    from django.utils import timezone

    from tests.samdrift.web import federation

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    made = federation.build(content=CONTENT, data=folder, at=timezone.now())
    server = make_server("127.0.0.1", 0, application, server_class=_Server, handler_class=_Quiet)
    told = {name: str(getattr(made, name)) for name in ("ticket", "case", "alert", "source")}
    sys.stdout.write(json.dumps({"address": f"http://127.0.0.1:{server.server_port}", **told}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
