"""What one source type does to a flat JSON object before rules see it, as data, so that a compiled reader can do the
same.

Whoever knows both the normaliser and the engine gives the engine a Dialect; a test holds the way through lines equal to
the way through the normaliser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from samdrift_logs.events import Value


def _nothing(_channel: Value, _code: Value) -> tuple[str | None, str | None]:
    return None, None


def _never(_channel: Value, _code: Value) -> bool:
    return False


@attrs.frozen(kw_only=True)
class Dialect:
    """How flat lines of one source type become fields and kinds.

    `other_names`: a name, and the names that stand in for it where it is missing, first wins. `required` names must
    then be there, or the line is left to the slow path. `message` is dropped where there are more than `message_most`
    other fields. `logsource_of` gives category and service by Channel and EventID, where they decide; `has_account`
    tells for which of them `account` (domain, name, target) makes a field DOMAIN\\name where the target is missing.
    """

    name: str
    product: str | None = None
    category: str | None = None
    service: str | None = None
    other_names: Sequence[tuple[str, Sequence[str]]] = ()
    required: Sequence[str] = ()
    message: str | None = None
    message_most: int = 0
    logsource_of: Callable[[Value, Value], tuple[str | None, str | None]] = _nothing
    account: tuple[str, str, str] | None = None
    has_account: Callable[[Value, Value], bool] = _never

    @property
    def exact(self) -> frozenset[str]:
        """Return the names that count in this spelling only: a line with another spelling takes the slow path."""
        names = {target for target, _ in self.other_names} | {*self.required, *(self.account or ())}
        return frozenset(names | ({self.message} if self.message else set()))
