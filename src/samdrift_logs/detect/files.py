"""The rule files below a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from samdrift_logs.detect.rules import Refusal
from samdrift_logs.errors import InputRefused


@attrs.frozen
class RuleFile:
    """One rule file as read. `name` is how it is called in messages."""

    name: str
    content: bytes


def read_rule_files(paths: Sequence[Path]) -> tuple[list[RuleFile], list[Refusal]]:
    """Read every rule file below `paths`, in a stable order. Raises InputRefused for a path that is not there."""
    files: list[RuleFile] = []
    refused: list[Refusal] = []
    for path in paths:
        if not path.exists():
            raise InputRefused("no such file or folder: give --rules a folder with Sigma rules", file=str(path))
        for found in rule_paths(path):
            try:
                files.append(RuleFile(str(found), found.read_bytes()))
            except OSError as problem:
                refused.append(Refusal(str(found), 1, f"cannot be read: {problem.strerror}"))
    return files, refused


def rule_paths(path: Path) -> list[Path]:
    """Return the rule files below a folder, sorted, or the file itself. Empty where there is nothing."""
    if path.is_file():
        return [path]
    found = [each for each in path.rglob("*") if each.suffix in {".yml", ".yaml"} and each.is_file()]
    return sorted(each for each in found if not any(part.startswith(".") for part in each.relative_to(path).parts))
