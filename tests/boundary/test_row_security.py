"""The second lock: on PostgreSQL raw SQL under the application's role shows and changes nothing outside the Scope."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from samdrift.foundation import row_security, scoped
from samdrift.foundation.scoped import National, Owned, ScopedModel
from samdrift_logs.scope import Purpose, Scope
from tests.boundary.rows import fill
from tests.boundary.test_models import MODELS, PRIVATE, everything, named, within
from tests.boundary.world import World, build_world, everyone

pytestmark = pytest.mark.django_db
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL locks rows")


def keys(model: type[ScopedModel], condition: str = "true") -> set[UUID]:
    """Read keys with SQL by hand."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT id FROM "{model._meta.db_table}" WHERE {condition}')
        return {key for (key,) in cursor.fetchall()}


@pytest.fixture
def filled(db: None) -> World:
    """The world with rows of every model."""
    world = build_world()
    fill(world)
    return world


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_policies_name_every_party_and_purpose(model: type[ScopedModel]) -> None:
    statements = row_security.policies(model)

    selecting = next(text for text in statements if "FOR SELECT" in text)
    assert "FORCE ROW LEVEL SECURITY" in statements[1]
    for party in model.boundary.parties:
        assert f'"{model._meta.get_field(party).column}" = ANY' in selecting
    for purpose in Purpose:
        assert (f"'{purpose.value}'" in selecting) == (purpose in scoped.readable_purposes(model))


@on_postgresql
def test_the_role_is_bound(db: None) -> None:
    assert row_security.check_role(databases=["default"]) == []


@on_postgresql
@pytest.mark.parametrize("model", PRIVATE, ids=named)
def test_raw_sql_shows_only_what_the_scope_covers(filled: World, model: type[ScopedModel]) -> None:
    rows = everything(model)
    assert keys(model) == set(), "no Scope"
    for organisation in filled.organisations.values():
        expected = {key for key, parties in rows.items() if organisation in parties}
        for purpose in Purpose:
            with within(organisation, purpose):
                assert keys(model) == (expected if purpose in model.read_purposes else set())
    with everyone():
        assert keys(model) == set(rows)


@on_postgresql
@pytest.mark.parametrize("model", PRIVATE, ids=named)
def test_raw_sql_changes_only_what_the_scope_covers(filled: World, model: type[ScopedModel]) -> None:
    if model.append_only:
        return
    rows = everything(model)
    owner = model._meta.get_field(model.boundary.writers[0]).column
    odense, aalborg = filled.organisations["odense"], filled.organisations["aalborg"]
    purpose = sorted(model.write_purposes & model.read_purposes)[0]
    with within(odense, purpose), connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{model._meta.db_table}" SET id = id')
        assert cursor.rowcount == len([key for key, parties in rows.items() if odense in parties])
        if isinstance(model.boundary, Owned):
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                cursor.execute(f'UPDATE "{model._meta.db_table}" SET "{owner}" = %s', [aalborg])


@on_postgresql
def test_published_rows_are_changed_by_their_owner_only(filled: World) -> None:
    model = next(item for item in MODELS if item._meta.label == "federation.Team")
    assert isinstance(model.boundary, National)
    with within(filled.organisations["odense"], Purpose.ADMINISTRATION), connection.cursor() as cursor:
        cursor.execute("UPDATE federation_team SET name = name")
        assert cursor.rowcount == model.objects.filter(organisation=filled.organisations["odense"]).count()
        assert len(keys(model)) == len(everything(model))


@on_postgresql
class TestSession:
    """What the session knows follows the Scope, also through rollbacks, which take settings back."""

    @pytest.fixture(autouse=True)
    def _prepare(self, filled: World) -> Iterator[None]:
        self.world = filled
        self.model = next(item for item in MODELS if item._meta.label == "federation.Membership")
        self.rows = everything(self.model)
        yield

    def expected(self, organisation: str) -> set[UUID]:
        key = self.world.organisations[organisation]
        return {row for row, parties in self.rows.items() if key in parties}

    def test_a_rolled_back_savepoint(self) -> None:
        with self.world.within("odense", purpose=Purpose.SUPPORT):
            keys(self.model)
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                with self.world.within("aalborg", purpose=Purpose.SUPPORT):
                    assert keys(self.model) == self.expected("aalborg")
                    raise ZeroDivisionError
            assert keys(self.model) == self.expected("odense")

    def test_a_scope_entered_before_a_savepoint_is_rolled_back(self) -> None:
        sid = transaction.savepoint()
        with self.world.within("aalborg", purpose=Purpose.SUPPORT):
            assert keys(self.model) == self.expected("aalborg")
            transaction.savepoint_rollback(sid)
            assert keys(self.model) == self.expected("aalborg")
        assert keys(self.model) == set()

    def test_nested_scopes(self) -> None:
        with self.world.within("odense", purpose=Purpose.SUPPORT):
            with self.world.within("aalborg", purpose=Purpose.SUPPORT):
                assert keys(self.model) == self.expected("aalborg")
            assert keys(self.model) == self.expected("odense")
        assert keys(self.model) == set()

    def test_server_side_cursor(self) -> None:
        with self.world.within("odense", purpose=Purpose.SUPPORT):
            found = {row.pk for row in self.model.objects.iterator(chunk_size=1)}
        assert found == self.expected("odense")

    def test_server_side_cursor_is_the_first_statement_of_a_scope(self) -> None:
        """Regression: the settings were declared as the server-side cursor's own query, and never made."""
        with self.world.within("odense", purpose=Purpose.SUPPORT):
            rows = self.model.objects.all().iterator(chunk_size=1)
            with self.world.within("aalborg", purpose=Purpose.SUPPORT):
                keys(self.model)
            found = {row.pk for row in rows}
        assert found == self.expected("odense")

    def test_an_organisation_that_is_none(self) -> None:
        scope = Scope(organisations={UUID(int=1)}, purpose=Purpose.SUPPORT, reason="test", actor="test")
        with scoped.entered(scope):
            assert keys(self.model) == set()
