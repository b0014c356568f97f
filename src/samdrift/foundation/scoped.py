"""The one gate of the database: whose row is it, and may the Scope at hand read or write it.

A model says so once (`boundary`, `read_purposes`, `write_purposes`, `parent`); this module applies it to every query
and every write, and refuses when there is no Scope. Nothing else in the platform filters by organisation.

How it holds:
- a query set takes the Scope when it is made and refuses to run in another one;
- rows of the model itself are filtered in WHERE, rows of joined models in the join's ON, so that `select_related`,
  `annotate`, `values("ticket__title")` and filters over relations see only what the Scope covers. A row whose *needed*
  relation is hidden disappears with it;
- every insert, whichever way it comes, goes through `_insert`; saves of existing rows through `pre_save`; mass updates
  and deletes through the filtered query. Mass updates of owners and of relations to scoped rows are refused;
- `raw()`, `extra()` and upserts by unique key cannot be filtered and are refused.

Not covered: SQL by hand and `models.QuerySet(Model)` (an architecture test looks for both); PostgreSQL's row-level
security is the second lock there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn
from uuid import UUID

import attrs
from django.apps import apps
from django.db import models
from django.db.models import sql
from django.db.models.signals import class_prepared, pre_delete, pre_save
from django.db.models.sql.datastructures import Join
from django.db.models.sql.where import AND

from samdrift.foundation.ids import uuid7
from samdrift.foundation.scope_at_hand import current as current
from samdrift.foundation.scope_at_hand import entered as entered
from samdrift.foundation.scope_at_hand import is_entered as is_entered
from samdrift_logs.errors import SamdriftError, ScopeRefused
from samdrift_logs.scope import Purpose, Scope

EVERY_PURPOSE: frozenset[Purpose] = frozenset(Purpose)


class BoundaryUndeclared(SamdriftError):
    """A model has no complete declaration of whose its rows are. A programming error: nothing is read or written."""


# ---- whose row


@attrs.frozen(kw_only=True)
class National:
    """Published: every Scope may read. With `owner` (a field name), only a Scope that covers it may write."""

    owner: str | None = None

    @property
    def parties(self) -> tuple[str, ...]:
        """The fields whose organisations may read: none, because all may."""
        return ()

    @property
    def writers(self) -> tuple[str, ...]:
        """The fields of which one must be covered to write."""
        return (self.owner,) if self.owner else ()


@attrs.frozen
class Owned:
    """One organisation's row."""

    field: str = "organisation"

    @property
    def parties(self) -> tuple[str, ...]:
        """The fields whose organisations may read."""
        return (self.field,)

    @property
    def writers(self) -> tuple[str, ...]:
        """The fields of which one must be covered to write."""
        return self.parties


@attrs.frozen
class Shared:
    """A row of an organisation (the first party, which never changes) and its counterparties. Empty is nobody."""

    parties: tuple[str, ...] = ("organisation", "counterparty")

    @property
    def writers(self) -> tuple[str, ...]:
        """The fields of which one must be covered to write."""
        return self.parties


Boundary = National | Owned | Shared


# ---- queries


def reach(model: type[ScopedModel], scope: Scope) -> frozenset[UUID]:
    """Return the organisations whose rows of `model` a Scope over named organisations covers.

    For a purpose in `own_only` that is the actor's own organisation, however far the Scope reaches; a Scope over
    several that does not say which is the actor's own covers none.
    """
    if scope.purpose not in model.own_only or (scope.home is None and len(scope.organisations) == 1):
        return scope.organisations
    return scope.organisations & {scope.home} if scope.home else frozenset()


def _restriction(model: type[ScopedModel], scope: Scope) -> models.Q | None:
    """Return the filter that keeps the rows of `model` that `scope` covers, or None where all are."""
    parties = model.boundary.parties
    if scope.everyone or not parties:
        return None
    covered = sorted(reach(model, scope))
    condition = models.Q()
    for party in parties:
        condition |= models.Q((f"{field_of(model, party).attname}__in", covered))
    return condition


