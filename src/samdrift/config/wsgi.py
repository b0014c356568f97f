"""The WSGI application that gunicorn serves."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "samdrift.config.django_settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
