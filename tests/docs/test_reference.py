"""The reference pages say what the code does: events from the declaration, examples through the parser."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pyarrow as pa
import pytest

from samdrift.cli import COMMANDS
from samdrift_logs.errors import InputRefused
from samdrift_logs.events.columns import COLUMNS, REJECT_SCHEMA
from samdrift_logs.normalise.source_types import source_types
from samdrift_logs.receive import elasticsearch, syslog
from samdrift_logs.receive.bulk import MAX_ID_BYTES
from samdrift_logs.receive.duplicates import REMEMBERED
from samdrift_logs.receive.framing import KEPT_BYTES, MAX_LINE_BYTES
from samdrift_logs.search import parse, render
from samdrift_logs.search.columns import DANISH, KINDS, Kind
from samdrift_logs.search.compile import compile_query
from samdrift_logs.search.parse import MAX_DEPTH, MAX_LENGTH, MAX_TERMS

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference"
SEARCH = (REFERENCE / "search.md").read_text()


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    section = re.split(r"^#{1,2} ", page, flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(f"{heading}\n"))
    table = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[2:]]


def examples(heading: str) -> list[str]:
    return [re.fullmatch(r"`(.*)`", row[0])[1] for row in rows(SEARCH, heading)]  # type: ignore[index]


HEADINGS = ("Words", "Columns and fields", "Numbers, times, addresses", "Together")
UNDERSTOOD = [
    *(query for heading in HEADINGS for query in examples(heading)),
    *re.findall(r"`([a-zæøå_]+:[^`<>* ]+)`(?=[,.])", SEARCH),
    "bytes_out > 1000000",
]


def type_in_words(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return "text"
    if pa.types.is_integer(kind):
        return "whole number"
    if pa.types.is_timestamp(kind):
        return "instant"
    return {"binary": "bytes", "date32[day]": "date"}[str(kind)]


def options_of(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield next(name for name in parameter.opts if name.startswith("--"))
    for part in command.commands.values() if isinstance(command, click.Group) else ():
        yield part.name or ""
        yield from options_of(part)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_page_has_every_option_and_subcommand(name: str) -> None:
    page = (REFERENCE / "commands.md").read_text()
    section = next(part for part in page.split("\n## samdrift ") if part.startswith(f"{name}\n"))

    wanted = set(options_of(importlib.import_module(COMMANDS[name]).command))
    assert sorted(option for option in wanted if option not in section) == []


TEMPLATES = Path(__file__).parents[2] / "src" / "samdrift" / "web" / "templates"
NAMED = [
    (path.name, match[1].split())
    for path in sorted(TEMPLATES.rglob("*.html"))
    for match in re.finditer(r"<code>samdrift ([^<]*)</code>", path.read_text())
]


def test_commands_that_pages_name_exist() -> None:
    assert NAMED, "the page of the sources names one"
    for page, (name, *words) in NAMED:
        assert name in COMMANDS, page
        command = importlib.import_module(COMMANDS[name]).command
        if isinstance(command, click.Group):
            assert words and words[0] in command.commands, (page, name, words)
            command = command.commands[words[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert [word for word in words if word.startswith("--") and word not in known] == [], page


def test_events_page_has_every_column_as_declared() -> None:
    declared = [
        [f"`{column.name}`", type_in_words(column.type), column.meaning, column.unit, column.source]
        for column in COLUMNS
    ]

    page = (REFERENCE / "events.md").read_text()
    assert rows(page, "Events") == declared
    assert [row[0] for row in rows(page, "Rejects")] == [f"`{name}`" for name in REJECT_SCHEMA.names]


def test_events_page_has_every_source_type() -> None:
    page = (REFERENCE / "events.md").read_text()

    listed = {row[0].strip("`"): row[1] for row in rows(page, "Source types")}
    assert listed == {name: kind.reads for name, kind in source_types().items()}


@pytest.mark.parametrize("query", UNDERSTOOD)
def test_example_is_understood_and_means_the_same_when_written_out(query: str) -> None:
    node = parse(query)

    assert compile_query(node).sql
    assert parse(render(node)) == node


@pytest.mark.parametrize("query", [*examples("What is refused"), "dst_port:https"])
def test_refused_example_is_refused_with_its_place(query: str) -> None:
    with pytest.raises(InputRefused) as refused:
        compile_query(parse(query))

    assert refused.value.column is not None


def test_search_page_names_the_limits_and_the_columns_of_words() -> None:
    assert f"{MAX_LENGTH:,} characters, {MAX_TERMS} terms or {MAX_DEPTH} levels" in SEARCH
    named = re.search(r"The long texts \(([^)]*)\)", SEARCH)
    assert named is not None
    assert set(re.findall(r"`(\w+)`", named[1])) == {name for name, kind in KINDS.items() if kind is Kind.WORDS}
    assert {"bruger", "vært", "kommandolinje", "afsender_ip", "modtaget", "handling"} <= DANISH.keys()


def test_doors_page_names_the_limits() -> None:
    page = (REFERENCE / "doors.md").read_text()

    assert f"| body, when unpacked | {elasticsearch.MAX_BODY_BYTES >> 20} MiB | 413 |" in page
    assert f"| requests under way at once | {elasticsearch.MAX_REQUESTS} | 429" in page
    assert f"| `_id` | {MAX_ID_BYTES} bytes |" in page
    assert f"the last {REMEMBERED:,} `_id`s" in page
    assert f"**Longest line**: {MAX_LINE_BYTES >> 20} MiB. Of a longer one the first {KEPT_BYTES >> 10} KiB" in page
    assert f"Lines are gathered for {syslog.FLUSH_S * 1000:g} ms" in page