def _require_purpose(model: type[ScopedModel], purposes: frozenset[Purpose], scope: Scope, verb: str) -> None:
    if scope.purpose not in purposes:
        raise ScopeRefused(f"{model._meta.label} is not {verb} for the purpose {scope.purpose}")


class ScopedJoin(Join):
    """A join that reaches only those rows of a scoped model that the Scope at hand covers."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Return the join with the restriction added to its ON clause."""
        joined, given = super().as_sql(compiler, connection)
        parameters: list[Any] = list(given)
        model = _TABLES.get(self.table_name)
        if model is None:
            return joined, parameters
        scope = current()
        _require_purpose(model, readable_purposes(model), scope, "read")
        if scope.everyone or not model.boundary.parties:
            return joined, parameters
        quote = compiler.quote_name_unless_alias
        conditions, covered = [], sorted(reach(model, scope))
        for party in model.boundary.parties:
            field = field_of(model, party)
            marks = ", ".join(["%s"] * len(covered)) or "NULL"
            conditions.append(f"{quote(self.table_alias)}.{quote(field.column)} IN ({marks})")
            parameters.extend(_stored(field, item, connection) for item in covered)
        return f"{joined} AND ({' OR '.join(conditions)})", parameters


def _stored(field: models.Field[Any, Any], organisation: UUID, connection: Any) -> object:
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    return target.get_db_prep_value(organisation, connection, prepared=False)


class ScopedQuery(sql.Query):
    """A query that carries the Scope it was made in and restricts its joins to it."""

    join_class = ScopedJoin

    def __init__(self, model: type[models.Model] | None, *args: Any, **named: Any) -> None:
        super().__init__(model, *args, **named)
        self.scope = current()

    def get_compiler(self, *args: Any, **named: Any) -> Any:
        """Refuse to run in another Scope than the one this query was made in, or for a purpose that may not read."""
        scope = current()
        if scope is not self.scope and scope != self.scope:
            raise ScopeRefused("this query was made in another Scope; make it anew")
        model = self.model
        if model is not None and issubclass(model, ScopedModel):
            _require_purpose(model, readable_purposes(model), scope, "read")
        return super().get_compiler(*args, **named)

    def trim_start(self, names_with_path: Any) -> Any:
        """Keep the restriction when Django turns a join into the base table of an `exclude()` subquery."""
        trimmed = super().trim_start(names_with_path)
        alias = next(name for name in self.alias_map if self.alias_refcount[name] > 0)
        model = _TABLES.get(self.alias_map[alias].table_name)
        if model is not None:
            _require_purpose(model, readable_purposes(model), self.scope, "read")
            self._restrict_alias(alias, model)
        return trimmed

    def _restrict_alias(self, alias: str, model: type[ScopedModel]) -> None:
        if self.scope.everyone or not model.boundary.parties:
            return
        condition = self.where.__class__(connector="OR")
        for party in model.boundary.parties:
            field = field_of(model, party)
            column = field.get_col(alias)
            lookup = field.get_lookup("in")
            assert lookup is not None
            condition.add(lookup(column, sorted(reach(model, self.scope))), "OR")
        self.where.add(condition, AND)


