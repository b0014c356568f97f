"""Every page and API operation × every single role of every organisation, reading and changing, with ids of others.

Asked as each role of the unit that serves Odense and Assens, of another unit, and of each municipality. What is
demanded of every answer: nothing of others in body or headers, never a failure of ours, no row of others changed or
added, and an id of others is answered in the same words as an id that is nobody's.

The addresses come from the resolver, bodies from the OpenAPI description and forms from the pages themselves, so a new
page or operation is in without a word.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import attrs
import pytest
from django.test import Client
from django.urls import get_resolver, resolve

from samdrift.federation import rules
from samdrift.federation.models import User
from samdrift.federation.rules import Role
from samdrift.foundation import scoped
from samdrift.foundation.ids import uuid7
from samdrift.foundation.scoped import ScopedModel
from tests.boundary.addresses import Door, doors
from tests.boundary.asking import Answer, Form, ask, body_for, forms_of, query_for
from tests.boundary.site import Site, add_foreign, audience, partners, shown_to_others
from tests.boundary.test_models import PRIVATE
from tests.boundary.world import PEOPLE, UNITS, everyone

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

DOORS = [door for door in doors(get_resolver()) if door.purpose is not None or door.label == "GET api/v1/me"]
MODELS = {model._meta.model_name: model for model in PRIVATE}
READERS = [
    (organisation, role)
    for organisation in ("syd", "nord", "odense", "assens")
    for role in PEOPLE[rules.Kind.UNIT if organisation in UNITS else rules.Kind.MUNICIPALITY]
]
# what the pages read from their address, found in their source, beside the words that are searched for
NAMES = ("organisation", "source", "case", "team", "subscription", "assignee", "purpose", "what", "state", "who")
REFUSED = {400, 403, 404, 405, 409, 422}
PUBLISHED = {"api/v1/tickets/teams"}  # the teams of every organisation are
NOBODYS_EVENT = "3-999999-0"


@attrs.define
class Reader:
    """Somebody with one role, their browser and their token, and what was found wrong."""

    site: Site
    organisation: str
    role: Role
    pages: Client
    api: Client
    faults: list[tuple[str, object]] = attrs.Factory(list)
    asked: Counter[str] = attrs.Factory(Counter)

    def client(self, door: Door) -> Client:
        return self.api if door.is_api else self.pages

    def ask(self, door: Door, method: str, address: str, *, known: str = "", **sent: Any) -> Answer:
        """Ask, and hold every answer to what is demanded of all."""
        answer = ask(self.client(door), method, f"/{address}", known=known, **sent)
        self.asked[f"requests {'api' if door.is_api else 'pages'} {method}"] += 1
        if answer.status >= 500:
            self.faults.append((f"{method} {address}", answer.status))
        shown = shown_to_others(f"{answer.headers}\n{answer.whole}", self.organisation, self.role)
        if shown:
            self.faults.append((f"{method} {address}", sorted(shown)[:3]))
        return answer

    def ask_twice(self, door: Door, method: str, address: str, foreign: str, **sent: Any) -> None:
        """Ask for an id of others and for one of nobody: refused, in the same words."""
        nobodys = NOBODYS_EVENT if "-" in foreign and len(foreign) < 20 else str(uuid7())
        sent_again = json.loads(json.dumps(sent).replace(foreign, nobodys)) if sent else {}
        theirs = self.ask(door, method, address.replace("{id}", foreign), known=foreign, **sent)
        none = self.ask(door, method, address.replace("{id}", nobodys), known=nobodys, **sent_again)
        if theirs.status not in REFUSED:
            self.faults.append((f"{method} {address} {foreign}", f"is answered with {theirs.status}"))
        if (theirs.status, theirs.text) != (none.status, none.text):
            self.faults.append((f"{method} {address} {foreign}", f"{theirs.status} tells it from {none.status}"))


@pytest.fixture
def reader(site: Site, request: pytest.FixtureRequest) -> Reader:
    organisation, role = request.param
    return reader_of(site, organisation, role)


def reader_of(site: Site, organisation: str, role: Role) -> Reader:
    pages = Client(raise_request_exception=False)
    pages.force_login(User.objects.get(pk=site.world.users[organisation, role]))
    token = {"Authorization": f"Bearer {site.tokens[organisation, role]}"}
    api = Client(raise_request_exception=False, headers=token)
    return Reader(site, organisation, role, pages, api)


def each_reader(reader: tuple[str, Role]) -> str:
    return f"{reader[0]}-{reader[1]}"


# ---- the walk


@pytest.mark.parametrize("reader", READERS, ids=each_reader, indirect=True)
def test_reader_gets_nothing_of_others_and_changes_nothing(reader: Reader, count_cases: Counter[str]) -> None:
    before = rows_of_others(reader)
    own, foreign = ids_by_model(reader, theirs=False), ids_by_model(reader, theirs=True)
    assert foreign["ticket"] and foreign["message"], "nothing could leak"

    forms = list(_read_everything(reader, own))
    _ask_for_ids_of_others(reader, foreign)
    _send_bodies(reader, own, foreign)
    _send_forms(reader, forms, own, foreign)

    count_cases.update(reader.asked)
    assert not reader.faults, "\n".join(map(str, reader.faults))
    assert rows_of_others(reader) == before


def _read_everything(reader: Reader, own: dict[str, list[str]]) -> Iterator[tuple[Door, Form]]:
    """Read every page as a whole and as a fragment, with every parameter; yield the forms that are met."""
    someone = str(reader.site.id("aalborg" if reader.organisation not in ("aalborg", "nord") else "odense"))
    for door in _doors("GET"):
        for address in _own_addresses(door, own):
            answer = reader.ask(door, "GET", address)
            if not door.is_api:
                yield from ((door, form) for form in forms_of(answer.whole, f"/{address}"))
                reader.ask(door, "GET", address, headers={"HX-Request": "true"})
        if door.names:
            continue
        if door.is_api:
            query = query_for(_description(), _operation(door), ids={"": someone})
            _compare_queries(reader, door, {name: str(_first(value)) for name, value in query.items()})
        else:
            reader.ask(door, "GET", door.address + "?q=kanarie&text=kanarie")
            _compare_queries(reader, door, dict.fromkeys(NAMES, someone))


def _compare_queries(reader: Reader, door: Door, query: dict[str, str]) -> None:
    """One parameter at a time would be thorough; all at once shows as much, since each is read by itself."""
    if not query:
        return
    answers = []
    for instead in (None, str(uuid7())):
        written = "&".join(f"{name}={instead or value}" for name, value in query.items())
        known = instead or next(iter(query.values()))
        answers.append(reader.ask(door, "GET", f"{door.address}?{written}", known=known))
    same = (answers[0].status, answers[0].text) == (answers[1].status, answers[1].text)
    if door.address not in PUBLISHED and not same:
        reader.faults.append((f"GET {door.address}", "an id of others is told from one of nobody's"))


def _ask_for_ids_of_others(reader: Reader, foreign: dict[str, list[str]]) -> None:
    for door in DOORS:
        if not door.names:
            continue
        name = door.names[0]
        assert len(door.names) == 1, f"{door.label}: say here what the ids of an address with two are"
        address = door.address.replace(f"{{{name}}}", "{id}")
        for key in _of_kind(foreign, name):
            for method in door.methods or ("GET", "POST"):
                sent: dict[str, Any] = {}
                if method != "GET" and door.is_api:
                    body = body_for(_description(), _operation(door), ids={"": str(reader.site.id("odense"))})
                    sent = {"data": json.dumps(body), "content_type": "application/json"} if body else {}
                reader.ask_twice(door, method, address, key, **sent)


def _send_bodies(reader: Reader, own: dict[str, list[str]], foreign: dict[str, list[str]]) -> None:
    """Send the API valid bodies about the reader's own rows, with every id in them one of others."""
    teams = reader.site.world.teams
    others = str(
        teams["aalborg", "spoc"] if reader.organisation not in ("aalborg", "nord") else teams["odense", "spoc"]
    )
    for door in DOORS:
        if not door.is_api or door.methods == ("GET",):
            continue
        body = body_for(_description(), _operation(door), ids={"": others})
        sent = {"data": json.dumps(body), "content_type": "application/json"} if body else {}
        for address in _own_addresses(door, own)[:1]:
            answer = reader.ask(door, door.methods[0], address, **sent)
            if others in json.dumps(sent) and answer.status not in REFUSED:
                reader.faults.append((door.label, f"takes an id of others: {answer.status}"))


