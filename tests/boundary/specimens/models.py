"""Models made to be attacked: a shared folder with sheets and drafts, tags over a through table, published notices."""

from __future__ import annotations

from django.db import models

from samdrift.federation.models import Organisation, User
from samdrift.foundation.scoped import National, Owned, ScopedModel, Shared
from samdrift_logs.scope import Purpose

SUPPORT = frozenset({Purpose.SUPPORT})


class Tag(ScopedModel):
    """A word of one organisation."""

    boundary = Owned()
    read_purposes = SUPPORT
    write_purposes = SUPPORT

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    word = models.CharField(max_length=50)

    class Meta:
        app_label = "specimens"


class Folder(ScopedModel):
    """Shared by an organisation and its counterparty."""

    boundary = Shared()
    read_purposes = SUPPORT
    write_purposes = SUPPORT

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="folders_owned")
    counterparty = models.ForeignKey(Organisation, on_delete=models.CASCADE, null=True, related_name="folders_shared")
    title = models.CharField(max_length=50)
    label = models.CharField(max_length=50, unique=True, null=True)
    main_tag = models.ForeignKey(Tag, on_delete=models.SET_NULL, null=True, related_name="main_of")
    tags = models.ManyToManyField(Tag, through="FolderTag", related_name="folders")

    class Meta:
        app_label = "specimens"


class FolderTag(ScopedModel):
    """A tag on a folder, by one of its parties."""

    boundary = Owned()
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    parent = "folder"

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    folder = models.ForeignKey(Folder, on_delete=models.CASCADE)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE)

    class Meta:
        app_label = "specimens"


class Sheet(ScopedModel):
    """A page of a folder; without a counterparty it is its author organisation's own."""

    boundary = Shared()
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    parent = "folder"

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    counterparty = models.ForeignKey(Organisation, on_delete=models.CASCADE, null=True, related_name="+")
    folder = models.ForeignKey(Folder, on_delete=models.CASCADE, related_name="sheets")
    text = models.CharField(max_length=50)
    author = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        app_label = "specimens"


class Draft(ScopedModel):
    """May not be looked at for support, though folders that it belongs to may."""

    boundary = Owned()
    read_purposes = frozenset({Purpose.WATCH})
    write_purposes = frozenset({Purpose.WATCH, Purpose.SUPPORT})

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    folder = models.ForeignKey(Folder, on_delete=models.CASCADE, related_name="drafts")
    text = models.CharField(max_length=50)

    class Meta:
        app_label = "specimens"


class Notice(ScopedModel):
    """Published by one organisation."""

    boundary = National(owner="organisation")
    write_purposes = SUPPORT

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=50)

    class Meta:
        app_label = "specimens"


SPECIMENS = (Tag, Folder, FolderTag, Sheet, Draft, Notice)
