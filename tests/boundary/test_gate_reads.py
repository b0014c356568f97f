"""Every way that Django has to read, tried on rows of others. Each case is one way in, by name.

Odense and Enhed Syd share a folder; Aalborg and Enhed Nord share another; each party has a sheet of its own in it. The
cases run as Odense. What must not be seen carries the word "hemmelig".
"""

from __future__ import annotations

import pickle
from collections.abc import Callable

import attrs
import pytest
from django.db.models import Count, Exists, F, FilteredRelation, Max, OuterRef, Prefetch, Q, Subquery

from samdrift.federation.models import Organisation
from samdrift.foundation import scoped
from samdrift_logs.errors import ScopeMissing, ScopeRefused
from samdrift_logs.scope import Purpose
from tests.boundary.specimens.models import Draft, Folder, FolderTag, Notice, Sheet, Tag
from tests.boundary.world import World, everyone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("specimens")]
SECRET = "hemmelig"


@attrs.frozen(kw_only=True)
class Rows:
    """The rows that are there, whoever looks."""

    own: Folder
    other: Folder
    visible: Sheet
    hidden: Sheet
    other_tag: Tag


@pytest.fixture
def rows(world: World) -> Rows:
    """Odense sees `own`, and `visible` in it; not the unit's sheet `hidden` in it, and nothing of Aalborg's."""
    at = world.organisations
    with everyone(Purpose.SUPPORT):
        own = Folder.objects.create(organisation_id=at["odense"], counterparty_id=at["syd"], title="fælles")
        other = Folder.objects.create(
            organisation_id=at["aalborg"], counterparty_id=at["nord"], title=SECRET, label=SECRET
        )
        visible = Sheet.objects.create(organisation_id=at["odense"], counterparty_id=at["syd"], folder=own, text="åben")
        hidden = Sheet.objects.create(organisation_id=at["syd"], folder=own, text=SECRET)
        Sheet.objects.create(organisation_id=at["aalborg"], counterparty_id=at["nord"], folder=other, text=SECRET)
        other_tag = Tag.objects.create(organisation_id=at["syd"], word=SECRET)
        own.main_tag = other_tag
        own.save()
        FolderTag.objects.create(organisation_id=at["syd"], folder=own, tag=other_tag)
        Draft.objects.create(organisation_id=at["odense"], folder=own, text=SECRET)
        Notice.objects.create(organisation_id=at["aalborg"], text="opslag")
    return Rows(own=own, other=other, visible=visible, hidden=hidden, other_tag=other_tag)


