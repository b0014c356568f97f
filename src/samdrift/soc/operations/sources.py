"""Administer log sources: register, credentials, networks, on and off; every change is published to the doors.

After commit the whole registry is written to data/sources.json (atomic rename), which the receiver and the workers take
up within two seconds. A revoked credential is out of that file before the next line is taken.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
from django.conf import settings
from django.db import transaction

from samdrift.catalogue.models import Subscription
from samdrift.federation.models import Organisation
from samdrift.foundation import audit, outbox, scoped
from samdrift.foundation.models import Counter
from samdrift.foundation.numbers import next_number
from samdrift.soc.models import Credential, Source
from samdrift.soc.operations.lake import prepare_lake
from samdrift_logs.errors import InputRefused, SamdriftError, StorageFailed
from samdrift_logs.events.sources import (
    AUTO,
    OrganisationName,
    SourceRegistry,
    token_digest,
    write_registry,
)
from samdrift_logs.events.sources import Source as RegistrySource
from samdrift_logs.normalise import source_types
from samdrift_logs.scope import Purpose, Scope, all_organisations

_SERIES = "source registry"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SourceNotFound(SamdriftError):
    """There is no such source or credential within the Scope at hand."""


class SourceRefused(SamdriftError):
    """What was given for the source cannot be used. Nothing was changed."""


@attrs.frozen(kw_only=True)
class IssuedToken:
    """A new credential. `token` is shown this once; only its hash is kept."""

    credential: UUID
    token: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Registered:
    """A new source. `token` is shown this once, None where none was asked for."""

    source: UUID
    token: str | None = attrs.field(repr=False)


@transaction.atomic
def register_source(
    *,
    organisation: UUID,
    name: str,
    source_type: str = "auto",
    timezone: str = "Europe/Copenhagen",
    networks: Sequence[str] = (),
    hosts: Sequence[str] = (),
    subscription: UUID | None = None,
    silence_minutes: int = 60,
    with_token: bool = False,
    at: dt.datetime,
) -> Registered:
    """Register a stream of logs, with a token where wished. It is known to the doors within two seconds.

    The organisation's tables in the lake are made first, since the writer never makes any.

    Raises SourceRefused for a name that is taken, an unknown source type or zone, a network that is none or another
    organisation's.
    """
    title = name.strip()
    if not title or Source.objects.filter(organisation=organisation, name=title).exists():
        raise SourceRefused("give the source a name that the organisation has not used yet")
    source = Source.objects.create(
        organisation_id=organisation,
        name=title,
        type=_type(source_type),
        timezone=_zone(timezone),
        networks=_networks(networks, organisation=organisation),
        hosts=[host.strip().lower() for host in hosts if host.strip()],
        subscription=_subscription(subscription, organisation=organisation),
        silence_minutes=silence_minutes,
        registered_at=at,
    )
    _tell(source, "registered", after={"name": title, "type": source_type, "networks": source.networks}, at=at)
    prepare_lake(organisation=organisation)
    token = issue_token(source=source.pk, at=at).token if with_token else None
    return Registered(source=UUID(str(source.pk)), token=token)


@transaction.atomic
def issue_token(*, source: UUID, at: dt.datetime) -> IssuedToken:
    """Make a token for bulk and other doors; existing ones stay valid. Raises SourceNotFound."""
    found, token = _locked(source), f"sd_{secrets.token_urlsafe(32)}"
    credential = Credential.objects.create(
        organisation_id=found.organisation_id,
        source=found,
        kind=Credential.Kind.TOKEN,
        digest=token_digest(token),
        hint=token[-4:],
        issued_at=at,
    )
    _tell(found, "token_issued", after={"credential": str(credential.pk), "hint": credential.hint}, at=at)
    return IssuedToken(credential=UUID(str(credential.pk)), token=token)


@transaction.atomic
def rotate_token(*, source: UUID, at: dt.datetime) -> IssuedToken:
    """Make a new token and revoke the source's others at once. Raises SourceNotFound."""
    old = list(
        Credential.objects.filter(source=source, kind=Credential.Kind.TOKEN, revoked_at=None).values_list(
            "pk", flat=True
        )
    )
    issued = issue_token(source=source, at=at)
    for credential in old:
        revoke_credential(credential=credential, reason="rotated", at=at)
    return issued


