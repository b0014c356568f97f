"""Organisations, who owns which unit, people and what they are members of."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from samdrift.federation.rules import Kind, Line, Role
from samdrift.foundation.ids import uuid7
from samdrift.foundation.scoped import National, Owned, ScopedModel
from samdrift_logs.scope import Purpose

ADMINISTERED = frozenset({Purpose.ADMINISTRATION, Purpose.OPERATION})


class Organisation(ScopedModel):
    """A party of the federation. Who exists is public; only the organisation itself (or onboarding) writes."""

    boundary = National(owner="id")
    write_purposes = ADMINISTERED

    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=100, unique=True)
    short_name = models.CharField(max_length=40)
    cvr = models.CharField(max_length=8, unique=True)
    cvr_invented = models.BooleanField(default=False, help_text="The CVR number belongs to nobody: a demonstration.")
    kommunekode = models.CharField(max_length=4, blank=True)
    region = models.CharField(max_length=20, blank=True)
    mfa_required = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["kommunekode"], condition=~models.Q(kommunekode=""), name="one_organisation_a_kommunekode"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="municipality", kommunekode__regex=r"^[0-9]{4}$")
                | (~models.Q(kind="municipality") & models.Q(kommunekode="")),
                name="municipalities_have_a_kommunekode",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Ownership(ScopedModel):
    """A municipality owns a unit, from one day to another (`to_date` is the first day without)."""

    boundary = National()
    write_purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.OPERATION})

    unit = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="ownerships")
    municipality = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="units_owned")
    from_date = models.DateField()
    to_date = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "municipality", "from_date"], name="one_ownership_a_start"),
            models.CheckConstraint(
                condition=models.Q(to_date=None) | models.Q(to_date__gt=models.F("from_date")),
                name="ownership_ends_after_it_starts",
            ),
        ]


class Team(ScopedModel):
    """People who take work together. Teams are published, so that others can hand over to them."""

    boundary = National(owner="organisation")
    write_purposes = ADMINISTERED

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="teams")
    name = models.CharField(max_length=100)
    line = models.CharField(max_length=10, choices=Line)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="one_team_a_name")]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes people; they are found by their e-mail address in any case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Store a person who logs in by `email`. Without a password nobody can log in until one is set."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the person with this e-mail address. Raises User.DoesNotExist."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person. May be a member of several organisations; has no rights of their own."""

    class Language(models.TextChoices):
        DANISH = "da", "Dansk"
        ENGLISH = "en", "English"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100)
    language = models.CharField(max_length=5, choices=Language, default=Language.DANISH)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_an_email")]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        """Return the name as people write it."""
        return self.name

    def get_short_name(self) -> str:
        """Return the first name."""
        return self.name.split(" ")[0]


class Membership(ScopedModel):
    """A person does something in an organisation, from one day to another (`to_date` is the first day without)."""

    boundary = Owned()
    read_purposes = frozenset({Purpose.SUPPORT, Purpose.WATCH, Purpose.PURCHASE, *ADMINISTERED})
    write_purposes = ADMINISTERED

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="memberships")
    role = models.CharField(max_length=30, choices=Role)
    from_date = models.DateField()
    to_date = models.DateField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "organisation"], name="memberships_of_a_user")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(to_date=None) | models.Q(to_date__gte=models.F("from_date")),
                name="membership_ends_after_it_starts",
            ),
        ]


class ApiToken(ScopedModel):
    """A machine's way in. Only the hash is kept."""

    boundary = Owned()
    read_purposes = ADMINISTERED
    write_purposes = ADMINISTERED

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=100)
    hash = models.CharField(max_length=64, unique=True)
    purposes = models.JSONField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
