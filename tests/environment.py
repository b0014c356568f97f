"""Loaded before anything else (`-p tests.environment`): a data folder of this run's own, one per xdist worker."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

worker = os.environ.get("PYTEST_XDIST_WORKER")
if worker is None:
    base = tempfile.mkdtemp(prefix="samdrift-test-")
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    os.environ["SAMDRIFT_TEST_BASE"] = base
    # One compilation cache for the machine: kernels are compiled once, not once per run.
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"samdrift-numba-{os.getuid()}"))
os.environ["SAMDRIFT_DATA"] = str(Path(os.environ["SAMDRIFT_TEST_BASE"]) / (worker or "main"))
os.environ["SAMDRIFT_MODE"] = "local"
if url := os.environ.get("SAMDRIFT_TEST_DATABASE_URL"):
    os.environ["SAMDRIFT_DATABASE_URL"] = url
else:
    os.environ.pop("SAMDRIFT_DATABASE_URL", None)
