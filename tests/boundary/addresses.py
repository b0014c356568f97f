"""Every address there is, walked from Django's resolver, with the purpose that its view or API operation declares.

A door without a purpose is entered without a Scope, so it can read no scoped row. Each such door is named in
`WITHOUT_PURPOSE` with its reason; no other may be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
from django.urls import URLPattern, URLResolver
from django.urls.converters import UUIDConverter
from ninja.operation import PathView

LEFT_OUT = re.compile(r"^(static|media)/")

_LOGIN = "login: works on the visitor's own person, before any Scope exists"
_OWN = "one's own browser or person; reads no organisation's rows"

# door (method where one is declared, and address) → why it declares no purpose
WITHOUT_PURPOSE: dict[str, str] = {
    "api/v1/openapi.json": "the description of the API; the same for everybody",
    "api/v1/": "answers 404; there so that addresses can be reversed",
    "api/v1/{rest}": "answers 404 as a problem where no operation is",
    "GET api/v1/me": "asks the boundary for each purpose itself, and shows only the Scopes that it gives",
    "acting/": "choosing for whom one acts: shows one's own memberships, before there is a Scope",
    "settings/": _OWN,
    "keys/": "says what the keys do; the same for everybody",
    "language/": _OWN,
    "design/": "the components with invented content; reads nothing",
    **dict.fromkeys(
        (
            "account/login/",
            "account/logout/",
            "account/inactive/",
            "account/reauthenticate/",
            "account/password/change/",
            "account/password/set/",
            "account/password/reset/",
            "account/password/reset/key/done/",
            "account/password/reset/key/{uidb36}-{key}/",
            "account/password/reset/done/",
            "account/two-steps/",
            "account/two-steps/authenticate/",
            "account/two-steps/reauthenticate/",
            "account/two-steps/totp/activate/",
            "account/two-steps/totp/deactivate/",
            "account/two-steps/recovery-codes/",
            "account/two-steps/recovery-codes/generate/",
            "account/two-steps/recovery-codes/download/",
        ),
        _LOGIN,
    ),
}


@attrs.frozen(kw_only=True)
class Door:
    """One page, or one operation of the API. `methods` is empty for a page: it says itself which it takes."""

    address: str
    converters: Mapping[str, object]
    methods: tuple[str, ...]
    purpose: object | None

    @property
    def label(self) -> str:
        """Name the door: "POST api/v1/cases/{case}/take", "cases/{case}/"."""
        return " ".join([*self.methods, self.address])

    @property
    def names(self) -> list[str]:
        """The names of what the address leaves open."""
        return re.findall(r"{(\w+)}", self.address)

    @property
    def is_api(self) -> bool:
        """Tell whether it is entered with a token."""
        return self.address.startswith("api/")

    def takes_uuid(self, name: str) -> bool:
        """Tell whether this part of the address is a row's id; the API's own converter does not say."""
        return self.is_api or isinstance(self.converters.get(name), UUIDConverter)


def doors(resolver: URLResolver) -> list[Door]:
    """Return every door under a resolver."""
    return list(_walk(resolver, "", {}))


def undeclared(resolver: URLResolver) -> set[str]:
    """Return the labels of the doors that declare no purpose."""
    return {door.label for door in doors(resolver) if door.purpose is None}


def _walk(resolver: URLResolver, before: str, known: Mapping[str, object]) -> Iterator[Door]:
    for pattern in resolver.url_patterns:
        text = before + _with_braces(str(pattern.pattern))
        converters = {**known, **pattern.pattern.converters}
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, text, converters)
        elif isinstance(pattern, URLPattern) and not LEFT_OUT.match(text):
            yield from _doors_of(pattern.callback, text, converters)


def _doors_of(view: Callable[..., Any], text: str, converters: Mapping[str, object]) -> Iterator[Door]:
    path_view = _path_view(view)
    if path_view is None:
        yield Door(address=text, converters=converters, methods=(), purpose=getattr(view, "purpose", None))
        return
    for operation in path_view.operations:
        declared = getattr(operation.view_func, "purpose", None)
        yield Door(address=text, converters=converters, methods=tuple(operation.methods), purpose=declared)


def _path_view(view: Callable[..., Any]) -> PathView | None:
    """Return the operations behind a view of ninja's, which keeps them in a closure."""
    plain: Any = view
    while hasattr(plain, "__wrapped__"):
        plain = plain.__wrapped__
    cells = [cell.cell_contents for cell in getattr(plain, "__closure__", None) or ()]
    return next((content for content in cells if isinstance(content, PathView)), None)


def _with_braces(pattern: str) -> str:
    plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", pattern).replace("^", "").replace("$", "").replace("\\Z", "")
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", plain)
