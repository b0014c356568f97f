"""Models with one fault each, which the checks must find. They belong to no installed app."""

from __future__ import annotations

from django.db import models

from samdrift.federation.models import Organisation, User
from samdrift.foundation.scoped import Owned, ScopedModel, Shared
from tests.boundary.specimens.models import SUPPORT, Tag


class Undeclared(ScopedModel):
    """Says nothing about whose its rows are."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")

    class Meta:
        app_label = "faulty"


class WithoutPurposes(ScopedModel):
    """Says whose, but not what for."""

    boundary = Owned()
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")

    class Meta:
        app_label = "faulty"


class Unscoped(models.Model):
    """Is neither scoped nor exempt."""

    class Meta:
        app_label = "faulty"


class WithPlainManager(ScopedModel):
    """Has a manager that filters nothing."""

    boundary = Owned()
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    everything = models.Manager()

    class Meta:
        app_label = "faulty"


class WithPlainBaseManager(ScopedModel):
    """Follows relations with a manager that filters nothing."""

    boundary = Owned()
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    plain = models.Manager()

    class Meta:
        app_label = "faulty"
        base_manager_name = "plain"


class WithUnknownParty(ScopedModel):
    """Names a party that is no field."""

    boundary = Shared(("organisation", "supplier"))
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")

    class Meta:
        app_label = "faulty"


class WithEmptyOwner(ScopedModel):
    """Lets a row be nobody's."""

    boundary = Owned()
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        app_label = "faulty"


class WithHiddenThrough(ScopedModel):
    """Links rows through a table that has no owner."""

    boundary = Owned()
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    tags = models.ManyToManyField(Tag, related_name="+")

    class Meta:
        app_label = "faulty"


class WithWayBackFromUser(ScopedModel):
    """Lets `User.objects.filter(secrets__text=…)` look at it without a gate."""

    boundary = Owned()
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="secrets")

    class Meta:
        app_label = "faulty"


class HomelyButWritten(ScopedModel):
    """Shows less for a purpose than it lets write for it."""

    boundary = Owned()
    read_purposes = SUPPORT
    write_purposes = SUPPORT
    own_only = SUPPORT
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")

    class Meta:
        app_label = "faulty"


class Inherited(Tag):
    """Keeps half of its row in another table."""

    class Meta:
        app_label = "faulty"


FAULTY = {
    Undeclared: "samdrift.E002",
    WithoutPurposes: "samdrift.E002",
    Unscoped: "samdrift.E001",
    WithPlainManager: "samdrift.E003",
    WithPlainBaseManager: "samdrift.E003",
    WithUnknownParty: "samdrift.E004",
    WithEmptyOwner: "samdrift.E005",
    WithHiddenThrough: "samdrift.E006",
    WithWayBackFromUser: "samdrift.E007",
    Inherited: "samdrift.E008",
    HomelyButWritten: "samdrift.E009",
}
