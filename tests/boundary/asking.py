"""How the boundary's tests ask: bodies from the API's own description, forms from the pages, and answers to compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import attrs
from django.test import Client

Json = Any


# ---- bodies and parameters from the OpenAPI description


def body_for(description: Mapping[str, Json], operation: Mapping[str, Json], *, ids: Mapping[str, str]) -> Json | None:
    """Return a valid JSON body; `ids` names the ids of fields, "" that of every other. None where none is taken."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return _value(description, content["schema"], "", ids) if content else None


def query_for(
    description: Mapping[str, Json], operation: Mapping[str, Json], *, ids: Mapping[str, str]
) -> dict[str, Json]:
    """Return the query parameters that are ids, filled."""
    found = {}
    for given in operation.get("parameters", ()):
        if given["in"] == "query" and "uuid" in json.dumps(given["schema"]):
            found[given["name"]] = _value(description, given["schema"], given["name"], ids)
    return found


def _value(description: Mapping[str, Json], schema: Mapping[str, Json], name: str, ids: Mapping[str, str]) -> Json:
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "uuid":
        return ids.get(name, ids[""])
    kind = schema.get("type")
    if kind == "object":
        return {key: _value(description, one, key, ids) for key, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [_value(description, schema["items"], name, ids)]
    if schema.get("format") == "date-time":
        return "2026-05-05T09:00:00Z"
    return {"boolean": False, "integer": 1, "number": 1.0}.get(str(kind), "Fordi vi prøver.")


# ---- forms from the pages


@attrs.frozen
class Form:
    """A form of a page: where it is sent and what it holds, as name → values one may choose (one where it is free)."""

    action: str
    fields: Mapping[str, tuple[str, ...]]

    def filled(self, *, instead_of_ids: str | None = None) -> dict[str, str]:
        """Return values for every field, every id replaced where asked for."""
        chosen = {name: next((value for value in values if value), "") for name, values in self.fields.items()}
        if instead_of_ids is None:
            return chosen
        return {name: instead_of_ids if _is_id(value) else value for name, value in chosen.items()}


class _Forms(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.forms, self.open, self.choosing = address, list[Form](), None, ""
        self.fields: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form" and given.get("method", "").lower() == "post":
            self.open, self.fields = given.get("action") or self.address, {}
        elif self.open is None:
            return
        elif tag == "option" and self.choosing:
            self.fields[self.choosing].append(given.get("value", ""))
        elif tag in ("input", "textarea", "select", "button") and given.get("name"):
            name = given["name"]
            self.choosing = name if tag == "select" else ""
            free = {"textarea": "Fordi vi prøver.", "select": ""}.get(tag, given.get("value") or _free(given))
            self.fields.setdefault(name, []).append(free)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.open is not None:
            self.forms.append(Form(self.open, {name: tuple(values) for name, values in self.fields.items()}))
            self.open = None


def _free(given: Mapping[str, str]) -> str:
    return {"url": "https://cfcs.example/vejledning", "checkbox": ""}.get(given.get("type", "text"), "Vi prøver")


def forms_of(page: str, address: str) -> list[Form]:
    """Return the forms of a page that change something."""
    reader = _Forms(address)
    reader.feed(page)
    return reader.forms


def _is_id(value: str) -> bool:
    try:
        return bool(UUID(value))
    except ValueError:
        return False


# ---- answers


@attrs.frozen(kw_only=True)
class Answer:
    """What came back. `text` is the body without what differs each time: tokens against forgery, and the id asked."""

    status: int
    headers: str
    text: str
    whole: str


def ask(client: Client, method: str, address: str, *, known: str = "", **sent: Any) -> Answer:
    """Send one request; `known` is what the address or body names, blanked out of the text to compare."""
    response = client.generic(method, address, **sent) if "data" not in sent else client.post(address, **sent)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    whole = body.decode(errors="replace")
    text = re.sub(r"\b[A-Za-z0-9]{64}\b", "", whole)
    headers = "\n".join(f"{name}: {value}" for name, value in [*response.headers.items(), *_cookies(response)])
    return Answer(status=response.status_code, headers=headers, text=_without(text, known), whole=whole)


def _cookies(response: Any) -> Iterator[tuple[str, str]]:
    yield from ((name, morsel.value) for name, morsel in response.cookies.items())


def _without(text: str, known: str) -> str:
    return text.replace(known, "…") if known else text
