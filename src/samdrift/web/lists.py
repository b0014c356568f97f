"""What a list is asked for, read from its address: sort, filters, place. So a list can be kept as a link."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from django.http import QueryDict


@attrs.frozen(kw_only=True)
class Column:
    """A column as its table declares it. Without `sort` it cannot be sorted."""

    label: str
    sort: str = ""
    number: bool = False


@attrs.frozen(kw_only=True)
class Head:
    """A column's head as it is drawn: where a click leads and how it is sorted now."""

    label: str
    address: str
    direction: str
    number: bool


@attrs.frozen(kw_only=True)
class Choice:
    """One value that a filter can take."""

    value: str
    label: str
    chosen: bool


@attrs.frozen(kw_only=True)
class Filter:
    """A filter with its choices, and the address without it where it is set."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    chosen: str
    without: str


def changed(query: QueryDict, **values: str | None) -> str:
    """Return the address of the same list with some values changed; None takes a value away. The place is forgotten."""
    copy = query.copy()
    for place in ("after", "page"):
        copy.pop(place, None)
    for name, value in values.items():
        if value is None or value == "":
            copy.pop(name, None)
        else:
            copy[name] = value
    return "?" + copy.urlencode()


def heads(columns: Sequence[Column], *, sort: str, query: QueryDict) -> list[Head]:
    """Return the heads of a table that is sorted by `sort` (a leading minus turns it round)."""
    return [_head(column, sort=sort, query=query) for column in columns]


def _head(column: Column, *, sort: str, query: QueryDict) -> Head:
    if not column.sort:
        return Head(label=column.label, address="", direction="", number=column.number)
    direction = {column.sort: "ascending", f"-{column.sort}": "descending"}.get(sort, "")
    following = f"-{column.sort}" if direction == "ascending" else column.sort
    return Head(label=column.label, address=changed(query, sort=following), direction=direction, number=column.number)


def choice(query: QueryDict, *, name: str, label: str, values: Sequence[tuple[str, str]]) -> Filter:
    """Return a filter over `values` (value, label). A value that is not among them counts as not chosen."""
    given = query.get(name, "")
    chosen = given if given in dict(values) else ""
    return Filter(
        name=name,
        label=label,
        choices=tuple(Choice(value=value, label=text, chosen=value == chosen) for value, text in values),
        chosen=dict(values).get(chosen, ""),
        without=changed(query, **{name: None}),
    )


def sort_key(query: QueryDict, *, allowed: Sequence[str], default: str) -> str:
    """Return the sort order asked for, or `default` where it is none of `allowed`."""
    given = query.get("sort", default)
    return given if given.lstrip("-") in allowed else default


def page_number(query: QueryDict) -> int:
    """Return the page asked for, counting from 1; 1 where none or nonsense is asked."""
    given = query.get("page", "1")
    return int(given) if given.isdecimal() and len(given) < 7 else 1


def neighbours(query: QueryDict, *, page: int, pages: int) -> dict[str, str]:
    """Return the addresses of the pages before and after, empty where there is none."""
    return {
        "previous_page": changed(query, page=str(page - 1)) if page > 1 else "",
        "next_page": changed(query, page=str(page + 1)) if page < pages else "",
    }