def _send_forms(
    reader: Reader, forms: list[tuple[Door, Form]], own: dict[str, list[str]], foreign: dict[str, list[str]]
) -> None:
    """Send every form that a page showed: about a row of others, and about one's own with an id of others in it."""
    tried: set[tuple[str, tuple[str, ...]]] = set()
    someone = next(iter(foreign["ticket"]))
    for door, form in forms:
        view = resolve(form.action)
        shape = (view.route, tuple(sorted(form.fields)))
        if shape in tried or view.route.startswith("account/"):
            continue
        tried.add(shape)
        for name, value in view.kwargs.items():
            for key in _of_kind(foreign, name)[:1]:
                address = form.action.lstrip("/").replace(str(value), "{id}")
                reader.pages.cookies.pop("messages", None)  # what the step before has to say
                reader.ask_twice(door, "POST", address, key, data=form.filled())
        reader.ask(door, "POST", form.action.lstrip("/"), data=form.filled(instead_of_ids=someone))
        if form.filled() != form.filled(instead_of_ids=someone) and UUID(someone) in _ids_stored_anew(reader):
            reader.faults.append((f"POST {form.action}", "stores an id of others"))


def _ids_stored_anew(reader: Reader) -> set[UUID]:
    """Return every value of tickets' legs and cases that the reader may write: where an id could be put."""
    found: set[UUID] = set()
    for name in ("ticket", "leg", "case"):
        model = MODELS[name]
        with everyone(sorted(scoped.readable_purposes(model))[0]):
            for row in model.objects.filter(organisation=reader.site.id(reader.organisation)):
                values = [getattr(row, field.attname) for field in model._meta.concrete_fields if not field.primary_key]
                found |= {value for value in values if isinstance(value, UUID)}
    return found


