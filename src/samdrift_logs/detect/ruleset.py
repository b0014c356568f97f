"""Rule folders to a RuleSet, quickly: parsed once, then kept by content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import attrs

from samdrift_logs.detect import collection, kept
from samdrift_logs.detect.files import read_rule_files
from samdrift_logs.detect.rules import RuleSet

# Part of the key: a rule set that an older compiler made is made anew.
_COMPILER = 2


def load_rules(paths: Sequence[Path], *, cache: Path | None = None) -> RuleSet:
    """Load every Sigma rule below `paths`: each is in `rules`, or in `refused` with file, line and reason.

    `cache` is a folder of our own; with the same files in the same places the set comes from there, without parsing.
    Raises InputRefused for a path that does not exist.
    """
    with collection.paused():
        return _load(paths, cache)


def _load(paths: Sequence[Path], cache: Path | None) -> RuleSet:
    files, unreadable = read_rule_files(paths)
    digest = hashlib.sha256(repr(_COMPILER).encode())
    for file in files:
        digest.update(file.name.encode(errors="surrogateescape") + b"\0" + hashlib.sha256(file.content).digest())
    name = f"ruleset-{digest.hexdigest()[:32]}"
    found = kept.find(cache, name) if cache is not None else None
    if not isinstance(found, RuleSet):
        # pySigma takes long to import, so only where something has to be parsed.
        from samdrift_logs.detect.loader import parse_rules

        found = parse_rules(files)
        if cache is not None:
            kept.keep(cache, name, found)
    return attrs.evolve(found, refused=(*found.refused, *unreadable))
