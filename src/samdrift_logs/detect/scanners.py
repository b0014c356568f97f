"""One literal scanner per column, kept on disk between starts.

The compiled databases are keyed by the literals and the Hyperscan build; a file that does not load (another processor,
another version, damage) is built anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import hyperscan

from samdrift_logs.detect import kept
from samdrift_logs.detect.literals import HyperscanScanner, Scanner


def scanners_for(literals: Mapping[str, Sequence[bytes]], *, cache: Path | None) -> dict[str, Scanner]:
    """Return a scanner for each column; `cache` is the folder to keep them in, None for none."""
    key = _key(literals)
    kept_scanners = _load(key, cache, literals)
    if kept_scanners is not None:
        return kept_scanners
    made = {column: HyperscanScanner.compiled(wanted) for column, wanted in literals.items()}
    if cache is not None:
        kept.keep(cache, f"literals-{key}", {column: scanner.dumped() for column, scanner in made.items()})
    return dict(made)


def _load(key: str, cache: Path | None, literals: Mapping[str, Sequence[bytes]]) -> dict[str, Scanner] | None:
    dumped = kept.find(cache, f"literals-{key}") if cache is not None else None
    if not isinstance(dumped, dict) or dumped.keys() != literals.keys():
        return None
    try:
        return {column: HyperscanScanner.loaded(each) for column, each in dumped.items()}
    except hyperscan.HyperscanError:
        return None


def _key(literals: Mapping[str, Sequence[bytes]]) -> str:
    digest = hashlib.sha256(version("hyperscan").encode())
    for column in sorted(literals):
        digest.update(repr((column, literals[column])).encode())
    return digest.hexdigest()[:32]