def _doors(method: str) -> list[Door]:
    return [door for door in DOORS if not door.methods or method in door.methods]


def _own_addresses(door: Door, own: dict[str, list[str]]) -> list[str]:
    if not door.names:
        return [door.address]
    return [door.address.replace(f"{{{door.names[0]}}}", key) for key in _of_kind(own, door.names[0])]


def _of_kind(found: dict[str, list[str]], name: str) -> list[str]:
    """Return ids of the model that a part of an address is called after; of every model where it is none."""
    kind = "event" if name == "event_id" else name
    return found[kind] if kind in found else [key for keys in found.values() for key in keys[:1]]


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


# ---- what the API says of itself


def _description() -> dict[str, Any]:
    from samdrift.api.urls import api

    if "made" not in _kept:
        _kept["made"] = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    return _kept["made"]


_kept: dict[str, dict[str, Any]] = {}


def _operation(door: Door) -> dict[str, Any]:
    described = _description()["paths"][f"/{door.address}"][door.methods[0].lower()]
    assert isinstance(described, dict)
    return described


# ---- whose rows there are


def ids_by_model(reader: Reader, *, theirs: bool) -> dict[str, list[str]]:
    """Return up to three ids of each model that the reader may not see (or may), and of events in the lake."""
    seen = {reader.site.id(name) for name in audience(reader.organisation, reader.role)}
    home = {reader.site.id(reader.organisation)}
    found: dict[str, list[str]] = {}
    for name, model in MODELS.items():
        readers = home if model.own_only else seen
        keys = [key for key, parties in _parties(model) if bool(parties & readers) != theirs]
        # the first are real, made by operations; the last is generated
        found[str(name)] = [str(key) for key in ([*keys[:1], *keys[-1:]] if theirs else keys[:2])]
    hidden = [name for name in reader.site.events if (name in audience(reader.organisation, reader.role)) != theirs]
    found["event"] = [reader.site.events[name][0] for name in hidden]
    return found


def _parties(model: type[ScopedModel]) -> list[tuple[UUID, frozenset[UUID]]]:
    with everyone(sorted(scoped.readable_purposes(model))[0]):
        return [(row.pk, scoped.parties_of(row)) for row in model.objects.order_by("pk")]


