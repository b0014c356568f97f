"""Rules that may change while events flow: a new rule set is a new Engine, built aside, taken between two batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from samdrift_logs.detect.engine import Engine
from samdrift_logs.detect.files import rule_paths
from samdrift_logs.detect.rules import RuleSet
from samdrift_logs.detect.ruleset import load_rules
from samdrift_logs.errors import InputRefused

_Signature = tuple[tuple[str, int, int], ...]


class LiveRules:
    """The engine for rule folders as they are now, for one thread that evaluates.

    `engine()` costs nothing most of the time. At most every `check_every_s` seconds it looks at names, sizes and times
    of the rule files; when they differ, a new engine is built in a thread of its own, and taken at the first call after
    it is done. No event is missed meanwhile: the old engine goes on. Where a rule is refused in a file that was loaded
    without a fault before, or no rule is left, nothing changes until that is mended; `problem` says so. A new file that
    is refused stands in the rule set's `refused`, beside the rules that are taken.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        cache: Path | None = None,
        check_every_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = list(paths)
        self._cache = cache
        self._check_every_s = check_every_s
        self._clock = clock
        self._signature = self._look()
        self._engine = Engine(load_rules(self._paths, cache=cache), cache=cache)
        self._checked_at = clock()
        self._next: Engine | None = None
        self._building: threading.Thread | None = None
        self.problem: str | None = None

    def engine(self) -> Engine:
        """Return the engine to evaluate the next batch with."""
        if self._next is not None:
            self._engine, self._next = self._next, None
        if self._clock() - self._checked_at >= self._check_every_s and self._building is None:
            self._checked_at = self._clock()
            self._build_if_changed()
        return self._engine

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until an engine that is being built is done."""
        building = self._building
        if building is not None:
            building.join(timeout_s)

    def _build_if_changed(self) -> None:
        try:
            signature = self._look()
        except OSError as problem:
            self.problem, self._signature = f"the rules cannot be looked at: {problem}", ()
            return
        if signature != self._signature:
            self._signature = signature
            self._building = threading.Thread(target=self._build, name="rules", daemon=True)
            self._building.start()

    def _build(self) -> None:
        try:
            ruleset = load_rules(self._paths, cache=self._cache)
            before = self._engine.ruleset
            _refuse_loss(before, ruleset)
            if (ruleset.version, ruleset.refused) != (before.version, before.refused):
                self._next = Engine(ruleset, cache=self._cache)
            self.problem = None
        except (InputRefused, OSError) as problem:
            self.problem = str(problem)
        except Exception as problem:  # a door: a thread has nobody else to tell
            self.problem = f"the rules could not be built: {type(problem).__name__}: {problem}"
        finally:
            self._building = None

    def _look(self) -> _Signature:
        found = []
        for path in self._paths:
            for file in rule_paths(path):
                try:
                    status = file.stat()
                except OSError:
                    continue  # gone since it was listed: the next look sees that
                found.append((str(file), status.st_mtime_ns, status.st_size))
        return tuple(found)


def _refuse_loss(before: RuleSet, after: RuleSet) -> None:
    """Raise InputRefused where a rule that worked is one no longer because of a fault, not because it was removed."""
    faultless = {rule.file for rule in before.rules} - {refusal.file for refusal in before.refused}
    lost = [refusal for refusal in after.refused if refusal.file in faultless]
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        raise InputRefused(f"{lost[0]}{more}; the rules from before go on")
    if not after.rules:
        raise InputRefused("no rule could be loaded any more; the rules from before go on")
