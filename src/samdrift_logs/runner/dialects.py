"""The source types that the engine can read by itself, without an EventBatch: each as a Dialect.

Here, because only the runner knows both the normalisers and the engine. A test holds each Dialect equal to its
normaliser, match for match.
"""

from __future__ import annotations

from collections.abc import Mapping

from samdrift_logs.detect.dialect import Dialect
from samdrift_logs.events import Value
from samdrift_logs.normalise import windows
from samdrift_logs.normalise.windows_json.normalise import MOST_WITH_MESSAGE, OTHER_NAMES


def _logsource(channel: Value, code: Value) -> tuple[str | None, str | None]:
    columns = windows.make_event({"Channel": channel, "EventID": code}, at=None).columns
    return columns.get("category"), columns.get("service")


def _has_account(channel: Value, code: Value) -> bool:
    return channel == "Security" and str(code) == "4688"


WINDOWS_JSON = Dialect(
    name="windows_json",
    product="windows",
    other_names=OTHER_NAMES,
    required=("EventID", "Channel"),
    message="Message",
    message_most=MOST_WITH_MESSAGE,
    logsource_of=_logsource,
    account=("SubjectDomainName", "SubjectUserName", "User"),
    has_account=_has_account,
)

DIALECTS: Mapping[str, Dialect] = {WINDOWS_JSON.name: WINDOWS_JSON}