# What is done to a shared row is written to the chains and facts of both parties.
TOLD_TO_BOTH = ("foundation.AuditEntry", "foundation.Counter", "foundation.Fact", "foundation.Delivery")


def rows_of_others(reader: Reader) -> dict[str, str]:
    """Return a digest of each row that the reader's organisations are no party of."""
    seen = {reader.site.id(name) for name in audience(reader.organisation, reader.role)}
    told = {reader.site.id(name) for name in partners(reader.organisation)}
    return {
        key: digest
        for key, (parties, digest) in _digests().items()
        if not parties & seen and not (key.startswith(TOLD_TO_BOTH) and parties <= told)
    }


def _digests() -> dict[str, tuple[frozenset[UUID], str]]:
    found = {}
    for model in PRIVATE:
        with everyone(sorted(scoped.readable_purposes(model))[0]):
            for row in model.objects.all():
                values = repr([getattr(row, field.attname) for field in model._meta.concrete_fields])
                digest = hashlib.sha256(values.encode()).hexdigest()
                found[f"{model._meta.label} {row.pk}"] = (scoped.parties_of(row), digest)
    return found


# ---- counts and totals: what others have must not change what one reads


ALONE = {"odense": [("aalborg", "nord"), ("nord", None)], "syd": [("aalborg", "nord"), ("nord", None)]}


@pytest.mark.parametrize("organisation", ALONE)
def test_what_others_have_changes_nothing_that_one_reads(
    site: Site, organisation: str, count_cases: Counter[str]
) -> None:
    """Every page and list is the same, to the letter, before and after others got more of everything."""
    readers = [reader_of(site, organisation, role) for name, role in READERS if name == organisation]
    before = [_everything_read(reader) for reader in readers]

    add_foreign(site, pairs=ALONE[organisation])

    for reader, read in zip(readers, before, strict=True):
        assert _everything_read(reader) == read
        count_cases.update(reader.asked)


def _everything_read(reader: Reader) -> dict[str, tuple[int, str]]:
    own = ids_by_model(reader, theirs=False)
    found = {}
    for door in _doors("GET"):
        if door.address in LOOKS_ARE_WRITTEN_DOWN:
            continue
        for address in _own_addresses(door, own)[:2]:
            for query in ("",) if door.names else ("", "?q=kanarie&text=kanarie"):
                answer = reader.ask(door, "GET", address + query)
                found[address + query] = (answer.status, re.sub(r'"took_s": [\d.]+', "", answer.text))
    return found


# the reader's own looks make the next reading of the chain longer; what is published of services comes with the rows
LOOKS_ARE_WRITTEN_DOWN = {"audit/", "api/v1/audit", "services/"}


# ---- who is not let in, and by which method


def test_without_login_every_door_leads_to_the_login(site: Site, count_cases: Counter[str]) -> None:
    client = Client(raise_request_exception=False)
    ids = [str(site.id("odense")), str(uuid7())]
    answers: dict[str, set[int]] = {}

    for door in DOORS:
        for key in ids if door.names else ids[:1]:
            for method in door.methods or ("GET", "POST"):
                address = re.sub(r"{\w+}", key, door.address)
                answer = ask(client, method, f"/{address}")
                count_cases["requests without login"] += 1
                answers.setdefault("api" if door.is_api else "pages", set()).add(answer.status)
                assert not re.search("kanarie", answer.whole)

    assert answers["api"] == {401}
    assert answers["pages"] <= {302, 405}


def test_other_methods_are_not_taken(site: Site, count_cases: Counter[str]) -> None:
    reader = reader_of(site, "odense", Role.ANALYST)
    taken: dict[str, set[str]] = {}
    for door in DOORS:
        taken.setdefault(door.address, set()).update(door.methods or ("GET", "HEAD", "POST"))

    for door in DOORS:
        for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - taken[door.address]):
            answer = reader.ask(door, method, re.sub(r"{\w+}", str(site.id("aalborg")), door.address))
            assert answer.status in (405, 403), (method, door.address, answer.status)

    count_cases.update(reader.asked)
    assert reader.faults == []
