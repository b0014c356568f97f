"""The API's description as it is committed: `python -m tests.samdrift.api.description` writes it anew."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

SNAPSHOT = Path(__file__).resolve().parents[3] / "docs" / "reference" / "openapi.json"


def describe() -> dict[str, Any]:
    """Return the description that the running code gives. Needs Django set up."""
    from samdrift.api.urls import api

    described = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    assert isinstance(described, dict)
    return described


def write(path: Path = SNAPSHOT) -> None:
    """Write the snapshot."""
    path.write_text(json.dumps(describe(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    import django

    sys.path.insert(0, "src")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "samdrift.config.django_settings")
    os.environ.setdefault("SAMDRIFT_MODE", "local")
    django.setup()
    write()
