"""Who feeds the crash tests: shippers that send a batch again until it is answered."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from uuid import UUID

import attrs
import httpx


@attrs.define(kw_only=True)
class Shipper(threading.Thread):
    """Sends documents in batches by `_bulk` and sends each again until it is answered 201 or 409.

    Now and then it hangs up before the answer, as a shipper with a short patience does: what it sends again may be
    stored already. `document` makes the document of an `_id`.
    """

    organisation: UUID
    token: str
    port: int
    stop: threading.Event
    chance: random.Random
    document: Callable[[str], Mapping[str, object]]
    per_request: int = 100
    pause_s: float = 0.01
    acknowledged: set[str] = attrs.field(factory=set)
    sent_again: int = 0
    conflicts: int = 0

    def __attrs_pre_init__(self) -> None:
        threading.Thread.__init__(self, daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        for first in itertools.count(step=self.per_request):
            if self.stop.is_set():
                return
            waiting = {f"{self.organisation.int}-{number}" for number in range(first, first + self.per_request)}
            tries = 0
            while waiting:
                taken = self._send(sorted(waiting))
                self.acknowledged |= taken
                waiting -= taken
                tries += 1
                self.sent_again += tries > 1
                time.sleep(self.pause_s if taken else 0.1)

    def _send(self, names: list[str]) -> set[str]:
        lines = []
        for name in names:
            lines += [json.dumps({"create": {"_id": name}}), json.dumps(self.document(name))]
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{self.port}/_bulk",
                content="\n".join(lines) + "\n",
                headers={"Content-Type": "application/x-ndjson", "Authorization": f"ApiKey {self.token}"},
                timeout=httpx.Timeout(10, read=0.003 if self.chance.random() < 0.1 else 10),
                trust_env=False,
            )
            items = answer.json()["items"] if answer.status_code == 200 else []
        except (httpx.HTTPError, ValueError):
            return set()
        statuses = [(item["create"]["_id"], item["create"]["status"]) for item in items]
        self.conflicts += sum(status == 409 for _, status in statuses)
        return {name for name, status in statuses if status in (201, 409)}
