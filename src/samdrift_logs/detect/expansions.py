"""Values for the `expand` modifier: documents `expand: {name: [values]}` in any file of the rule folders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from samdrift_logs.detect.files import RuleFile
from samdrift_logs.detect.rules import Refusal

_MENTIONED = re.compile(rb"^expand\s*:", re.MULTILINE)
_MOST_BYTES = 2_000_000


def expansions_in(files: Sequence[RuleFile]) -> tuple[dict[str, tuple[str, ...]], list[Refusal]]:
    """Return the values by name, and what is wrong with their documents. Several documents add up.

    A file that is no YAML is left to whoever reads its rules, who says so.
    """
    values: dict[str, tuple[str, ...]] = {}
    refused: list[Refusal] = []
    for file in files:
        if len(file.content) > _MOST_BYTES or not _MENTIONED.search(file.content):
            continue
        for line, section in _sections(file):
            problem = _problem(section)
            if problem:
                refused.append(Refusal(file.name, line, problem))
                continue
            for name, given in section.items():
                texts = given if isinstance(given, list) else [given]
                values[str(name)] = (*values.get(str(name), ()), *map(str, texts))
    return values, refused


def _sections(file: RuleFile) -> Iterator[tuple[int, Any]]:
    try:
        loader = yaml.CSafeLoader(file.content.decode("utf-8-sig"))
        while loader.check_node():
            node = loader.get_node()
            data = loader.construct_document(node)
            if node is not None and isinstance(data, dict) and "expand" in data and "detection" not in data:
                yield node.start_mark.line + 1, data["expand"]
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError, RecursionError):
        return


def _problem(section: Any) -> str:
    if not isinstance(section, dict) or not section:
        return "expand: is a map from a name to its values"
    for name, given in section.items():
        texts = given if isinstance(given, list) else [given]
        if not texts or any(isinstance(text, bool) or not isinstance(text, str | int) for text in texts):
            return f"expand: the values of {name} are a list of texts"
    return ""
