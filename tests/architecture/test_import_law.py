"""The import law holds, and a breach of each clause is caught."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# file to write into, the line that breaks the law, the contract that must catch it
BREACHES = [
    ("samdrift/foundation/ids.py", "import samdrift.federation.models", "The house"),
    ("samdrift/support/queries.py", "import samdrift.soc.queries", "The house"),
    ("samdrift/web/charts.py", "import samdrift.api.urls", "The house"),
    ("samdrift/helpers.py", "", "The house"),
    ("samdrift_logs/utils.py", "", "The log pipeline: imports"),
    ("samdrift_logs/journal/__init__.py", "import samdrift_logs.lake", "The log pipeline: imports"),
    ("samdrift_logs/events/columns.py", "import django.db", "knows no Django"),
    ("samdrift_logs/search/__init__.py", "import samdrift_logs.lake._storage", "Only the lake"),
    ("samdrift/web/charts.py", "import samdrift_logs.lake.gate", "Only soc, processes and cli"),
    ("samdrift/web/charts.py", "import samdrift.support.models", "Doors and processes"),
    ("samdrift/soc/helpers.py", "", "Inside an app"),
    ("samdrift/support/rules.py", "import samdrift.support.models", "Inside an app"),
]


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "static")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_law_holds(copied: Path) -> None:
    result = _lint(copied)

    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "line", "contract"), BREACHES)
def test_breach_is_caught(copied: Path, file: str, line: str, contract: str) -> None:
    path = copied / "src" / file
    path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")

    result = _lint(copied)

    assert result.returncode == 1, result.stdout[-2000:] + result.stderr[-2000:]
    broken = [row for row in result.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(contract in row for row in broken), result.stdout[-2000:]
