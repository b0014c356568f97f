"""The sink that `samdrift work` is given. Thin: enters the Scope that the process asked for once and records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from samdrift.foundation import scoped
from samdrift.soc import operations
from samdrift_logs.scope import Scope

if TYPE_CHECKING:
    from samdrift_logs.detect.alerts import Alert


def sink(scope: Scope) -> Callable[[Sequence[Alert]], None]:
    """Return what the worker hands alerts to, in a Scope over everyone; an error leaves the batch unacknowledged."""

    def take(alerts: Sequence[Alert]) -> None:
        with scoped.entered(scope):
            operations.record_alerts(alerts=alerts, at=dt.datetime.now(dt.UTC))

    return take
