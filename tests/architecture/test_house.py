"""The house stays as the architecture describes it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
SIBLINGS = {"support", "soc"}
PLATFORM_LAYERS = ["foundation", "federation", "catalogue", "support", "soc", "processes"]
LOW_TO_HIGH = {"foundation": 0, "federation": 1, "catalogue": 2, "support": 3, "soc": 3, "processes": 4}


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_relation_reaches_a_sibling_or_upwards() -> None:
    """Foreign keys written as strings are invisible to the import law, so they are walked here."""
    wrong = []
    for model in apps.get_models():
        app = model._meta.app_label
        if app not in LOW_TO_HIGH:
            continue
        for field in model._meta.get_fields():
            if not (field.concrete and field.is_relation and field.related_model):
                continue
            target = field.related_model._meta.app_label
            if target in LOW_TO_HIGH and target != app and LOW_TO_HIGH[target] >= LOW_TO_HIGH[app]:
                wrong.append(f"{model.__name__}.{field.name} → {target}")

    assert wrong == []


def test_migrations_are_complete() -> None:
    from io import StringIO

    from django.core.management import call_command

    out = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=out)
    except SystemExit:
        pytest.fail(out.getvalue())


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_files_that_docs_name_exist(page: Path) -> None:
    """Docs are under test: each `src/…`, `tests/…`, `docs/…`, `content/…` path in backticks is there."""
    named = set(re.findall(r"`((?:src|tests|docs|content|bench|tools|requirements)/[\w./-]+)`", page.read_text()))
    missing = sorted(name for name in named if not (ROOT / name).exists())

    assert missing == []


def test_no_index_address_and_no_path_of_this_machine() -> None:
    address = re.compile(
        r"--(extra-)?index-url|registry *= *[\"']?https?:|files\.pythonhosted|" + re.escape(str(ROOT.parent)) + "/"
    )
    found = []
    for path in tracked_files():
        if path.suffix in {".png", ".evtx", ".ico", ".woff2"} or path.name == Path(__file__).name or not path.is_file():
            continue
        if match := address.search(path.read_text(errors="replace")):
            found.append(f"{path.relative_to(ROOT)}: {match.group(0)}")

    assert found == []


def test_no_room_is_called_by_an_empty_word() -> None:
    empty = {"utils", "util", "common", "core", "helpers", "helper", "manager", "misc"}
    assert [
        path for path in tracked_files() if path.suffix == ".py" and path.stem in empty and "src" in path.parts
    ] == []


def test_every_command_is_documented() -> None:
    from samdrift.cli import COMMANDS

    page = (ROOT / "docs/reference/commands.md").read_text()
    assert [name for name in COMMANDS if f"## samdrift {name}\n" not in page] == []


def test_every_setting_is_documented() -> None:
    names = set(re.findall(r'"(SAMDRIFT_[A-Z_]+)"', (ROOT / "src/samdrift/config/settings.py").read_text()))
    page = (ROOT / "docs/reference/settings.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in page) == []