READS: dict[str, tuple[Callable[[Rows], object], object]] = {
    "all": (lambda rows: [item.title for item in Folder.objects.all()], ["fælles"]),
    "filter by key": (lambda rows: list(Folder.objects.filter(pk=rows.other.pk)), []),
    "filter after none": (lambda rows: (Folder.objects.none() | Folder.objects.all()).count(), 1),
    "or": (lambda rows: Folder.objects.filter(Q(pk=rows.own.pk) | Q(pk=rows.other.pk)).count(), 1),
    "or of two query sets": (lambda rows: (Folder.objects.all() | Folder.objects.filter(title=SECRET)).count(), 1),
    "negation": (lambda rows: Folder.objects.exclude(pk=rows.own.pk).count(), 0),
    "double negation": (lambda rows: Folder.objects.filter(~~Q(title=SECRET)).count(), 0),
    "union": (lambda rows: len(Folder.objects.all().union(Folder.objects.filter(title=SECRET))), 1),
    "difference": (lambda rows: len(Folder.objects.all().difference(Folder.objects.filter(pk=rows.own.pk))), 0),
    "in_bulk": (lambda rows: list(Folder.objects.in_bulk([rows.own.pk, rows.other.pk])), lambda rows: [rows.own.pk]),
    "iterator": (lambda rows: [item.title for item in Folder.objects.iterator(1)], ["fælles"]),
    "slice": (lambda rows: [item.title for item in Folder.objects.order_by("title")[:9]], ["fælles"]),
    "last": (lambda rows: Folder.objects.order_by("title").last().title, "fælles"),
    "count": (lambda rows: Folder.objects.count(), 1),
    "exists": (lambda rows: Folder.objects.filter(title=SECRET).exists(), False),
    "contains": (lambda rows: Folder.objects.contains(rows.other), False),
    "values": (lambda rows: list(Folder.objects.values_list("title", flat=True)), ["fælles"]),
    "aggregate": (lambda rows: Folder.objects.aggregate(Max("title"))["title__max"], "fælles"),
    "default manager": (lambda rows: Folder._default_manager.count(), 1),
    "base manager": (lambda rows: Folder._base_manager.count(), 1),
    "query set by hand": (lambda rows: scoped.ScopedQuerySet(Folder).count(), 1),
    "pickled": (lambda rows: [item.title for item in pickle.loads(pickle.dumps(Folder.objects.all()))], ["fælles"]),
    # through relations
    "reverse relation": (lambda rows: [item.text for item in rows.own.sheets.all()], ["åben"]),
    "reverse relation of another's row": (lambda rows: rows.other.sheets.count(), 0),
    "many to many": (lambda rows: rows.own.tags.count(), 0),
    "prefetch": (
        lambda rows: [[item.text for item in each.sheets.all()] for each in Folder.objects.prefetch_related("sheets")],
        [["åben"]],
    ),
    "prefetch with a query set": (
        lambda rows: [
            len(folder.found)
            for folder in Folder.objects.prefetch_related(Prefetch("sheets", Sheet.objects.all(), to_attr="found"))
        ],
        [1],
    ),
    "prefetch many to many": (
        lambda rows: [len(folder.tags.all()) for folder in Folder.objects.prefetch_related("tags")], [0]
    ),
    "prefetch forward": (
        lambda rows: [folder.main_tag for folder in Folder.objects.prefetch_related("main_tag")], [None]
    ),
    "select_related": (lambda rows: [folder.main_tag for folder in Folder.objects.select_related("main_tag")], [None]),
    "values over a relation": (lambda rows: list(Folder.objects.values_list("main_tag__word", flat=True)), [None]),
    "values over a reverse relation": (
        lambda rows: list(Folder.objects.values_list("sheets__text", flat=True)), ["åben"]
    ),
    "F over a relation": (lambda rows: [f.word for f in Folder.objects.annotate(word=F("main_tag__word"))], [None]),
    "filter over a relation": (lambda rows: Folder.objects.filter(main_tag__word=SECRET).count(), 0),
    "filter over a reverse relation": (lambda rows: Folder.objects.filter(sheets__text=SECRET).count(), 0),
    "filter over many to many": (lambda rows: Folder.objects.filter(tags__word=SECRET).count(), 0),
    "exclude over a relation": (lambda rows: Folder.objects.exclude(main_tag__word=SECRET).count(), 1),
    "exclude over a reverse relation": (lambda rows: Folder.objects.exclude(sheets__text=SECRET).count(), 1),
    "exclude over many to many": (lambda rows: Folder.objects.exclude(tags__word=SECRET).count(), 1),
    "filter over two steps": (lambda rows: Organisation.objects.filter(folders_owned__sheets__text=SECRET).count(), 0),
    "exclude over two steps": (
        lambda rows: Organisation.objects.exclude(folders_owned__sheets__text=SECRET).count(), 5
    ),
    "order over a relation": (
        lambda rows: [
            item.title
            for item in Organisation.objects.annotate(title=F("folders_owned__title")).order_by("folders_owned__title")
            if item.title
        ],
        ["fælles"],
    ),
    "annotate a count": (lambda rows: [f.n for f in Folder.objects.annotate(n=Count("sheets"))], [1]),
    "annotate a count from a published row": (
        lambda rows: Organisation.objects.annotate(n=Count("folders_owned")).filter(n__gt=0).count(), 1
    ),
    "aggregate over a relation": (lambda rows: Folder.objects.aggregate(n=Max("sheets__text"))["n"], "åben"),
    "aggregate from a published row": (
        lambda rows: Organisation.objects.aggregate(n=Max("folders_owned__title"))["n"], "fælles"
    ),
    "filtered relation": (
        lambda rows: Folder.objects.annotate(
            secret=FilteredRelation("sheets", condition=Q(sheets__text=SECRET))
        ).filter(secret__isnull=False).count(),
        0,
    ),
    "subquery": (
        lambda rows: [
            folder.text
            for folder in Folder.objects.annotate(
                text=Subquery(Sheet.objects.filter(folder=OuterRef("pk"), text=SECRET).values("text")[:1])
            )
        ],
        [None],
    ),
    "exists subquery": (
        lambda rows: Folder.objects.filter(Exists(Sheet.objects.filter(folder=OuterRef("pk"), text=SECRET))).count(), 0
    ),
    "in subquery": (
        lambda rows: Folder.objects.filter(pk__in=Sheet.objects.filter(text=SECRET).values("folder")).count(), 0
    ),
    "forward by a hidden key": (
        lambda rows: _refused(lambda: Sheet(folder_id=rows.other.pk).folder, Folder.DoesNotExist), True
    ),
    "get": (lambda rows: _refused(lambda: Folder.objects.get(pk=rows.other.pk), Folder.DoesNotExist), True),
    "refresh": (lambda rows: _refused(rows.other.refresh_from_db, Folder.DoesNotExist), True),
    "published rows are seen": (lambda rows: [item.text for item in Notice.objects.all()], ["opslag"]),
}  # fmt: skip