@transaction.atomic
def add_certificate(*, source: UUID, sha256: str, at: dt.datetime) -> UUID:
    """Let a client certificate (SHA-256 of its DER, hex) be the source's. Raises SourceNotFound, SourceRefused."""
    found, digest = _locked(source), sha256.replace(":", "").strip().lower()
    if not _SHA256.fullmatch(digest):
        raise SourceRefused("give the certificate's SHA-256 fingerprint: 64 hexadecimal digits")
    with _everyone("refuse a certificate that is another source's"):
        taken = Credential.objects.filter(digest=digest).exists()
    if taken:
        raise SourceRefused("this certificate is registered already; a certificate belongs to one source for good")
    credential = Credential.objects.create(
        organisation_id=found.organisation_id,
        source=found,
        kind=Credential.Kind.CERTIFICATE,
        digest=digest,
        hint=digest[-8:],
        issued_at=at,
    )
    _tell(found, "certificate_added", after={"credential": str(credential.pk), "hint": credential.hint}, at=at)
    return UUID(str(credential.pk))


@transaction.atomic
def revoke_credential(*, credential: UUID, reason: str, at: dt.datetime) -> None:
    """Close a token or certificate; lines that come with it are refused within two seconds. Raises SourceNotFound."""
    found = Credential.objects.select_for_update().select_related("source").filter(pk=credential).first()
    if found is None:
        raise SourceNotFound(f"there is no credential {credential} within what you may see")
    if found.revoked_at is not None:
        return
    found.revoked_at = at
    found.save(update_fields=["revoked_at"])
    after = {"credential": str(credential), "hint": found.hint}
    _tell(found.source, "credential_revoked", after=after, at=at, reason=reason)


@transaction.atomic
def set_networks(
    *, source: UUID, networks: Sequence[str] | None = None, hosts: Sequence[str] | None = None, at: dt.datetime
) -> None:
    """Say from which addresses (and, within them, which host names) plain syslog is this source's.

    What is None stays as it is. Raises SourceNotFound, SourceRefused.
    """
    found = _locked(source)
    before = {"networks": found.networks, "hosts": found.hosts}
    if networks is not None:
        found.networks = _networks(networks, organisation=found.organisation_id)
    if hosts is not None:
        found.hosts = [host.strip().lower() for host in hosts if host.strip()]
    found.save(update_fields=["networks", "hosts"])
    _tell(found, "networks_set", before=before, after={"networks": found.networks, "hosts": found.hosts}, at=at)


@transaction.atomic
def set_enabled(*, source: UUID, enabled: bool, reason: str, at: dt.datetime) -> None:
    """Take a source's lines, or refuse them at the door. Raises SourceNotFound."""
    found = _locked(source)
    before, found.enabled = {"enabled": found.enabled}, enabled
    found.save(update_fields=["enabled"])
    _tell(found, "enabled" if enabled else "disabled", before=before, after={"enabled": enabled}, at=at, reason=reason)


@transaction.atomic
def set_subscription(*, source: UUID, subscription: UUID | None, at: dt.datetime) -> None:
    """Say which subscribed service the source belongs to, and so which unit handles its alerts from now on.

    Raises SourceNotFound, SourceRefused.
    """
    found = _locked(source)
    found.subscription = _subscription(subscription, organisation=found.organisation_id)
    found.save(update_fields=["subscription"])
    _tell(found, "subscription_set", after={"subscription": str(subscription) if subscription else None}, at=at)


def write_registry_snapshot(*, at: dt.datetime) -> Path:
    """Bring data/sources.json up to what is committed, and return it. Safe and cheap to repeat.

    Two writers at once take turns, and each reads after the other wrote, so the newest state always stays.
    """
    path: Path = settings.SAMDRIFT.data / "sources.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(".sources.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _everyone("write the source registry for the doors"):
            if _written_version(path) != _version():
                write_registry(path, _registry(at=at))
    return path


def _written_version(path: Path) -> int | None:
    try:
        return SourceRegistry.load(path).version
    except (InputRefused, StorageFailed):
        return None  # not there or damaged: to be written anew