class ScopedQuerySet(models.QuerySet[Any, Any]):
    """Rows of one scoped model, within the Scope in which the query set was made."""

    query: ScopedQuery

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        if query is None and model is not None:
            query = ScopedQuery(model)
            _require_purpose(model, readable_purposes(model) | model.write_purposes, query.scope, "read or written")
            if (restriction := _restriction(model, query.scope)) is not None:
                query.add_q(restriction)
        super().__init__(model=model, query=query, using=using, hints=hints)

    # Writes. `_insert` is the one way in for save(), create(), get_or_create() and bulk_create().

    def _insert(self, objs: Sequence[ScopedModel], fields: Any, **named: Any) -> Any:
        if any(not instance._state.adding for instance in objs):
            raise ScopeRefused(f"{self.model._meta.label}: the row to be saved is gone, or another organisation's")
        check_write(self.model, objs)
        return super()._insert(objs, fields, **named)  # type: ignore[misc]

    def _update(self, values: Any) -> int:
        narrowed = self._writable()
        owner = owner_field(self.model)
        for field, _, value in values:
            if owner is not None and field.name == owner.name:
                # The owner of a row never changes: with another owner than the stored one, no row is found.
                narrowed = narrowed.filter(**{field.attname: value})
        return super(ScopedQuerySet, narrowed)._update(values)  # type: ignore[misc]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **named: Any) -> list[Any]:
        """Insert many rows; each is checked. An upsert could change rows outside the Scope and is refused."""
        if named.get("update_conflicts"):
            raise ScopeRefused(f"{self.model._meta.label}: bulk_create(update_conflicts=True) cannot be scoped")
        return super().bulk_create(objs, *args, **named)

    def update(self, **fields: Any) -> int:
        """Change the rows in Scope; parties and relations to scoped rows are changed row by row, to be checked.

        A relation may be emptied (on_delete=SET_NULL does).
        """
        narrowed = self._writable()
        for field in guarded_fields(self.model):
            for name in {field.name, field.attname} & set(fields):
                if fields[name] is not None or not _is_scoped_relation(field):
                    raise ScopeRefused(f"{self.model._meta.label}.{name} cannot be changed in a mass update")
        return super(ScopedQuerySet, narrowed).update(**fields)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows in Scope; `pre_delete` checks each, and those that go with it."""
        return super(ScopedQuerySet, self._writable()).delete()

    def _raw_delete(self, using: str | None) -> int:
        raise ScopeRefused(f"{self.model._meta.label}: a raw delete passes no gate; use delete()")

    def _writable(self) -> ScopedQuerySet:
        """Return the rows that may be written: of a published model, those whose owner the Scope covers."""
        scope = current()
        if scope != self.query.scope:
            raise ScopeRefused("this query was made in another Scope; make it anew")
        _require_purpose(self.model, self.model.write_purposes, scope, "written")
        _refuse_append_only(self.model)
        owner = owner_field(self.model)
        if owner is None or scope.everyone or not isinstance(self.model.boundary, National):
            return self
        return self.filter(**{f"{owner.attname}__in": sorted(scope.organisations)})

    # What cannot be filtered.

    def raw(self, *args: Any, **named: Any) -> NoReturn:
        """Refuse: SQL by hand passes no gate."""
        raise ScopeRefused(f"{self.model._meta.label}: raw() passes no gate")

    def extra(self, *args: Any, **named: Any) -> Any:
        """Refuse: SQL by hand passes no gate. Only Django's own use, the keys of a prefetch, is let through."""
        selected = named.get("select") or {}
        if (
            not args
            and set(named) == {"select"}
            and all(name.startswith("_prefetch_related_val_") for name in selected)
        ):
            return super().extra(**named)
        raise ScopeRefused(f"{self.model._meta.label}: extra() passes no gate")


