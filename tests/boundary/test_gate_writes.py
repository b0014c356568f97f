"""Every way that Django has to write, tried on rows of others. Each case is one way in, by name. They run as Odense."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from django.db import DatabaseError, transaction
from django.db.models import F

from samdrift.federation.models import Organisation
from samdrift.foundation import scoped
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose
from tests.boundary.specimens.models import Draft, Folder, FolderTag, Notice, Sheet, Tag
from tests.boundary.world import World, everyone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("specimens")]


@attrs.frozen(kw_only=True)
class Rows:
    """Odense's own rows, those it shares with the unit, and Aalborg's."""

    at: dict[str, object]
    tag: Tag
    folder: Folder
    sheet: Sheet
    other_tag: Tag
    other_folder: Folder
    other_sheet: Sheet
    other_notice: Notice
    unit_tag: Tag


@pytest.fixture
def rows(world: World) -> Rows:
    """One row of each kind for Odense and for Aalborg."""
    at = world.organisations
    with everyone(Purpose.SUPPORT):
        folder = Folder.objects.create(organisation_id=at["odense"], counterparty_id=at["syd"], title="fælles")
        other = Folder.objects.create(organisation_id=at["aalborg"], counterparty_id=at["nord"], title="hemmelig")
        return Rows(
            at=dict(at),
            tag=Tag.objects.create(organisation_id=at["odense"], word="eget"),
            folder=folder,
            sheet=Sheet.objects.create(organisation_id=at["odense"], counterparty_id=at["syd"], folder=folder),
            other_tag=Tag.objects.create(organisation_id=at["aalborg"], word="hemmelig"),
            other_folder=other,
            other_sheet=Sheet.objects.create(organisation_id=at["aalborg"], counterparty_id=at["nord"], folder=other),
            other_notice=Notice.objects.create(organisation_id=at["aalborg"], text="opslag"),
            unit_tag=Tag.objects.create(organisation_id=at["syd"], word="enhedens"),
        )


def _set(instance: scoped.ScopedModel, **values: object) -> scoped.ScopedModel:
    for name, value in values.items():
        setattr(instance, name, value)
    return instance


def _stored(model: type[scoped.ScopedModel], **values: object) -> scoped.ScopedModel:
    """Build a row by hand that claims to be stored already."""
    instance = model(**values)
    instance._state.adding = False
    return instance


Attempt = Callable[[Rows], object]

REFUSED: dict[str, Attempt] = {
    # rows of others
    "create": lambda rows: Tag.objects.create(organisation_id=rows.at["aalborg"], word="nyt"),
    "save new": lambda rows: Tag(organisation_id=rows.at["aalborg"], word="nyt").save(),
    "save new, owner as text": lambda rows: Tag(organisation_id=str(rows.at["aalborg"]), word="nyt").save(),
    "save new, no owner": lambda rows: Tag(word="nyt").save(),
    "save new, owner from the database": lambda rows: Tag(organisation_id=F("id"), word="nyt").save(),
    "save new, between others": lambda rows: Folder(
        organisation_id=rows.at["aalborg"], counterparty_id=rows.at["nord"]
    ).save(),
    "bulk_create": lambda rows: Tag.objects.bulk_create(
        [Tag(organisation_id=rows.at["odense"]), Tag(organisation_id=rows.at["aalborg"])]
    ),
    "bulk_create that ignores conflicts": lambda rows: Tag.objects.bulk_create(
        [Tag(organisation_id=rows.at["aalborg"])], ignore_conflicts=True
    ),
    "upsert": lambda rows: Folder.objects.bulk_create(
        [Folder(organisation_id=rows.at["odense"], label="x")],
        update_conflicts=True,
        unique_fields=["label"],
        update_fields=["title"],
    ),
    "get_or_create": lambda rows: Tag.objects.get_or_create(organisation_id=rows.at["aalborg"], word="hemmelig"),
    "update_or_create": lambda rows: Tag.objects.update_or_create(
        organisation_id=rows.at["aalborg"], word="hemmelig", defaults={"word": "ændret"}
    ),
    "save": lambda rows: _set(rows.other_tag, word="ændret").save(),
    "save by hand with one's own name on it": lambda rows: _stored(
        Tag, pk=rows.other_tag.pk, organisation_id=rows.at["odense"], word="ændret"
    ).save(),
    "save one field by hand": lambda rows: _stored(
        Tag, pk=rows.other_tag.pk, organisation_id=rows.at["odense"], word="ændret"
    ).save(update_fields=["word"]),
    "delete": lambda rows: rows.other_tag.delete(),
    "delete by hand": lambda rows: _stored(Tag, pk=rows.other_tag.pk, organisation_id=rows.at["odense"]).delete(),
    "raw delete": lambda rows: Tag.objects.all()._raw_delete("default"),
    # the owner
    "give away": lambda rows: _set(rows.tag, organisation_id=rows.at["aalborg"]).save(),
    "give away by update": lambda rows: Tag.objects.update(organisation_id=rows.at["aalborg"]),
    "give away by update of the object": lambda rows: Tag.objects.update(organisation=rows.at["aalborg"]),
    "give away by bulk_update": lambda rows: Tag.objects.bulk_update(
        [_set(rows.tag, organisation_id=rows.at["aalborg"])], ["organisation"]
    ),
    "give away what is shared": lambda rows: _set(rows.folder, organisation_id=rows.at["syd"]).save(),
    "take over what is shared": lambda rows: _stored(
        Folder, pk=rows.folder.pk, organisation_id=rows.at["syd"], counterparty_id=rows.at["odense"]
    ).save(),
    "change the counterparty in a mass update": lambda rows: Folder.objects.update(counterparty=rows.at["nord"]),
    # relations
    "point outside": lambda rows: Folder.objects.create(
        organisation_id=rows.at["odense"], main_tag_id=rows.other_tag.pk
    ),
    "point outside with the object": lambda rows: Folder.objects.create(
        organisation_id=rows.at["odense"], main_tag=rows.other_tag
    ),
    "point outside later": lambda rows: _set(rows.folder, main_tag_id=rows.other_tag.pk).save(),
    "point outside in one field": lambda rows: _set(rows.folder, main_tag_id=rows.other_tag.pk).save(
        update_fields=["main_tag"]
    ),
    "point outside in a mass update": lambda rows: Folder.objects.update(main_tag=rows.other_tag),
    "point outside in a bulk_update": lambda rows: Folder.objects.bulk_update(
        [_set(rows.folder, main_tag=rows.other_tag)], ["main_tag"]
    ),
    "point at what the other party keeps to itself": lambda rows: _set(rows.folder, main_tag=rows.unit_tag).save(),
    "point at nothing": lambda rows: _set(rows.folder, main_tag_id=rows.folder.pk).save(),
    "child of another's row": lambda rows: Sheet.objects.create(
        organisation_id=rows.at["odense"], folder_id=rows.other_folder.pk
    ),
    "child for one who is no party": lambda rows: Sheet.objects.create(
        organisation_id=rows.at["odense"], counterparty_id=rows.at["assens"], folder=rows.folder
    ),
    "child moved to another's row": lambda rows: _set(rows.sheet, folder_id=rows.other_folder.pk).save(),
    "reverse create": lambda rows: rows.other_folder.sheets.create(organisation_id=rows.at["odense"]),
    "reverse add": lambda rows: rows.folder.sheets.add(rows.other_sheet, bulk=False),
    "reverse add in bulk": lambda rows: rows.folder.sheets.add(rows.other_sheet),
    "many to many add": lambda rows: rows.folder.tags.add(
        rows.other_tag, through_defaults={"organisation_id": rows.at["odense"]}
    ),
    "many to many add for another": lambda rows: rows.folder.tags.add(
        rows.tag, through_defaults={"organisation_id": rows.at["syd"]}
    ),
    "many to many set": lambda rows: rows.folder.tags.set(
        [rows.other_tag], through_defaults={"organisation_id": rows.at["odense"]}
    ),
    "many to many of another's row": lambda rows: rows.other_folder.tags.add(
        rows.tag, through_defaults={"organisation_id": rows.at["odense"]}
    ),
    "many to many create": lambda rows: rows.folder.tags.create(
        organisation_id=rows.at["aalborg"], through_defaults={"organisation_id": rows.at["odense"]}
    ),
    # published rows
    "publish for another": lambda rows: Notice.objects.create(organisation_id=rows.at["aalborg"], text="falsk"),
    "change what another published": lambda rows: _set(rows.other_notice, text="falsk").save(),
    "change it by hand": lambda rows: _stored(
        Notice, pk=rows.other_notice.pk, organisation_id=rows.at["odense"], text="falsk"
    ).save(update_fields=["text"]),
    "take down what another published": lambda rows: rows.other_notice.delete(),
    # purposes
    "write for another purpose": lambda rows: Organisation(
        pk=rows.at["odense"], kind="municipality", name="x", short_name="x", cvr="x", kommunekode="0001"
    ).save(),
    "update for another purpose": lambda rows: Organisation.objects.update(mfa_required=True),
    "delete for another purpose": lambda rows: Organisation.objects.filter(pk=rows.at["odense"]).delete(),
}


@pytest.fixture(autouse=True)
def _nothing_of_others_changes(rows: Rows) -> object:
    """Compare all rows before and after each attempt: what is refused must not half happen."""
    before = _everything()
    yield
    assert _everything() == before


def _everything() -> list[object]:
    found: list[object] = []
    for purpose, models in ((Purpose.SUPPORT, (Tag, Folder, FolderTag, Sheet, Notice)), (Purpose.WATCH, (Draft,))):
        with everyone(purpose):
            found.extend(list(model.objects.order_by("pk").values()) for model in models)
    return found


@pytest.mark.parametrize("way", REFUSED)
def test_writing_is_refused(world: World, rows: Rows, way: str) -> None:
    with world.within("odense", purpose=Purpose.SUPPORT):
        with pytest.raises((ScopeRefused, DatabaseError)) as refused, transaction.atomic():
            REFUSED[way](rows)

    if not isinstance(refused.value, ScopeRefused):
        assert "affect any rows" in str(refused.value)


WITHOUT_EFFECT: dict[str, Attempt] = {
    "update": lambda rows: Tag.objects.filter(pk=rows.other_tag.pk).update(word="ændret"),
    "update over a relation": lambda rows: Sheet.objects.filter(folder__title="hemmelig").update(text="ændret"),
    "bulk_update": lambda rows: Tag.objects.bulk_update([_set(rows.other_tag, word="ændret")], ["word"]),
    "delete of a query set": lambda rows: Tag.objects.filter(pk=rows.other_tag.pk).delete()[0],
    "delete by base manager": lambda rows: Tag._base_manager.filter(pk=rows.other_tag.pk).delete()[0],
    "update of a published row": lambda rows: Notice.objects.update(text="falsk"),
    "delete of published rows": lambda rows: Notice.objects.all().delete()[0],
    "reverse update": lambda rows: rows.other_folder.sheets.update(text="ændret"),
    "many to many clear": lambda rows: rows.other_folder.tags.clear() or 0,
}


@pytest.mark.parametrize("way", WITHOUT_EFFECT)
def test_writing_has_no_effect(world: World, rows: Rows, way: str) -> None:
    with world.within("odense", purpose=Purpose.SUPPORT):
        assert WITHOUT_EFFECT[way](rows) == 0


@pytest.mark.django_db
class TestAllowed:
    """What a party may do, so that the refusals above are no accident."""

    @pytest.fixture(autouse=True)
    def _nothing_of_others_changes(self) -> None:
        """These do change rows."""

    def test_own_rows(self, world: World, rows: Rows) -> None:
        with world.within("odense", purpose=Purpose.SUPPORT):
            new = Tag.objects.create(organisation_id=rows.at["odense"], word="nyt")
            new.word = "ændret"
            new.save()
            assert Tag.objects.filter(pk=new.pk).update(word="igen") == 1
            Tag.objects.bulk_create([Tag(organisation_id=rows.at["odense"]), Tag(organisation_id=rows.at["odense"])])
            rows.folder.main_tag = new
            rows.folder.save()
            rows.folder.tags.add(new, through_defaults={"organisation_id": rows.at["odense"]})
            assert [tag.word for tag in rows.folder.tags.all()] == ["igen"]
            rows.folder.tags.remove(new)
            assert Tag.objects.exclude(pk=new.pk).delete()[0] == 3

    def test_a_unit_writes_for_its_counterparty(self, world: World, rows: Rows) -> None:
        with world.within("syd", purpose=Purpose.SUPPORT):
            folder = Folder.objects.create(organisation_id=rows.at["odense"], counterparty_id=rows.at["syd"])
            folder.counterparty_id = rows.at["nord"]
            with pytest.raises(ScopeRefused), transaction.atomic():
                folder.save()
            rows.folder.title = "ændret af enheden"
            rows.folder.save()
            Sheet.objects.create(organisation_id=rows.at["syd"], folder=rows.folder, text="internt")

    def test_own_notice(self, world: World, rows: Rows) -> None:
        with world.within("aalborg", purpose=Purpose.SUPPORT):
            rows.other_notice.text = "rettet"
            rows.other_notice.save()
            assert Notice.objects.update(text="rettet igen") == 1

    def test_write_only_purpose(self, world: World, rows: Rows) -> None:
        with world.within("odense", purpose=Purpose.SUPPORT):
            draft = Draft(organisation_id=rows.at["odense"], folder=rows.folder, text="kladde")
            draft.save()
            with pytest.raises(ScopeRefused, match="not read"):
                Draft.objects.get(pk=draft.pk)