def _registry(*, at: dt.datetime) -> SourceRegistry:
    credentials: dict[tuple[UUID, str], list[str]] = {}
    for credential in Credential.objects.filter(revoked_at=None):
        credentials.setdefault((credential.source_id, credential.kind), []).append(credential.digest)
    sources = list(Source.objects.all())
    names = Organisation.objects.filter(pk__in={source.organisation_id for source in sources})
    return SourceRegistry(
        version=_version(),
        written_at=at,
        organisations=[OrganisationName(id=row.pk, name=row.short_name) for row in names],
        sources=[
            RegistrySource(
                id=source.pk,
                organisation=source.organisation_id,
                name=source.name,
                type=source.type,
                timezone=source.timezone,
                tokens=tuple(credentials.get((source.pk, Credential.Kind.TOKEN), ())),
                networks=tuple(source.networks),
                hosts=tuple(source.hosts),
                certificates=tuple(credentials.get((source.pk, Credential.Kind.CERTIFICATE), ())),
                enabled=source.enabled,
            )
            for source in sources
        ],
    )


def _version() -> int:
    counter = Counter.objects.filter(organisation=audit.INSTALLATION, series=_SERIES).first()
    return counter.last if counter else 0


def _everyone(reason: str) -> AbstractContextManager[Scope]:
    """Enter the Scope over every source for one look of this module's own; nothing of it reaches a reader."""
    return scoped.entered(all_organisations(purpose=Purpose.OPERATION, reason=reason, actor="samdrift soc"))


def _locked(source: UUID) -> Source:
    scoped.check_write(Source, [])
    found: Source | None = Source.objects.select_for_update().filter(pk=source).first()
    if found is None:
        raise SourceNotFound(f"there is no source {source} within what you may see")
    return found


def _type(name: str) -> str:
    known = (*source_types(), AUTO)
    if name not in known:
        raise SourceRefused(f"{name!r} is no source type; choose one of {', '.join(sorted(known))}")
    return name


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SourceRefused(f"{name!r} is no time zone; write one such as Europe/Copenhagen") from error


def _networks(texts: Sequence[str], *, organisation: UUID) -> list[str]:
    """Return networks in their canonical form. Raises SourceRefused for one that is none or overlaps another's.

    Overlap would give away logs: the more specific network wins at the door. The other organisation is not named.
    """
    wanted = []
    for text in texts:
        try:
            wanted.append(ipaddress.ip_network(text.strip()))
        except ValueError as error:
            raise SourceRefused(f"{text!r} is no network; write one such as 10.20.0.0/16 ({error})") from error
    if wanted:
        with _everyone("refuse a network that is another organisation's"):
            rows = Source.objects.exclude(organisation=organisation).values_list("networks", flat=True)
            taken = [ipaddress.ip_network(text) for row in rows for text in row]
        for network in wanted:
            if any(network.version == other.version and network.overlaps(other) for other in taken):
                raise SourceRefused(f"{network} overlaps a network of another organisation; use a token or certificate")
    return [str(network) for network in wanted]


def _subscription(subscription: UUID | None, *, organisation: UUID) -> Subscription | None:
    if subscription is None:
        return None
    found: Subscription | None = Subscription.objects.filter(pk=subscription, organisation=organisation).first()
    if found is None:
        raise SourceRefused("the subscription is not the organisation's own")
    return found


def _tell(
    source: Source,
    what: str,
    *,
    at: dt.datetime,
    reason: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object],
) -> None:
    """Audit, publish the fact, count the registry up, and write its snapshot after commit."""
    name = f"soc.source.{what}"
    organisation = source.organisation_id
    audit.record(
        organisation=organisation, action=name, subject=source, reason=reason, before=before, after=after, at=at
    )
    outbox.publish(organisation=organisation, fact=name, payload={"source": str(source.pk), **after}, at=at)
    with scoped.entered(_of_installation()):
        next_number(audit.INSTALLATION, _SERIES)
    transaction.on_commit(lambda: _write_after_commit(at))


def _write_after_commit(at: dt.datetime) -> None:
    write_registry_snapshot(at=at)


def _of_installation() -> Scope:
    return Scope(
        organisations={audit.INSTALLATION}, purpose=Purpose.OPERATION, reason="count the registry", actor="samdrift soc"
    )
