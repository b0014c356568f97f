"""How the processes of the pipeline do, as they say themselves in data/run/*.json."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from django.conf import settings

from samdrift.foundation import scoped
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose

READ_PURPOSES = frozenset({Purpose.WATCH, Purpose.ADMINISTRATION, Purpose.OPERATION})
FRESH = dt.timedelta(seconds=30)


@attrs.frozen(kw_only=True)
class ProcessState:
    """What one process last wrote. `is_alive`: within the last half minute, and it did not say that it stopped."""

    name: str
    seen_at: dt.datetime | None
    is_alive: bool
    counters: Mapping[str, object]
    problem: str


@attrs.frozen(kw_only=True)
class PipelineState:
    """All processes that ever wrote, by name."""

    processes: Sequence[ProcessState]

    @property
    def is_alive(self) -> bool:
        """Tell whether there is a process and all of them are alive."""
        return bool(self.processes) and all(process.is_alive for process in self.processes)


def pipeline_state(*, at: dt.datetime) -> PipelineState:
    """Return the state of receiver and workers. A file that cannot be read is shown as a problem, not left out.

    The counters are the installation's, of no organisation. Still they are for those who watch or run it: raises
    ScopeMissing, ScopeRefused.
    """
    if (scope := scoped.current()).purpose not in READ_PURPOSES:
        raise ScopeRefused(f"the state of the pipeline is not read for the purpose {scope.purpose}")
    folder: Path = settings.SAMDRIFT.data / "run"
    return PipelineState(processes=[_state(path, at=at) for path in sorted(folder.glob("*.json"))])


def _state(path: Path, *, at: dt.datetime) -> ProcessState:
    try:
        seen_at = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        counters = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(counters, dict):
            raise ValueError("holds no object")
    except (OSError, ValueError) as error:
        return ProcessState(name=path.stem, seen_at=None, is_alive=False, counters={}, problem=f"{path.name}: {error}")
    alive = at - seen_at <= FRESH and not counters.get("stopped")
    return ProcessState(name=path.stem, seen_at=seen_at, is_alive=alive, counters=counters, problem="")