def _refused(attempt: Callable[[], object], expected: type[Exception]) -> bool:
    with pytest.raises(expected):
        attempt()
    return True


@pytest.mark.parametrize("way", READS)
def test_reading_shows_only_what_the_scope_covers(world: World, rows: Rows, way: str) -> None:
    attempt, expected = READS[way]

    with world.within("odense", purpose=Purpose.SUPPORT):
        found = attempt(rows)

    assert found == (expected(rows) if callable(expected) else expected)


REFUSED: dict[str, Callable[[Rows], object]] = {
    "raw": lambda rows: list(Folder.objects.raw("SELECT * FROM specimens_folder")),
    "raw of a query set": lambda rows: list(Folder.objects.all().raw("SELECT * FROM specimens_folder")),
    "raw of the base manager": lambda rows: list(Folder._base_manager.raw("SELECT * FROM specimens_folder")),
    "extra": lambda rows: list(Folder.objects.extra(where=["1=1"])),
    "another purpose": lambda rows: list(Draft.objects.all()),
    "another purpose by relation": lambda rows: list(rows.own.drafts.all()),
    "another purpose by join": lambda rows: Folder.objects.filter(drafts__text=SECRET).count(),
    "another purpose by exclude": lambda rows: Folder.objects.exclude(drafts__text=SECRET).count(),
    "another purpose by count": lambda rows: list(Folder.objects.annotate(n=Count("drafts"))),
    "another purpose by prefetch": lambda rows: list(Folder.objects.prefetch_related("drafts")),
    "another purpose by subquery": lambda rows: list(
        Folder.objects.filter(Exists(Draft.objects.filter(folder=OuterRef("pk"))))
    ),
    "another purpose, published model": lambda rows: Notice.objects.filter(
        organisation__folders_owned__drafts__text=SECRET
    ).count(),
}


@pytest.mark.parametrize("way", REFUSED)
def test_reading_is_refused(world: World, rows: Rows, way: str) -> None:
    with world.within("odense", purpose=Purpose.SUPPORT), pytest.raises(ScopeRefused):
        REFUSED[way](rows)


WITHOUT_SCOPE: dict[str, Callable[[Rows], object]] = {
    "all": lambda rows: Folder.objects.all(),
    "none": lambda rows: Folder.objects.none(),
    "published": lambda rows: Notice.objects.all(),
    "count": lambda rows: Folder.objects.count(),
    "base manager": lambda rows: Folder._base_manager.all(),
    "relation": lambda rows: rows.own.sheets.all(),
    "forward": lambda rows: Sheet(folder_id=rows.own.pk).folder,
    "refresh": lambda rows: rows.own.refresh_from_db(),
    "create": lambda rows: Tag.objects.create(organisation_id=rows.own.organisation_id, word="nyt"),
    "save": lambda rows: rows.own.save(),
    "delete": lambda rows: rows.own.delete(),
}


@pytest.mark.parametrize("way", WITHOUT_SCOPE)
def test_nothing_goes_without_a_scope(rows: Rows, way: str) -> None:
    with pytest.raises(ScopeMissing):
        WITHOUT_SCOPE[way](rows)


def test_a_query_set_does_not_run_in_another_scope(world: World, rows: Rows) -> None:
    with world.within("odense", purpose=Purpose.SUPPORT):
        lazy = Folder.objects.all()
        counted = Folder.objects.annotate(n=Count("sheets"))

    with pytest.raises(ScopeMissing):
        list(lazy)
    with world.within("aalborg", purpose=Purpose.SUPPORT):
        for attempt in (
            lambda: list(lazy),
            lazy.count,
            lazy.exists,
            lambda: list(counted),
            lambda: lazy.update(title=""),
        ):
            with pytest.raises(ScopeRefused, match="another Scope"):
                attempt()


@pytest.mark.parametrize(
    ("organisations", "titles", "texts"),
    [
        (("odense",), {"fælles"}, {"åben"}),
        (("syd",), {"fælles"}, {"åben", SECRET}),
        (("assens",), set(), set()),
        (("nord",), {SECRET}, {SECRET}),
        (("odense", "aalborg"), {"fælles", SECRET}, {"åben", SECRET}),
    ],
)
def test_each_party_sees_a_shared_row(
    world: World, rows: Rows, organisations: tuple[str, ...], titles: set[str], texts: set[str]
) -> None:
    with world.within(*organisations, purpose=Purpose.SUPPORT):
        assert set(Folder.objects.values_list("title", flat=True)) == titles
        assert set(Sheet.objects.values_list("text", flat=True)) == texts


def test_everyone_sees_everything_without_a_filter(rows: Rows) -> None:
    with everyone(Purpose.SUPPORT):
        assert Folder.objects.count() == 2
        assert Folder.objects.filter(sheets__text=SECRET).distinct().count() == 2
        assert "IN (" not in str(Folder.objects.all().query)