class ScopedManager(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    """The only kind of manager a scoped model has, for its relations and its own saves too."""

    def raw(self, *args: Any, **named: Any) -> NoReturn:
        """Refuse: SQL by hand passes no gate."""
        raise ScopeRefused(f"{self.model._meta.label}: raw() passes no gate")


class ScopedModel(models.Model):
    """A row with a declared owner. Every model of the platform is one, or is on the exempt list with a reason.

    `boundary` says whose the row is; `read_purposes` and `write_purposes` what it may be read and written for (a
    National row is read for every purpose); `own_only` those of the read purposes for which a Scope that reaches other
    organisations still shows only the rows that the actor's own organisation is a party of; `parent` the foreign key
    whose parties the row's own must be among; rows of an `append_only` model are never changed or removed, which
    triggers hold too (`append_only.py`).
    """

    boundary: ClassVar[Boundary]
    read_purposes: ClassVar[frozenset[Purpose]]
    write_purposes: ClassVar[frozenset[Purpose]]
    own_only: ClassVar[frozenset[Purpose]] = frozenset()
    parent: ClassVar[str | None] = None
    append_only: ClassVar[bool] = False

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    objects: ClassVar[Any] = ScopedManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"

    def delete(self, *args: Any, **named: Any) -> tuple[int, dict[str, int]]:
        """Delete this row, if the stored one is in Scope (Django deletes by key alone)."""
        if not type(self)._base_manager.filter(pk=self.pk).exists():
            raise ScopeRefused(f"{self._meta.label}: the row to be deleted is gone, or another organisation's")
        return super().delete(*args, **named)


# ---- declarations


def registry() -> Mapping[str, type[ScopedModel]]:
    """Return every scoped model by its label, for the generated tests and row-level security."""
    return {model._meta.label: model for model in apps.get_models() if issubclass(model, ScopedModel)}


def readable_purposes(model: type[ScopedModel]) -> frozenset[Purpose]:
    """Return the purposes for which rows of `model` may be read."""
    require_declaration(model)
    return EVERY_PURPOSE if isinstance(model.boundary, National) else model.read_purposes


def require_declaration(model: type[ScopedModel]) -> None:
    """Raise BoundaryUndeclared unless `model` says whose its rows are and for which purposes."""
    boundary = getattr(model, "boundary", None)
    if not isinstance(boundary, National | Owned | Shared):
        raise BoundaryUndeclared(f"{model._meta.label} declares no boundary: National(), Owned() or Shared()")
    if not isinstance(getattr(model, "write_purposes", None), frozenset):
        raise BoundaryUndeclared(f"{model._meta.label} declares no write_purposes")
    if not isinstance(boundary, National) and not isinstance(getattr(model, "read_purposes", None), frozenset):
        raise BoundaryUndeclared(f"{model._meta.label} declares no read_purposes")


def owner_field(model: type[ScopedModel]) -> models.Field[Any, Any] | None:
    """Return the field of the organisation that a row belongs to for good."""
    writers = model.boundary.writers
    return field_of(model, writers[0]) if writers else None


def guarded_fields(model: type[ScopedModel]) -> tuple[models.Field[Any, Any], ...]:
    """Return the fields whose new value must be checked against the row: its parties, and relations to scoped rows."""
    parties = {field_of(model, name) for name in model.boundary.writers if name not in {"id", "pk"}}
    return tuple(field for field in model._meta.concrete_fields if field in parties or _is_scoped_relation(field))


def field_of(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """Return the column field of this name."""
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _is_scoped_relation(field: models.Field[Any, Any]) -> bool:
    target = field.related_model if isinstance(field, models.ForeignKey) else None
    return isinstance(target, type) and issubclass(target, ScopedModel) and bool(target.boundary.parties)


_TABLES: dict[str, type[ScopedModel]] = {}


def _remember_table(sender: type[models.Model], **_: Any) -> None:
    if issubclass(sender, ScopedModel):
        _TABLES[sender._meta.db_table] = sender


class_prepared.connect(_remember_table, dispatch_uid="samdrift.scoped.remember_table")


# ---- writes


def parties_of(instance: ScopedModel) -> frozenset[UUID]:
    """Return the organisations that may see `instance`. Raises ScopeRefused where a party is no organisation's id."""
    return _organisations(instance, instance.boundary.parties)


def _organisations(instance: ScopedModel, names: Iterable[str]) -> frozenset[UUID]:
    found = set()
    for name in names:
        value = getattr(instance, field_of(type(instance), name).attname)
        if value is None:
            continue
        try:
            found.add(value if isinstance(value, UUID) else UUID(str(value)))
        except ValueError:
            raise ScopeRefused(f"{instance._meta.label}.{name} is no organisation's id") from None
    return frozenset(found)


def check_write(
    model: type[ScopedModel], instances: Sequence[ScopedModel], *, fields: Iterable[str] | None = None
) -> None:
    """Raise ScopeRefused unless the Scope at hand may write each of `instances`.

    Checked are the purpose, that a party of the row is in Scope, and that every relation to a scoped row (those among
    `fields` where given) points to one that is in Scope and shares a party with the row.
    """
    scope = current()
    require_declaration(model)
    _require_purpose(model, model.write_purposes, scope, "written")
    for instance in instances:
        _check_covered(instance, scope)
    named = None if fields is None else set(fields)
    for field in model._meta.concrete_fields:
        if _is_scoped_relation(field) and (named is None or {field.name, field.attname} & named):
            _check_targets(field, instances, scope)


def _check_covered(instance: ScopedModel, scope: Scope) -> None:
    boundary = instance.boundary
    writers = _organisations(instance, boundary.writers)
    if boundary.writers and not _organisations(instance, boundary.writers[:1]):
        raise ScopeRefused(f"{instance._meta.label} needs its {boundary.writers[0]}")
    if boundary.writers and not any(scope.covers(organisation) for organisation in writers):
        raise ScopeRefused(f"{instance._meta.label}: the row's organisations are outside the Scope")


def _check_targets(field: models.Field[Any, Any], instances: Sequence[ScopedModel], scope: Scope) -> None:
    """Check one relation of many rows with at most one query."""
    target: type[ScopedModel] = field.related_model  # type: ignore[assignment]
    known = {
        instance.pk: parties_of(field.get_cached_value(instance))  # type: ignore[attr-defined]
        for instance in instances
        if field.is_cached(instance) and field.get_cached_value(instance) is not None  # type: ignore[attr-defined]
    }
    wanted = {
        getattr(instance, field.attname)
        for instance in instances
        if instance.pk not in known and getattr(instance, field.attname) is not None
    }
    stored = _stored_parties(target, field, wanted) if wanted else {}
    for instance in instances:
        key = getattr(instance, field.attname)
        if key is None:
            continue
        theirs = known.get(instance.pk) or stored.get(str(key), frozenset())
        if not any(scope.covers(organisation) for organisation in theirs):
            raise ScopeRefused(f"{instance._meta.label}.{field.name} points outside the Scope")
        _check_relation(instance, field, theirs)


def _check_relation(instance: ScopedModel, field: models.Field[Any, Any], theirs: frozenset[UUID]) -> None:
    ours = parties_of(instance)
    if not instance.boundary.parties:
        raise ScopeRefused(f"{instance._meta.label}.{field.name}: a published row cannot point to a private one")
    if field.name == instance.parent and not ours <= theirs:
        raise ScopeRefused(f"{instance._meta.label}: its organisations are no parties of its {field.name}")
    if not ours & theirs:
        raise ScopeRefused(f"{instance._meta.label}.{field.name} points to a row of none of its organisations")


def _stored_parties(
    target: type[ScopedModel], field: models.Field[Any, Any], keys: set[Any]
) -> dict[str, frozenset[UUID]]:
    """Return the parties of stored rows by key. The gate's own look, before the Scope is applied to what it finds."""
    to_field = field.target_field.attname  # type: ignore[attr-defined]
    parties = [field_of(target, name).attname for name in target.boundary.parties]
    rows: models.QuerySet[Any, Any] = (
        models.QuerySet(target).filter(**{f"{to_field}__in": keys}).values_list(to_field, *parties)
    )
    return {str(key): frozenset(party for party in found if party is not None) for key, *found in rows}


def _before_save(sender: type[models.Model], instance: models.Model, update_fields: Any = None, **_: Any) -> None:
    """Check a row that exists; a new one is checked by `_insert`, which bulk_create() passes too."""
    if isinstance(instance, ScopedModel) and not instance._state.adding:
        _refuse_append_only(type(instance))
        check_write(type(instance), [instance], fields=update_fields)


def _before_delete(sender: type[models.Model], instance: models.Model, **_: Any) -> None:
    """Check every row that a delete takes with it; a listener also keeps Django from deleting without collecting."""
    if isinstance(instance, ScopedModel):
        _refuse_append_only(type(instance))
        check_write(type(instance), [instance], fields=())


def _refuse_append_only(model: type[ScopedModel]) -> None:
    if model.append_only:
        raise ScopeRefused(f"{model._meta.label} is append-only: write a new row")


pre_save.connect(_before_save, dispatch_uid="samdrift.scoped.before_save")
pre_delete.connect(_before_delete, dispatch_uid="samdrift.scoped.before_delete")
