"""The verbs that furnish the house, and what they answer to wrong names. In this process, on the demo of the tests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

from samdrift.cli import program
from samdrift.cli.context import Context
from samdrift.foundation import outbox
from samdrift.foundation.models import Delivery
from samdrift.soc import operations as soc
from tests.boundary.world import AT, build_world, everyone
from tests.samdrift.services import Services, alert, with_services

EXAMPLE = "admin@odense.example"


def run(*arguments: str) -> Result:
    def no_settings() -> Any:
        raise AssertionError("these commands read no settings")

    context = Context(read_settings=no_settings, start_django=lambda: None, content=Path("content"))
    return CliRunner().invoke(program, list(arguments), obj=context)


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def shown(*arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(done(*arguments, "--json"))
    return rows


def identity(said: str) -> str:
    return re.findall(r"[0-9a-f-]{36}", said)[0]


@pytest.fixture
def services(db: None, tmp_path: Path, settings: Any) -> Services:
    """Two units, three municipalities, each subscribed to server operation; an empty data folder."""
    settings.SAMDRIFT = attrs.evolve(settings.SAMDRIFT, data=tmp_path)
    return with_services(build_world())


@pytest.fixture
def people(services: Services) -> Services:
    done("team", "add", "[bold]Nat[/bold]", "--organisation", "Odense", "--line", "onsite")
    done(
        "user", "add", EXAMPLE, "--name", "Ada [red]", "--organisation", "Odense", "--role", "administrator",
        "--team", "[bold]Nat[/bold]", "--password", "Regn-paa-Fyn-2026",
    )  # fmt: skip
    return services


def test_table_shows_names_as_they_are_written(people: Services) -> None:
    assert "[bold]Nat[/bold]" in done("team", "list", "--organisation", "Odense")


def test_person_gets_one_more_role_and_leaves_it(people: Services) -> None:
    done("user", "role", EXAMPLE, "--organisation", "Odense", "--role", "ciso")
    of_ada = [row for row in shown("user", "list", "--organisation", "Odense") if row["person"]["email"] == EXAMPLE]
    assert {row["role"] for row in of_ada} == {"administrator", "ciso"}

    left = next(row["id"] for row in of_ada if row["role"] == "ciso")
    done("user", "leave", left, "--reason", "a new job")

    after = [row for row in shown("user", "list", "--organisation", "Odense") if row["person"]["email"] == EXAMPLE]
    assert [row["role"] for row in after] == ["administrator"]


def test_token_is_issued_listed_and_revoked(people: Services) -> None:
    said = done("token", "issue", EXAMPLE, "--organisation", "Odense", "--name", "x", "--purpose", "administration")
    assert "token samdrift_" in said

    done("token", "revoke", identity(said), "--reason", "lost")

    listed = {row["id"]: row for row in shown("token", "list", "--organisation", "Odense")}
    assert listed[identity(said)]["revoked_at"]


def test_policy_and_ownership(services: Services) -> None:
    done("organisation", "policy", "Odense", "--mfa")
    assert {row["short_name"]: row["mfa_required"] for row in shown("organisation", "list")}["Odense"]

    done("organisation", "disown", "Enhed Syd", "Odense", "--reason", "sold", "--from", "2030-01-01")
    again = run("organisation", "own", "Enhed Syd", "Odense", "--from", "2031-01-01")
    assert again.exit_code == 0, again.output


def test_source_is_changed_and_its_token_rotated(people: Services) -> None:
    as_admin = ("--as", EXAMPLE)
    bought = str(people.subscriptions["odense"])
    source = identity(done("source", "register", "Firewall", *as_admin, "--token", "--network", "10.30.0.0/16"))
    done("source", "set", source, *as_admin, "--subscription", bought, "--host", "fw-*", "--off", "--reason", "moved")
    done("source", "rotate", source, *as_admin)

    credentials = shown("source", "list", "--credentials", *as_admin)
    assert sorted(bool(row["revoked_at"]) for row in credentials if row["source"] == source) == [False, True]
    with everyone():
        from samdrift.soc import queries

        row = queries.source_page(source=queries.credentials()[0].source, at=AT)
    assert (row.enabled, row.networks, row.hosts, str(row.subscription)) == (
        False, ("10.30.0.0/16",), ("fw-*",), bought,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("team", "add", "X", "--organisation", "Atlantis", "--line", "1st"), "no organisation 'Atlantis'"),
        (("team", "add", "[bold]Nat[/bold]", "--organisation", "Odense", "--line", "1st"), "already"),
        (("user", "role", "nobody@x.example", "--organisation", "Odense", "--role", "ciso"), "samdrift user add"),
        (
            ("user", "add", EXAMPLE.upper(), "--name", "x", "--organisation", "Odense", "--role", "ciso",
             "--password", "Regn-paa-Fyn-2026"),
            "samdrift user role",
        ),
        (("user", "leave", "0" * 32, "--reason", "x"), "no membership"),
        (("token", "revoke", "0" * 32, "--reason", "x"), "no token"),
        (("service", "subscribe", "nothing", "--unit", "Enhed Syd", "--municipality", "Odense", "--level", "gold"),
         "samdrift service offer"),
        (("organisation", "own", "Odense", "Enhed Syd"), "owns a unit"),
        (("facts", "revive", "0" * 32), "samdrift facts list"),
        (("source", "register", "X", "--as", EXAMPLE, "--type", "winlogbaet"), "choose one of auto"),
    ],
)  # fmt: skip
def test_wrong_names_are_one_clear_line(people: Services, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 1, result.output
    assert says in result.output


def test_case_without_a_team_is_a_dead_fact_that_is_shown_and_revived(services: Services) -> None:
    assert shown("facts", "list") == []
    with everyone():
        registered = soc.register_source(organisation=services.id("assens"), name="AD", at=AT)
        soc.record_alerts(alerts=[alert(services.id("assens"), registered.source)], at=AT)
        outbox.dispatch(now=AT)
        Delivery.objects.filter(fact__name="soc.case.opened").update(
            state=Delivery.State.DEAD, last_error="Traceback …\nNobodyToHandle: add one"
        )

    (dead,) = shown("facts", "list")
    assert (dead["fact"], dead["error"]) == ("soc.case.opened", "NobodyToHandle: add one")
    from samdrift.cli.check import _facts

    assert len(_facts().faults) == 1

    done("facts", "revive", dead["id"])
    assert shown("facts", "list") == []
