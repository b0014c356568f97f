"""The lake as a whole: which organisations have tables, created at onboarding and removed at leaving."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import attrs

from samdrift_logs.lake import _storage, durable, upkeep
from samdrift_logs.lake.gate import Gate, OrganisationStatistics
from samdrift_logs.lake.upkeep import Upkeep
from samdrift_logs.scope import Scope


@attrs.frozen
class Lake:
    """The folder with one pair of Delta tables (`events`, `rejects`) per organisation."""

    root: Path = attrs.field(converter=Path)

    def create(self, organisation: UUID) -> bool:
        """Create an organisation's tables, durably and whole or not at all. Call it at onboarding; again is harmless.

        Returns whether anything was created. Raises StorageFailed.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise durable.refused(error, self.root) from error
        return _storage.create_tables(self.root, organisation)

    def remove(self, organisation: UUID) -> bool:
        """Delete every stored line of an organisation for good. Returns whether there was anything."""
        return _storage.remove_tables(self.root, organisation)

    def organisations(self) -> tuple[UUID, ...]:
        """Return the organisations that have tables. Raises StorageFailed where the lake's folder is gone."""
        return _storage.organisations_in(self.root)

    def statistics(self, scope: Scope | None) -> tuple[OrganisationStatistics, ...]:
        """Return rows, bytes on disk and days per organisation of the Scope. Raises ScopeMissing, ScopeRefused."""
        return Gate(self).statistics(scope)

    def compact(self, *, organisations: Iterable[UUID] | None = None, min_files: int = 8) -> Upkeep:
        """Merge the small files of each day into few sorted ones. Readers and the writer go on meanwhile."""
        return self._each(organisations, lambda one: upkeep.compact(self.root, one, min_files=min_files))

    def retain(self, *, days: int, now: dt.datetime, organisations: Iterable[UUID] | None = None) -> Upkeep:
        """Take out whole days older than `days` (UTC days of received_at). `vacuum` then deletes their files."""
        return self._each(organisations, lambda one: upkeep.retain(self.root, one, days=days, now=now))

    def vacuum(self, *, grace_hours: float = 1, organisations: Iterable[UUID] | None = None) -> Upkeep:
        """Delete files that left their table more than `grace_hours` ago, orphans of a crash too.

        Less than an hour only where neither a writer nor a reader runs.
        """
        return self._each(organisations, lambda one: upkeep.vacuum(self.root, one, grace_hours=grace_hours))

    def checkpoint(self, *, after_commits: int = 20, organisations: Iterable[UUID] | None = None) -> Upkeep:
        """Shorten the log of each table that has `after_commits` commits since its last checkpoint."""
        return self._each(organisations, lambda one: upkeep.checkpoint(self.root, one, after_commits=after_commits))

    def _each(self, organisations: Iterable[UUID] | None, work: upkeep.Work) -> Upkeep:
        done = Upkeep()
        for organisation in self.organisations() if organisations is None else organisations:
            done = done.plus(work(organisation))
        return done
